"""Layer 7: virtual services, real servers and settings; and the states of those of every layer."""

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
from lbadmin.cli.layer4 import LAYER4
from lbadmin.cli.layers import Layer, verbs_of
from lbadmin.cli.tables import show_section, show_servers, show_service, show_services, show_settings
from lbadmin.client import Client

SETTINGS = "/layer7/settings"
SERVICE = (SERVICE_BASIC, Section("Manual Configuration", (MANUAL,)), *SERVICE_SECTIONS)

LAYER7 = Layer(
    name="layer7",
    within="",
    services=SERVICE,
    servers=SERVER_SECTIONS,
    show_list=show_services(SERVICE, "protocol", "scheduler", "persistence.mode"),
    show_one=show_service((SERVICE_BASIC, *SERVICE_SECTIONS), SERVER_SECTIONS),
    show_servers=show_servers(SERVER_SECTIONS),
    add_example="--ip 192.168.10.30 --ports 5060,5061 --check-port 5061",
    edit_example="--persistence-timeout 1h --check sip --check-tls true",
)


def layer_of(client: Client, vip: str) -> Layer:
    """Return the layer that a virtual service is of: labels are unique over all of them."""
    return LAYER4 if vip in LAYER4.labels(client) else LAYER7


def _take_target(parser: Parser) -> None:
    parser.take(
        "--vip", required=True, completes="services", help="label of the virtual service, of either layer"
    )
    parser.take("--rip", completes="servers", help="label of the real server; left out, all of the service")


def _take_settings(parser: Parser) -> None:
    take_sections(parser, *SETTINGS_SECTIONS, new=False)


def _section(client: Client, options: Options) -> Json:
    return client.call("GET", f"{LAYER7.service_path(options.label)}/section")


def _settings(client: Client, options: Options) -> Json:
    texts = texts_given(options, *SETTINGS_SECTIONS)
    if not texts:
        return client.call("GET", SETTINGS)
    return client.call("PATCH", SETTINGS, body_of(texts, fields_of(*SETTINGS_SECTIONS)))


def _state_verb(state: str, about: str) -> Verb:
    def run(client: Client, options: Options) -> Json:
        layer, vip, rip = layer_of(client, options.vip), options.vip, options.rip
        path = layer.service_path(vip) if rip is None else layer.server_path(vip, rip)
        return client.call("PUT", f"{path}/state", {"state": state})

    return Verb(state, about, run, options=_take_target, example=f"{state} --vip OCS-Front-End --rip FE-1")


GROUP = Group(
    "Virtual services and real servers",
    (
        *verbs_of(LAYER7),
        Verb(
            "show-section", "show what a virtual service amounts to in haproxy.cfg", _section, show_section,
            LAYER7.take_vip, "show-section --label OCS-Front-End > section.cfg",
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
