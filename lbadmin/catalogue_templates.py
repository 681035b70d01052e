"""The fields of the templates: what the assistant asks for a whole OCS 2007 R2 role.

A field's path is its place in the body of the template's request; those of a row are within one server.
"""

from typing import NamedTuple

from lbadmin.catalogue import LABEL_FORM, Field


class Template(NamedTuple):
    """A template: its resource in the REST API, what it is for, what it asks once and for each `server`."""

    name: str
    title: str
    about: str
    server: str
    fields: tuple[Field, ...]
    row: tuple[Field, ...]


METHOD = Field(
    "method", "Method", "choice", default="layer7",
    choices=(("layer7", "Layer 7 SNAT"), ("layer4_snat", "Layer 4 SNAT")),
    help="Layer 7: as in the deployment guide; HAProxy takes part in each connection. Layer 4: the "
    "kernel passes packets on, faster, and open connections survive a failover.",
)  # fmt: skip

FRONT_END = Template(
    "ocs-front-end",
    "OCS 2007 R2 Front End pool",
    "A pool of Front End Servers on one virtual address: the twelve ports that OCS needs, clients kept "
    "on their Front End by source address, and port 5061 checked.",
    "Front End",
    (
        Field(
            "label", "Label", "text", required=True, default="OCS-Front-End",
            help=f"The name of the virtual service: {LABEL_FORM}.",
        ),
        Field(
            "ip", "Virtual Service IP Address", "address", required=True, example="192.168.10.30",
            help="The address of the pool that clients connect to. The name of the pool must lead to it in "
            "DNS. It must be free, and in a subnet that an interface of the appliance is in.",
        ),
        METHOD,
    ),
    (
        Field(
            "label", "Label", "text", example="FE-1",
            help=f"The name of this Front End Server: {LABEL_FORM}. Leave a row blank that you don't need.",
        ),
        Field(
            "ip", "IP Address", "address", example="192.168.10.31",
            help="The address of this Front End Server.",
        ),
    ),
)  # fmt: skip

_INTERFACES = (
    ("access_ip", "Access Edge", "ports 443 and 5061 from the internet"),
    ("web_conferencing_ip", "Web Conferencing Edge", "port 443 from the internet"),
    ("av_ip", "A/V Edge", "port 443 from the internet"),
    ("internal_ip", "Internal Interface", "ports 443, 5061 and 5062 from the internal network"),
)

EDGE = Template(
    "ocs-edge",
    "OCS 2007 R2 Edge",
    "An array of consolidated Edge Servers: a virtual service for each interface that is given a "
    "virtual address.",
    "Edge Server",
    (
        Field(
            "label", "Label", "text", required=True, default="OCS-Edge",
            help=f"What the names of the virtual services begin with: {LABEL_FORM}, 40 at most.",
        ),
        *(
            Field(
                path, f"{title} Virtual IP Address", "address", example=f"192.0.2.{10 + number}",
                help=f"The address that clients connect to: {ports}. Blank: this interface is not balanced.",
            )
            for number, (path, title, ports) in enumerate(_INTERFACES)
        ),
    ),
    (
        Field(
            "label", "Label", "text", example="Edge-1",
            help=f"The name of this Edge Server: {LABEL_FORM}. Leave a row blank that you don't need.",
        ),
        *(
            Field(
                path, f"{title} IP Address", "address", example=f"192.0.2.{20 + number}",
                help=f"The address of this Edge Server's {title}. Blank where that has no virtual address.",
            )
            for number, (path, title, _) in enumerate(_INTERFACES)
        ),
    ),
)  # fmt: skip

TEMPLATES = (FRONT_END, EDGE)
