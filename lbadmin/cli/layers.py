"""The verbs of virtual services and real servers, which are the same for every layer."""

from typing import NamedTuple
from urllib.parse import quote

from lbadmin.bodies import body_of
from lbadmin.catalogue import Section, fields_of
from lbadmin.cli.grammar import Json, Options, Parser, Show, Verb, take_sections, texts_given
from lbadmin.cli.terminal import UsageError
from lbadmin.client import Client


class Layer(NamedTuple):
    """A layer: its name in paths, what its verbs' names have within, its fields, and how they are shown.

    `services` are the options of a service and `servers` those of a real server. `add_example` and
    `edit_example` are options for the verbs' help.
    """

    name: str
    within: str
    services: tuple[Section, ...]
    servers: tuple[Section, ...]
    show_list: Show
    show_one: Show
    show_servers: Show
    add_example: str
    edit_example: str

    @property
    def kind(self) -> str:
        """What a virtual service of the layer is called."""
        return "layer 4 virtual service" if self.within else "virtual service"

    @property
    def path(self) -> str:
        """The path of the virtual services."""
        return f"/{self.name}/virtual-services"

    def service_path(self, label: str) -> str:
        """Return the path of a virtual service."""
        return f"{self.path}/{quote(label, safe='')}"

    def server_path(self, vip: str, label: str) -> str:
        """Return the path of a real server."""
        return f"{self.service_path(vip)}/real-servers/{quote(label, safe='')}"

    def labels(self, client: Client) -> list[str]:
        """Return the labels of the virtual services."""
        return [str(each["label"]) for each in client.call("GET", self.path)["virtual_services"]]

    def take_vip(self, parser: Parser) -> None:
        """Add the option that says which virtual service."""
        parser.take("--label", required=True, completes=f"{self.name} services", help="the virtual service")


def verbs_of(layer: Layer) -> tuple[Verb, ...]:
    """Return the verbs of a layer."""
    return (*_service_verbs(layer), *_server_verbs(layer))


def _service_verbs(layer: Layer) -> tuple[Verb, ...]:
    vip, kind, of_ocs = f"{layer.within}vip", layer.kind, "--label OCS-Front-End"

    def take_service(parser: Parser) -> None:
        take_sections(parser, *layer.services, new=True)

    def take_changed_service(parser: Parser) -> None:
        layer.take_vip(parser)
        _take_changed(parser, layer.services)

    def list_services(client: Client, _: Options) -> Json:
        return client.call("GET", layer.path)

    def show(client: Client, options: Options) -> Json:
        return client.call("GET", layer.service_path(options.label))

    def add(client: Client, options: Options) -> Json:
        return client.call("POST", layer.path, _new(options, layer.services))

    def edit(client: Client, options: Options) -> Json:
        body = _changes(options, layer.services)
        return client.call("PATCH", layer.service_path(options.label), body)

    def delete(client: Client, options: Options) -> Json:
        return client.call("DELETE", layer.service_path(options.label))

    return (
        Verb(f"list-{vip}s", f"list the {kind}s", list_services, layer.show_list),
        Verb(
            f"show-{vip}", f"show all about a {kind}", show, layer.show_one, layer.take_vip,
            f"show-{vip} {of_ocs}",
        ),
        Verb(
            f"add-{vip}", f"add a {kind}", add, options=take_service,
            example=f"add-{vip} {of_ocs} {layer.add_example}",
        ),
        Verb(
            f"edit-{vip}", f"change a {kind}", edit, options=take_changed_service,
            example=f"edit-{vip} {of_ocs} {layer.edit_example}",
        ),
        Verb(
            f"delete-{vip}", f"delete a {kind} with its real servers", delete, options=layer.take_vip,
            example=f"delete-{vip} {of_ocs}",
        ),
    )  # fmt: skip


def _server_verbs(layer: Layer) -> tuple[Verb, ...]:
    rip, kind, of_server = f"{layer.within}rip", layer.kind, "--vip OCS-Front-End --label FE-1"

    def take_place(parser: Parser) -> None:
        parser.take("--vip", required=True, completes=f"{layer.name} services", help=f"label of the {kind}")

    def take_rip(parser: Parser) -> None:
        take_place(parser)
        parser.take("--label", required=True, completes="servers", help="the real server")

    def take_server(parser: Parser) -> None:
        take_place(parser)
        take_sections(parser, *layer.servers, new=True)

    def take_changed_server(parser: Parser) -> None:
        take_rip(parser)
        _take_changed(parser, layer.servers)

    def list_servers(client: Client, options: Options) -> Json:
        return client.call("GET", f"{layer.service_path(options.vip)}/real-servers")

    def add_server(client: Client, options: Options) -> Json:
        path = f"{layer.service_path(options.vip)}/real-servers"
        return client.call("POST", path, _new(options, layer.servers))

    def edit_server(client: Client, options: Options) -> Json:
        body = _changes(options, layer.servers)
        return client.call("PATCH", layer.server_path(options.vip, options.label), body)

    def delete_server(client: Client, options: Options) -> Json:
        return client.call("DELETE", layer.server_path(options.vip, options.label))

    return (
        Verb(
            f"list-{rip}s", f"list the real servers of a {kind}", list_servers, layer.show_servers,
            take_place, f"list-{rip}s --vip OCS-Front-End",
        ),
        Verb(
            f"add-{rip}", f"add a real server to a {kind}", add_server, options=take_server,
            example=f"add-{rip} {of_server} --ip 192.168.10.31",
        ),
        Verb(
            f"edit-{rip}", f"change a real server of a {kind}", edit_server, options=take_changed_server,
            example=f"edit-{rip} {of_server} --weight 50",
        ),
        Verb(
            f"delete-{rip}", f"delete a real server of a {kind}", delete_server, options=take_rip,
            example=f"delete-{rip} {of_server}",
        ),
    )  # fmt: skip


def _take_changed(parser: Parser, sections: tuple[Section, ...]) -> None:
    # Beside --label, which says what is changed, --new-label says what the label becomes.
    parser.take("--new-label", metavar="LABEL", help="rename it")
    take_sections(parser, *sections, new=False, without=("label",))


def _new(options: Options, sections: tuple[Section, ...]) -> Json:
    return body_of(texts_given(options, *sections), fields_of(*sections))


def _changes(options: Options, sections: tuple[Section, ...]) -> Json:
    """Return the body that changes what was given. Raises UsageError when nothing was."""
    texts = texts_given(options, *sections)
    # It says what is changed.
    del texts["label"]
    body = body_of(texts, fields_of(*sections))
    if options.new_label is not None:
        body["label"] = options.new_label
    if not body:
        raise UsageError("nothing to change; give at least one option beside the label")
    return body
