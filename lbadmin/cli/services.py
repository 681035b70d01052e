"""Virtual services, real servers and the layer 7 settings."""

from urllib.parse import quote

from lbadmin.bodies import body_of
from lbadmin.catalogue import (
    MANUAL,
    SERVER_SECTIONS,
    SERVICE_BASIC,
    SERVICE_SECTIONS,
    SETTINGS_SECTIONS,
    Section,
    fields_of,
)
from lbadmin.cli.grammar import Group, Json, Options, Parser, Verb, take_sections, texts_given
from lbadmin.cli.tables import show_section, show_server_list, show_service, show_services, show_settings
from lbadmin.cli.terminal import UsageError
from lbadmin.client import Client

SERVICES = "/layer7/virtual-services"
SETTINGS = "/layer7/settings"
SERVICE = (SERVICE_BASIC, Section("Manual Configuration", (MANUAL,)), *SERVICE_SECTIONS)


def service_path(label: str) -> str:
    """Return the path of a virtual service."""
    return f"{SERVICES}/{quote(label, safe='')}"


def server_path(vip: str, label: str) -> str:
    """Return the path of a real server."""
    return f"{service_path(vip)}/real-servers/{quote(label, safe='')}"


def changes_of(options: Options, *sections: Section) -> dict[str, Json]:
    """Return the body that changes what was given. Raises UsageError when nothing was."""
    texts = texts_given(options, *sections)
    body = body_of(texts, fields_of(*sections))
    if options.new_label is not None:
        body["label"] = options.new_label
    if not body:
        raise UsageError("nothing to change; give at least one option beside the label")
    return body


def _take_vip(parser: Parser) -> None:
    parser.take("--label", required=True, completes="services", help="the virtual service")


def _take_service(parser: Parser) -> None:
    take_sections(parser, *SERVICE, new=True)


def _take_changed_service(parser: Parser) -> None:
    _take_vip(parser)
    parser.take("--new-label", metavar="LABEL", help="rename it")
    take_sections(parser, *SERVICE, new=False, without=("label",))


def _take_place(parser: Parser) -> None:
    parser.take("--vip", required=True, completes="services", help="label of the virtual service")


def _take_rip(parser: Parser) -> None:
    _take_place(parser)
    parser.take("--label", required=True, completes="servers", help="the real server")


def _take_server(parser: Parser) -> None:
    _take_place(parser)
    take_sections(parser, *SERVER_SECTIONS, new=True)


def _take_changed_server(parser: Parser) -> None:
    _take_rip(parser)
    parser.take("--new-label", metavar="LABEL", help="rename it")
    take_sections(parser, *SERVER_SECTIONS, new=False, without=("label",))


def _take_target(parser: Parser) -> None:
    _take_place(parser)
    parser.take("--rip", completes="servers", help="label of the real server; left out, all of the service")


def _take_settings(parser: Parser) -> None:
    take_sections(parser, *SETTINGS_SECTIONS, new=False)


def _list(client: Client, _: Options) -> Json:
    return client.call("GET", SERVICES)


def _show(client: Client, options: Options) -> Json:
    return client.call("GET", service_path(options.label))


def _section(client: Client, options: Options) -> Json:
    return client.call("GET", f"{service_path(options.label)}/section")


def _add(client: Client, options: Options) -> Json:
    return client.call("POST", SERVICES, body_of(texts_given(options, *SERVICE), fields_of(*SERVICE)))


def _edit(client: Client, options: Options) -> Json:
    sections = tuple(_without_label(each) for each in SERVICE)
    return client.call("PATCH", service_path(options.label), changes_of(options, *sections))


def _delete(client: Client, options: Options) -> Json:
    return client.call("DELETE", service_path(options.label))


def _list_servers(client: Client, options: Options) -> Json:
    return client.call("GET", f"{service_path(options.vip)}/real-servers")


def _add_server(client: Client, options: Options) -> Json:
    body = body_of(texts_given(options, *SERVER_SECTIONS), fields_of(*SERVER_SECTIONS))
    return client.call("POST", f"{service_path(options.vip)}/real-servers", body)


def _edit_server(client: Client, options: Options) -> Json:
    sections = tuple(_without_label(each) for each in SERVER_SECTIONS)
    return client.call("PATCH", server_path(options.vip, options.label), changes_of(options, *sections))


def _delete_server(client: Client, options: Options) -> Json:
    return client.call("DELETE", server_path(options.vip, options.label))


def _settings(client: Client, options: Options) -> Json:
    texts = texts_given(options, *SETTINGS_SECTIONS)
    if not texts:
        return client.call("GET", SETTINGS)
    return client.call("PATCH", SETTINGS, body_of(texts, fields_of(*SETTINGS_SECTIONS)))


def _without_label(section: Section) -> Section:
    # Beside --label, which says what is changed, --new-label says what the label becomes.
    return section._replace(fields=tuple(each for each in section.fields if each.path != "label"))


def _state_verb(state: str, about: str) -> Verb:
    def run(client: Client, options: Options) -> Json:
        path = service_path(options.vip) if options.rip is None else server_path(options.vip, options.rip)
        return client.call("PUT", f"{path}/state", {"state": state})

    return Verb(state, about, run, options=_take_target, example=f"{state} --vip OCS-Front-End --rip FE-1")


GROUP = Group(
    "Virtual services and real servers",
    (
        Verb("list-vips", "list the virtual services", _list, show_services),
        Verb(
            "show-vip", "show all about a virtual service", _show, show_service, _take_vip,
            "show-vip --label OCS-Front-End",
        ),
        Verb(
            "show-section", "show what a virtual service amounts to in haproxy.cfg", _section, show_section,
            _take_vip, "show-section --label OCS-Front-End > section.cfg",
        ),
        Verb(
            "add-vip", "add a virtual service", _add, options=_take_service,
            example="add-vip --label OCS-Front-End --ip 192.168.10.30 --ports 5060,5061 --check-port 5061",
        ),
        Verb(
            "edit-vip", "change a virtual service", _edit, options=_take_changed_service,
            example="edit-vip --label OCS-Front-End --persistence-timeout 1h --check sip --check-tls true",
        ),
        Verb(
            "delete-vip", "delete a virtual service with its real servers", _delete, options=_take_vip,
            example="delete-vip --label OCS-Front-End",
        ),
        Verb(
            "list-rips", "list the real servers of a virtual service", _list_servers, show_server_list,
            _take_place, "list-rips --vip OCS-Front-End",
        ),
        Verb(
            "add-rip", "add a real server", _add_server, options=_take_server,
            example="add-rip --vip OCS-Front-End --label FE-1 --ip 192.168.10.31",
        ),
        Verb(
            "edit-rip", "change a real server", _edit_server, options=_take_changed_server,
            example="edit-rip --vip OCS-Front-End --label FE-1 --weight 50",
        ),
        Verb(
            "delete-rip", "delete a real server", _delete_server, options=_take_rip,
            example="delete-rip --vip OCS-Front-End --label FE-1",
        ),
        _state_verb("online", "let a real server, or all of a service, serve"),
        _state_verb("drain", "keep the clients of a real server, or of a whole service; no new ones"),
        _state_verb("halt", "take a real server, or all of a service, out at once"),
        Verb(
            "settings", "show or change the layer 7 settings", _settings, show_settings, _take_settings,
            "settings --client-timeout 30m --real-server-timeout 30m",
        ),
    ),
)  # fmt: skip
