"""Graphs and alerts."""

from urllib.parse import quote

from lbadmin.cli.grammar import Group, Json, Options, Parser, Verb
from lbadmin.cli.tables import clean, table
from lbadmin.cli.terminal import UsageError, write_private
from lbadmin.client import Client

PERIODS = ("hour", "day", "week", "month", "year")
SHOWN = ("cpu", "memory", "sessions", "rate", "traffic")


def _graphs(client: Client, _: Options) -> Json:
    return client.call("GET", "/graphs")


def _show_graphs(answer: Json) -> str:
    rows = [
        [
            each["id"],
            " ".join(picture["name"] for picture in each["pictures"]),
            "yes" if each["graphed"] else "no room",
        ]
        for each in answer["graphs"]
    ]
    used = f"{answer['size_bytes'] / 1e6:.1f} MB of {answer['budget_bytes'] / 1e6:.0f} MB are used"
    return (
        f"{table(('graph', 'pictures', 'graphed'), rows)}\n{used}" if answer["enabled"] else "graphing is off"
    )


def _take_graph(parser: Parser) -> None:
    parser.take(
        "graph", metavar="GRAPH", help="such as cpu or service~OCS-Front-End: lbcli graphs lists them"
    )
    parser.take("--period", choices=PERIODS, default="hour", help="how far back (default: hour)")
    parser.take("--show", choices=SHOWN, default="", help="which picture (default: the first one)")
    parser.take(
        "--csv", metavar="FILE", completes="files", help="write the values to FILE; - is standard output"
    )
    parser.take("--png", metavar="FILE", completes="files", help="write the picture to FILE")


def _graph(client: Client, options: Options) -> Json:
    if options.csv is None and options.png is None:
        raise UsageError("nothing to write; give --csv or --png")
    path = f"/graphs/{quote(options.graph, safe='')}"
    if options.csv is not None:
        write_private(options.csv, client.call("GET", f"{path}.csv?period={options.period}"))
    if options.png is not None:
        picture = client.call("GET", f"{path}.png?period={options.period}&show={options.show}")
        write_private(options.png, picture)


def _alerts(client: Client, _: Options) -> Json:
    return client.call("GET", "/alerts")


def _show_alerts(answer: Json) -> str:
    return "\n".join(
        clean(f"{each['time'][:19]}Z {each['severity']:<8} {each['text']}") for each in answer["alerts"]
    )


def _test(client: Client, _: Options) -> Json:
    return client.call("POST", "/alerts/test")


def _show_test(answer: Json) -> str:
    return "\n".join(clean(f"{each['way']}: {each['problem'] or 'taken'}") for each in answer["results"])


GROUP = Group(
    "Graphs and alerts",
    (
        Verb("graphs", "list what there are graphs of", _graphs, _show_graphs),
        Verb(
            "graph", "save a graph as picture or values", _graph, options=_take_graph,
            example="graph service~OCS-Front-End --period day --csv ocs.csv",
        ),
        Verb("alerts", "show the latest alerts, newest first", _alerts, _show_alerts),
        Verb("test-alert", "send a test by mail and webhook", _test, _show_test),
    ),
)  # fmt: skip
