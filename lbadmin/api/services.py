"""The routes of virtual services and of their real servers, the same for every layer."""

from collections.abc import Callable, Mapping
from types import GenericAlias
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, create_model

from lbadmin.api.patches import patch_of, patched
from lbadmin.api.problems import CREATED, RESPONSES
from lbadmin.api.revisions import Reader, Writer
from lbadmin.client import PREFIX
from lbadmin.document import Document
from lbadmin.edits import R, S, Services, changed
from lbadmin.model import ClusterConfig, State

ServicePatch = TypeVar("ServicePatch", bound=BaseModel)
ServerPatch = TypeVar("ServerPatch", bound=BaseModel)
_VARIABLES = (S, R, ServicePatch, ServerPatch)


class StateChange(Document):
    """The state that a real server should have."""

    state: Annotated[State, Field(description="online: serve; drain: keep clients, no new ones; halt: none")]


class _Routes(APIRouter):
    """Routes that are written once: their type variables are models, another for each layer."""

    def __init__(self, models: Mapping[object, type[BaseModel]], **options: Any) -> None:  # noqa: ANN401 - FastAPI's
        super().__init__(**options)
        self._models = models

    def add_api_route(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:  # noqa: ANN401 - FastAPI's
        """Add a route, as the decorators do."""
        kinds = endpoint.__annotations__
        endpoint.__annotations__ = {name: self._models.get(kind, kind) for name, kind in kinds.items()}
        super().add_api_route(path, endpoint, **options)


def routes_of(layer: Services[S, R], prefix: str = "") -> APIRouter:
    """Return the routes below the layer's virtual-services; `prefix` makes their operations' names."""
    service: type[Document] = layer.service
    server: type[Document] = layer.server
    models = (service, server, patch_of(service), patch_of(server))
    router = _Routes(
        dict(zip(_VARIABLES, models, strict=True)),
        prefix=f"{PREFIX}/layer{layer.number}/virtual-services",
        responses=RESPONSES,
        tags=[f"layer {layer.number}"],
    )
    _add_services(router, layer, prefix)
    _add_servers(router, layer, prefix)
    return router


def _list_of(name: str, about: str, field: str, model: type[Document]) -> type[BaseModel]:
    """Return the model of a list, as the answer has it."""
    kind: Any = GenericAlias(tuple, (model, ...))
    fields: dict[str, Any] = {field: (kind, ...)}
    return create_model(name, __base__=Document, __doc__=about, **fields)


def _add_services(router: APIRouter, layer: Services[S, R], prefix: str) -> None:
    listed = _list_of(
        f"{prefix}VirtualServices",
        "All virtual services, in the order in which they were added.",
        "virtual_services",
        layer.service,
    )

    @router.get(
        "",
        operation_id=f"list{prefix}VirtualServices",
        summary="List the virtual services",
        response_model=listed,
    )
    def list_services(reader: Reader) -> dict[str, tuple[S, ...]]:
        """All virtual services with their real servers."""
        return {"virtual_services": layer.of(reader.cluster())}

    @router.post("", operation_id=f"add{prefix}VirtualService", summary="Add a virtual service", **CREATED)
    def add_service(writer: Writer, response: Response, service: S) -> S:
        """The label must be new, and no other service may have the address and a port of it."""
        writer.change_cluster(
            lambda cluster: layer.add(cluster, service), f"add {layer.kind} {service.label}"
        )
        response.headers["Location"] = f"{router.prefix}/{quote(service.label)}"
        return service

    @router.get("/{label}", operation_id=f"get{prefix}VirtualService", summary="Read a virtual service")
    def get_service(reader: Reader, label: str) -> S:
        """One virtual service with its real servers."""
        return layer.find(reader.cluster(), label)

    @router.put("/{label}", operation_id=f"put{prefix}VirtualService", summary="Replace a virtual service")
    def put_service(writer: Writer, label: str, service: S) -> S:
        """Replaces the service whole, its real servers included; another label in the body renames it."""
        writer.change_cluster(
            lambda cluster: layer.replace(cluster, label, service), f"change {layer.kind} {label}"
        )
        return service

    @router.patch("/{label}", operation_id=f"patch{prefix}VirtualService", summary="Change a virtual service")
    def patch_service(writer: Writer, label: str, patch: ServicePatch) -> S:
        """Fields that are left out stay as they are; a list of real servers replaces the old list."""
        after = writer.change_cluster(
            lambda cluster: layer.replace(cluster, label, patched(layer.find(cluster, label), patch)),
            f"change {layer.kind} {label}",
        )
        return layer.find(after, getattr(patch, "label", None) or label)

    @router.put(
        "/{label}/state",
        operation_id=f"put{prefix}VirtualServiceState",
        summary="Take all online, drain or halt",
    )
    def put_state(writer: Writer, label: str, body: StateChange) -> S:
        """The state of all its real servers, as one change that takes effect at once and without a reload."""
        after = writer.change_cluster(
            lambda cluster: layer.with_state(cluster, label, body.state), f"{body.state} {label}"
        )
        return layer.find(after, label)

    @router.delete(
        "/{label}",
        operation_id=f"delete{prefix}VirtualService",
        summary="Delete a virtual service",
        status_code=204,
    )
    def delete_service(writer: Writer, label: str) -> None:
        """Its real servers go with it. Connections of layer 7 stay until they end, those of layer 4 end."""
        writer.change_cluster(lambda cluster: layer.remove(cluster, label), f"delete {layer.kind} {label}")


def _add_servers(router: APIRouter, layer: Services[S, R], prefix: str) -> None:
    where = "/{label}/real-servers"
    listed = _list_of(
        f"{prefix}RealServers",
        "The real servers of one virtual service, in the order in which they were added.",
        "real_servers",
        layer.server,
    )

    @router.get(
        where,
        operation_id=f"list{prefix}RealServers",
        summary="List the real servers of a virtual service",
        response_model=listed,
    )
    def list_servers(reader: Reader, label: str) -> dict[str, tuple[R, ...]]:
        """All real servers, whatever their state."""
        return {"real_servers": layer.servers(reader.cluster(), label)}

    @router.post(where, operation_id=f"add{prefix}RealServer", summary="Add a real server", **CREATED)
    def add_server(writer: Writer, response: Response, label: str, server: R) -> R:
        """The label and the address must be new in the virtual service; a blank port is the client's."""
        writer.change_cluster(
            lambda cluster: layer.add_server(cluster, label, server),
            f"add real server {server.label} to {label}",
        )
        path = f"{router.prefix}{where}".replace("{label}", quote(label))
        response.headers["Location"] = f"{path}/{quote(server.label)}"
        return server

    @router.get(f"{where}/{{server}}", operation_id=f"get{prefix}RealServer", summary="Read a real server")
    def get_server(reader: Reader, label: str, server: str) -> R:
        """One real server as it is configured; /status tells how it is."""
        return layer.find_server(reader.cluster(), label, server)

    @router.put(f"{where}/{{server}}", operation_id=f"put{prefix}RealServer", summary="Replace a real server")
    def put_server(writer: Writer, label: str, server: str, body: R) -> R:
        """Replaces the real server whole; another label in the body renames it."""
        writer.change_cluster(
            lambda cluster: layer.replace_server(cluster, label, server, body),
            f"change real server {server} of {label}",
        )
        return body

    @router.patch(
        f"{where}/{{server}}", operation_id=f"patch{prefix}RealServer", summary="Change a real server"
    )
    def patch_server(writer: Writer, label: str, server: str, patch: ServerPatch) -> R:
        """Fields that are left out stay as they are; weight and state take effect without a reload."""
        after = writer.change_cluster(
            lambda cluster: layer.replace_server(
                cluster, label, server, patched(layer.find_server(cluster, label, server), patch)
            ),
            f"change real server {server} of {label}",
        )
        return layer.find_server(after, label, getattr(patch, "label", None) or server)

    @router.put(
        f"{where}/{{server}}/state",
        operation_id=f"put{prefix}RealServerState",
        summary="Take online, drain or halt",
    )
    def put_state(writer: Writer, label: str, server: str, body: StateChange) -> R:
        """Takes effect at once and without a reload."""

        def edit(cluster: ClusterConfig) -> ClusterConfig:
            old = layer.find_server(cluster, label, server)
            return layer.replace_server(cluster, label, server, changed(old, state=body.state))

        after = writer.change_cluster(edit, f"{body.state} {server} of {label}")
        return layer.find_server(after, label, server)

    @router.delete(
        f"{where}/{{server}}",
        operation_id=f"delete{prefix}RealServer",
        summary="Delete a real server",
        status_code=204,
    )
    def delete_server(writer: Writer, label: str, server: str) -> None:
        """Connections of layer 7 stay until they end: halt the real server first to end them."""
        writer.change_cluster(
            lambda cluster: layer.remove_server(cluster, label, server),
            f"delete real server {server} of {label}",
        )
