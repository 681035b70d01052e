"""What lbcli prints for people: tables whose columns are as wide as their widest cell."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from lbadmin.durations import show_ms

Json: TypeAlias = Any


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return the lines of a table with its head in capitals."""
    cells = [[name.upper() for name in head], *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def option_name(field: str) -> str:
    """Return a field's name on the command line: durations carry their unit in the value."""
    return field.removesuffix("_ms").replace("_", "-")


def show_status(status: Json) -> str:
    """Return the status as a table, what there is to tell and the node first."""
    node = status["node"]
    about = f"{node['hostname']}  version {node['version']}  {node['role']}  up {node['uptime_s']} s"
    rows: list[list[object]] = []
    for service in status["virtual_services"]:
        rows.append([service["label"], "", _place(service), service["health"], "", *_sessions(service)])
        rows += [
            ["", each["label"], _place(each), each["health"], each["weight"], *_sessions(each)]
            for each in service["real_servers"]
        ]
    head = ("vip", "rip", "address", "health", "weight", "sessions", "total")
    messages = [each["text"] for each in status["messages"]]
    return "\n".join([*messages, about, *([table(head, rows)] if rows else [])])


def show_services(answer: Json) -> str:
    """Return the virtual services as a table."""
    head = ("label", "address", "protocol", "scheduler", "persistence", "rips")
    rows = [
        [
            each["label"],
            _place(each),
            each["protocol"],
            each["scheduler"],
            each["persistence"]["mode"],
            len(each["real_servers"]),
        ]
        for each in answer["virtual_services"]
    ]
    return table(head, rows)


def show_fields(answer: Json) -> str:
    """Return an object as a table of its fields, durations in their largest unit."""
    rows = [
        [option_name(name), show_ms(value) if name.endswith("_ms") else json.dumps(value)]
        for name, value in answer.items()
    ]
    return table(("setting", "value"), rows)


def show_node(node: Json) -> str:
    """Return the node's configuration as a table."""
    rows = [
        ["hostname", node["hostname"]],
        ["dns", " ".join(node["dns"])],
        ["gateway", node["gateway"] or ""],
        *([each["name"], " ".join(each["addresses"])] for each in node["interfaces"]),
    ]
    return table(("setting", "value"), rows)


def show_history(history: Json) -> str:
    """Return the revisions as a table."""
    head = ("revision", "when", "who", "what")
    return table(head, [[each[name] for name in head] for each in history["revisions"]])


def _place(each: Json) -> str:
    ports = each["ports"] if "ports" in each else [each["port"]] if each["port"] else []
    return f"{each['ip']}:{','.join(map(str, ports))}" if ports else str(each["ip"])


def _sessions(each: Json) -> list[int]:
    return [each["sessions_current"], each["sessions_total"]]
