"""How the appliance is: status, messages, logs, reports, rendered files and the support file."""

import time
from collections.abc import Iterator
from urllib.parse import quote

from lbadmin.cli.grammar import Group, Json, Options, Parser, Verb
from lbadmin.cli.tables import (
    PRIORITIES,
    show_files,
    show_logs,
    show_messages,
    show_report,
    show_section,
    show_status,
)
from lbadmin.cli.terminal import FileError, write_private
from lbadmin.client import Client

POLL_S = 1.0
"""How often a log that is followed is asked for more: what HAProxy does within a second is read together."""

SOURCES = ("all", "audit", "haproxy", "keepalived", "layer4", "management", "system")


def _take_file(parser: Parser) -> None:
    parser.take("path", metavar="PATH", completes="rendered", help="such as /etc/haproxy/haproxy.cfg")


def _take_report(parser: Parser) -> None:
    parser.take(
        "--html", metavar="FILE", completes="files", help="write HAProxy's own statistics page to FILE"
    )


def _take_logs(parser: Parser) -> None:
    parser.take("-f", "--follow", action="store_true", help="go on with what is logged from now on")
    parser.take("--source", choices=SOURCES, default="all", help="whose messages (default: all)")
    parser.take(
        "--priority", choices=PRIORITIES, default="info", help="the least grave to show (default: info)"
    )
    parser.take("--text", default="", help="only messages that contain TEXT")
    parser.take("--lines", type=int, default=200, metavar="NUMBER", help="how many (default: 200)")


def _take_support(parser: Parser) -> None:
    parser.take("file", metavar="FILE", completes="files", help="where to; - is standard output")


def _status(client: Client, _: Options) -> Json:
    return client.call("GET", "/status")


def _messages(client: Client, _: Options) -> Json:
    return client.call("GET", "/messages")


def _report(client: Client, options: Options) -> Json:
    if options.html is None:
        return client.call("GET", "/status")
    return write_private(options.html, client.call("GET", "/reports/layer7"))


def _logs(client: Client, options: Options) -> Json:
    query = {
        "source": options.source,
        "priority": str(PRIORITIES.index(options.priority)),
        "text": options.text,
        "lines": str(options.lines),
    }
    return _followed(client, query) if options.follow else _read(client, query)


def _read(client: Client, query: dict[str, str]) -> Json:
    words = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    return client.call("GET", f"/logs?{words}")


def _followed(client: Client, query: dict[str, str]) -> Iterator[Json]:
    while True:
        answer = _read(client, query)
        if answer["entries"]:
            yield answer
        if answer["cursor"]:
            query["after"] = answer["cursor"]
        time.sleep(POLL_S)


def _files(client: Client, _: Options) -> Json:
    return client.call("GET", "/files")


def _file(client: Client, options: Options) -> Json:
    files = client.call("GET", "/files")["files"]
    if options.path not in files:
        raise FileError(f"{options.path} is not a rendered file; lbcli files lists them")
    return {"path": options.path, "text": files[options.path]}


def _support(client: Client, options: Options) -> Json:
    write_private(options.file, client.call("GET", "/support"))


GROUP = Group(
    "How it is",
    (
        Verb("status", "show node, virtual services and real servers", _status, show_status),
        Verb("messages", "show what needs attention", _messages, show_messages),
        Verb(
            "report", "show the traffic of virtual services and real servers", _report, show_report,
            _take_report, "report --html report.html",
        ),
        Verb("logs", "show or follow the logs", _logs, show_logs, _take_logs, "logs -f --source haproxy"),
        Verb("files", "list the rendered files", _files, show_files),
        Verb(
            "show-file", "show a rendered file", _file, show_section, _take_file,
            "show-file /etc/haproxy/haproxy.cfg",
        ),
        Verb(
            "support", "save what somebody who helps from afar asks for", _support, options=_take_support,
            example="support lbva-support.tar.gz",
        ),
    ),
)  # fmt: skip
