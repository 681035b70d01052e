"""What lbcli prints for people: tables whose columns are as wide as their widest cell."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from lbadmin.bodies import KEPT, texts_of
from lbadmin.catalogue import MANUAL, SETTINGS_SECTIONS, Field, Section, fields_of
from lbadmin.catalogue_monitoring import MONITORING
from lbadmin.catalogue_node import NODE_SERVICES
from lbadmin.cli.grammar import Show
from lbadmin.durations import show_ms
from lbadmin.node.routelines import line_of

Json: TypeAlias = Any

PRIORITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
"""Names of the priorities 0 to 7, as journalctl(1) has them."""


def clean(text: str) -> str:
    """Return the text without what a terminal would obey: clients choose what is in a log."""
    return "".join(
        each if each.isprintable() or each == "\n" else "\N{REPLACEMENT CHARACTER}" for each in text
    )


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return the lines of a table with its head in capitals."""
    cells = [[name.upper() for name in head], *([clean(str(cell)) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    )


def show_status(status: Json) -> str:
    """Return the status as a table, what there is to tell and the node first."""
    node = status["node"]
    about = f"{node['hostname']}  version {node['version']}  {node['role']}  up {node['uptime_s']} s"
    rows: list[list[object]] = []
    for service in _services(status):
        rows.append([service["label"], "", _place(service), service["health"], "", *_sessions(service)])
        rows += [
            ["", each["label"], _place(each), each["health"], each["weight"], *_sessions(each)]
            for each in service["real_servers"]
        ]
    head = ("vip", "rip", "address", "health", "weight", "sessions", "total")
    messages = [each["text"] for each in status["messages"]]
    return "\n".join([*messages, about, *([table(head, rows)] if rows else [])])


def _services(status: Json) -> list[Json]:
    """Return the virtual services of all layers."""
    return [*status["layer4_services"], *status["virtual_services"]]


def show_messages(answer: Json) -> str:
    """Return what needs attention, a line each."""
    return "\n".join(f"{each['level']}: {each['text']}" for each in answer["messages"])


def show_report(status: Json | None) -> str:
    """Return the traffic of virtual services and real servers as a table."""
    if status is None:
        return ""
    rows: list[list[object]] = []
    for service in _services(status):
        rows.append([service["label"], "", service["health"], *_traffic(service), "", ""])
        rows += [
            ["", each["label"], each["health"], *_traffic(each), _since(each), each["last_check"] or ""]
            for each in service["real_servers"]
        ]
    head = ("vip", "rip", "health", "sessions", "total", "in", "out", "since", "last check")
    return table(head, rows)


def show_logs(answer: Json) -> str:
    """Return the messages, a line each."""
    return "\n".join(
        clean(f"{each['time']} {each['source']:<10} {PRIORITIES[each['priority']]:<7} {each['message']}")
        for each in answer["entries"]
    )


def show_files(answer: Json) -> str:
    """Return the rendered files as a table."""
    return table(("path", "lines"), [[path, text.count("\n")] for path, text in answer["files"].items()])


def show_section(answer: Json) -> str:
    """Return a text as it is."""
    return str(answer["text"]).rstrip("\n")


def show_services(sections: Sequence[Section], *paths: str) -> Show:
    """Return what shows virtual services as a table, with the fields at these paths."""
    fields = [each for each in fields_of(*sections) if each.path in paths]

    def show(answer: Json) -> str:
        rows = [
            [each["label"], _place(each), *texts_of(each, fields).values(), len(each["real_servers"])]
            for each in answer["virtual_services"]
        ]
        return table(("label", "address", *(field.option_name for field in fields), "rips"), rows)

    return show


def show_service(services: Sequence[Section], servers: Sequence[Section]) -> Show:
    """Return what shows a virtual service: its fields, its real servers, and what is written by hand."""

    def show(service: Json) -> str:
        parts = [show_fields(service, fields_of(*services))]
        if service["real_servers"]:
            parts.append(show_servers(servers)(service))
        if service.get(MANUAL.path):
            parts.append(f"{MANUAL.label}:\n{service[MANUAL.path]}".rstrip("\n"))
        return "\n\n".join(parts)

    return show


def show_servers(sections: Sequence[Section]) -> Show:
    """Return what shows real servers as a table."""
    fields = fields_of(*sections)

    def show(answer: Json) -> str:
        rows = [[*texts_of(each, fields).values(), each["state"]] for each in answer["real_servers"]]
        return table([*(field.option_name for field in fields), "state"], rows)

    return show


def show_setup(setup: Json) -> str:
    """Return how real servers have to be set up: why, then the text for each operating system."""
    texts = [f"{each['system']}:\n\n{each['commands']}".rstrip("\n") for each in setup["texts"]]
    return "\n\n".join([setup["explanation"], *texts])


def show_settings(settings: Json) -> str:
    """Return the layer 7 settings as a table."""
    return show_fields(settings, fields_of(*SETTINGS_SECTIONS))


def show_plan(answer: Json) -> str:
    """Return what a template changes, and what else is to know."""
    return "\n".join([show_diff(answer), *answer["notes"]])


def show_certificates(answer: Json) -> str:
    """Return the certificates as a table."""
    head = ("label", "subject", "issuer", "expires", "days", "used by")
    rows = [
        [
            each["label"],
            each["subject"],
            "itself" if each["self_signed"] else each["issuer"],
            each["not_after"],
            each["expires_in_days"],
            " ".join(each["used_by"]),
        ]
        for each in answer["certificates"]
    ]
    return table(head, rows)


def show_certificate(certificate: Json) -> str:
    """Return a certificate's fields as a table, and its chain."""
    told = {**certificate, "self_signed": "yes" if certificate["self_signed"] else "no"}
    rows = [
        [name.replace("_", "-"), " ".join(value) if isinstance(value, list) else value]
        for name, value in told.items()
        if name != "chain"
    ]
    return f"{table(('field', 'value'), rows)}\n\n{certificate['chain']}".rstrip("\n")


def show_csr(answer: Json) -> str:
    """Return a signing request as it is."""
    return str(answer["csr"]).rstrip("\n")


def show_scripts(answer: Json) -> str:
    """Return the check scripts as a table."""
    rows = [[each["label"], each["text"].count("\n")] for each in answer["check_scripts"]]
    return table(("label", "lines"), rows)


def show_node(node: Json) -> str:
    """Return the node's configuration as a table."""
    rows = [
        ["hostname", node["hostname"]],
        ["dns", " ".join(node["dns"])],
        ["gateway", node["gateway"] or ""],
        ["gateway6", node["gateway6"] or ""],
        *(["route", line_of(each)] for each in node["routes"]),
        *([each["name"], _interface(each)] for each in node["interfaces"]),
        ["snmp", _snmp(node["snmp"])],
    ]
    fields = fields_of(*NODE_SERVICES, *MONITORING)
    texts = texts_of(node, fields)
    for field in fields:
        text = texts[field.path]
        rows.append([field.option_name, KEPT if field.kind == "block" and text else " ".join(text.split())])
    return table(("setting", "value"), rows)


def _interface(each: Json) -> str:
    bond, vlan = each["bond"], each["vlan"]
    made = (
        f"{bond['mode']} of {','.join(bond['members'])}, looked at every {bond['miimon_ms']} ms"
        if bond
        else ""
    )
    made = f"VLAN {vlan['id']} on {vlan['parent']}" if vlan else made
    parts = [" ".join(each["addresses"]), made, f"MTU {each['mtu']}" if each["mtu"] else ""]
    return "; ".join(filter(None, parts))


def show_clock(clock: Json) -> str:
    """Return what time it is, by which server, and how the others are."""
    follows = f"by {clock['server']}" if clock["synchronised"] else "by nobody's but its own"
    rows = [
        [
            each["name"],
            "yes" if each["answers"] else "no",
            "yes" if each["selected"] else "no",
            "" if each["offset_s"] is None else f"{each['offset_s']:+.6f} s",
        ]
        for each in clock["servers"]
    ]
    about = f"{clock['now']} ({clock['time_zone']}), {follows}"
    return "\n".join([about, *([table(("server", "answers", "followed", "offset"), rows)] if rows else [])])


def show_firewall(node: Json) -> str:
    """Return who reaches the management ports, then the script."""
    networks = node["firewall"]["lockdown"] or ["everybody"]
    text = node["firewall"]["script"] or "no script"
    return clean(f"{table(('may manage',), [[each] for each in networks])}\n\n{text}".rstrip("\n"))


def show_ssh(node: Json) -> str:
    """Return whether passwords are taken, then the authorised keys."""
    passwords = "yes" if node["ssh"]["password_login"] else "no"
    return clean("\n".join([f"password login: {passwords}", *node["ssh"]["keys"]]))


def _snmp(snmp: Json) -> str:
    if not snmp["enabled"]:
        return "off"
    return f"{snmp['versions']} for {' '.join(snmp['networks'])}"


def show_interfaces(answer: Json) -> str:
    """Return the network interfaces as a table."""
    rows = [
        [each["name"], each["mac"], each["state"], each["mtu"], " ".join(each["addresses"])]
        for each in answer["interfaces"]
    ]
    return table(("interface", "mac", "link", "mtu", "addresses"), rows)


def show_unconfirmed(waiting: Json) -> str:
    """Return which change waits to be confirmed, and for how long."""
    if waiting["seconds_left"] is None:
        return "no change waits to be confirmed"
    return clean(f"{waiting['what']} by {waiting['who']}: taken back in {waiting['seconds_left']} s")


def show_history(history: Json) -> str:
    """Return the revisions as a table."""
    head = ("revision", "when", "who", "what")
    return table(head, [[each[name] for name in head] for each in history["revisions"]])


def show_revision(revision: Json) -> str:
    """Return who made a revision and when, and its document."""
    about = f"revision {revision['revision']}  {revision['when']}  {revision['who']}: {revision['what']}"
    return f"{clean(about)}\n{json.dumps(revision['document'], indent=2)}"


def show_diff(answer: Json) -> str:
    """Return the lines of a comparison."""
    return clean("\n".join(answer["diff"]))


def show_diffs(answer: Json) -> str:
    """Return what a backup changes."""
    lines = [*answer["cluster_diff"], *answer["node_diff"]]
    about = f"backup of {answer['created']}, version {answer['version']}"
    return clean("\n".join([about, *(lines or ["nothing differs"])]))


def show_api_keys(answer: Json) -> str:
    """Return the API keys as a table."""
    rows = [[each["name"], each["role"], each["created"], each["created_by"]] for each in answer["api_keys"]]
    return table(("name", "role", "created", "by"), rows)


def show_users(answer: Json) -> str:
    """Return the users as a table."""
    return table(("name", "role"), [[each["name"], each["role"]] for each in answer["users"]])


def show_licence(licence: Json) -> str:
    """Return what there is to say of the trial or the licence."""
    days = licence["days_left"]
    left = "no end" if days is None else f"{days} days left"
    rows = [["state", f"{licence['state']}, {left}"], ["appliance", licence["appliance"]]]
    rows += [[name, licence[name]] for name in ("customer", "serial", "edition", "expires") if licence[name]]
    rows += [["build", "development"]] if licence["development"] else []
    rows += [["problem", licence["problem"]]] if licence["problem"] else []
    return table(("licence", ""), rows)


def show_new_key(answer: Json) -> str:
    """Return a new API key."""
    return str(answer["key"])


def show_fields(document: Json, fields: Sequence[Field]) -> str:
    """Return the values of a document's fields as a table."""
    texts = texts_of(document, fields)
    rows = [[field.option_name, _for_people(texts[field.path], field)] for field in fields]
    return table(("setting", "value"), rows)


def _for_people(text: str, field: Field) -> str:
    return show_ms(int(text)) if field.kind == "duration" and text else text


def _place(each: Json) -> str:
    if each.get("protocol") == "mark":
        return f"{each['ip']} mark {each['firewall_mark']}"
    ports = each["ports"] if "ports" in each else [each["port"]] if each["port"] else []
    host = f"[{each['ip']}]" if ports and ":" in str(each["ip"]) else each["ip"]
    return f"{host}:{','.join(map(str, ports))}" if ports else str(host)


def _sessions(each: Json) -> list[int]:
    return [each["sessions_current"], each["sessions_total"]]


def _traffic(each: Json) -> list[object]:
    return [*_sessions(each), _bytes(each["bytes_in"]), _bytes(each["bytes_out"])]


def _bytes(count: float) -> str:
    for unit in ("", "k", "M", "G"):
        if count < 1000:  # noqa: PLR2004 - decimal prefixes
            return f"{count:.3g}{unit}"
        count /= 1000
    return f"{count:.0f}T"


def _since(each: Json) -> str:
    return "" if each["last_change_s"] is None else f"{each['last_change_s']} s"
