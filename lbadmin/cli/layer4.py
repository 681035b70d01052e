"""Layer 4: virtual services and real servers, and how the real servers have to be set up."""

from lbadmin.catalogue_layer4 import LAYER4_BASIC, LAYER4_SECTIONS, LAYER4_SERVER_SECTIONS
from lbadmin.cli.grammar import Group, Json, Options, Verb
from lbadmin.cli.layers import Layer, verbs_of
from lbadmin.cli.tables import show_servers, show_service, show_services, show_setup
from lbadmin.client import Client

SERVICE = (LAYER4_BASIC, *LAYER4_SECTIONS)

LAYER4 = Layer(
    name="layer4",
    within="layer4-",
    services=SERVICE,
    servers=LAYER4_SERVER_SECTIONS,
    show_list=show_services(SERVICE, "protocol", "forwarding", "scheduler", "persistence.enabled"),
    show_one=show_service(SERVICE, LAYER4_SERVER_SECTIONS),
    show_servers=show_servers(LAYER4_SERVER_SECTIONS),
    add_example="--ip 192.168.10.30 --ports 5060,5061 --check-port 5061",
    edit_example="--scheduler wrr --check sip --check-tls true",
)


def _setup(client: Client, options: Options) -> Json:
    return client.call("GET", f"{LAYER4.service_path(options.label)}/setup")


GROUP = Group(
    "Layer 4 virtual services and real servers",
    (
        *verbs_of(LAYER4),
        Verb(
            "show-layer4-setup", "show how the real servers of a layer 4 virtual service have to be set up",
            _setup, show_setup, LAYER4.take_vip, "show-layer4-setup --label OCS-Front-End",
        ),
    ),
)  # fmt: skip
