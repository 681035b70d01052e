"""/graphs: what lbva-graphs has measured, as pictures and tables."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel

from lbadmin.api.auth import Caller
from lbadmin.api.context import Context, ContextDep
from lbadmin.api.problems import RESPONSES
from lbadmin.client import PREFIX
from lbadmin.errors import NotFoundError, UnavailableError
from lbadmin.graphs.layout import BUDGET_BYTES, KINDS, SEPARATOR, kind_of
from lbadmin.graphs.protocol import SOCKET, ask

router = APIRouter(prefix=f"{PREFIX}/graphs", responses=RESPONSES, tags=["monitoring"])

Period = Literal["hour", "day", "week", "month", "year"]
Show = Literal["", "cpu", "memory", "sessions", "rate", "traffic"]
Size = Literal["wide", "narrow", "small"]
Id = Annotated[
    str, Path(description="an id of /graphs, such as cpu or service~OCS-Front-End", max_length=160)
]


class GraphPicture(BaseModel):
    """A picture of an object."""

    name: str
    title: str
    unit: str


class Graph(BaseModel):
    """An object that is measured; not `graphed` when the room is used up by those before it."""

    id: str
    kind: Literal["cpu", "memory", "interface", "service", "server"]
    labels: list[str]
    graphed: bool
    pictures: list[GraphPicture]


class Graphs(BaseModel):
    """All objects, in the order in which they get room, and the room (bytes)."""

    enabled: bool
    graphs: list[Graph]
    size_bytes: int
    budget_bytes: int


class _Png(Response):
    media_type = "image/png"


class _Csv(Response):
    media_type = "text/csv"


@router.get("", operation_id="getGraphs", summary="List what there are graphs of")
def get_graphs(context: ContextDep, _: Caller) -> Graphs:
    """CPU, memory, interfaces, virtual services and real servers that there are now."""
    if not context.changes.current.node.graphing.enabled:
        return Graphs(enabled=False, graphs=[], size_bytes=0, budget_bytes=BUDGET_BYTES)
    said = _ask(context, {"what": "list"})[0]
    graphs = [_graph(name, graphed=graphed) for name, graphed in said["objects"]]
    return Graphs(
        enabled=True, graphs=graphs, size_bytes=said["size_bytes"], budget_bytes=said["budget_bytes"]
    )


@router.get("/{graph}.png", operation_id="getGraphPng", summary="Draw a graph", response_class=_Png)
def get_png(
    context: ContextDep,
    _: Caller,
    graph: Id,
    period: Annotated[Period, Query()] = "hour",
    show: Annotated[Show, Query(description="which picture of the object; the first one when left out")] = "",
    size: Annotated[Size, Query(description="narrow for a phone, small without figures")] = "wide",
) -> Response:
    """A PNG of the period that ends now."""
    request = {"what": "png", "object": graph, "period": period, "show": show, "size": size}
    return _Png(_ask(context, request)[1])


@router.get("/{graph}.csv", operation_id="getGraphCsv", summary="Read a graph's values", response_class=_Csv)
def get_csv(
    context: ContextDep, _: Caller, graph: Id, period: Annotated[Period, Query()] = "hour"
) -> Response:
    """All values of the period that ends now, oldest first; times are UTC, and blank is unknown.

    A row is 10 s for hour and day, 5 min for week, 30 min for month, 6 h for year.
    """
    body = _ask(context, {"what": "csv", "object": graph, "period": period})[1]
    name = f"{graph.replace(SEPARATOR, '-')}-{period}.csv"
    return _Csv(body, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _ask(context: Context, request: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Ask lbva-graphs. Raises NotFoundError or UnavailableError."""
    if not context.changes.current.node.graphing.enabled:
        raise NotFoundError("there are no graphs; switch them on under Local Configuration, Graphing")
    if request["what"] != "list" and kind_of(request["object"]) is None:
        raise NotFoundError("there is no such graph; GET /graphs lists them")
    try:
        said, body = ask(context.system.path(SOCKET), request)
    except (OSError, ValueError) as error:
        raise UnavailableError(f"lbva-graphs does not answer: {error}; try again in a minute") from error
    if "error" in said:
        raise NotFoundError(f"{said['error']}; GET /graphs lists what there is")
    return said, body


def _graph(name: str, *, graphed: bool) -> Graph:
    kind, *labels = name.split(SEPARATOR)
    pictures = [
        GraphPicture(name=each.name, title=each.title, unit=each.unit) for each in KINDS[kind].pictures
    ]
    return Graph.model_validate(
        {"id": name, "kind": kind, "labels": labels, "graphed": graphed, "pictures": pictures}
    )
