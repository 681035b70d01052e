"""The fields of network interfaces and routes, as `catalogue` has those of layer 7."""

from lbadmin.catalogue import Field, Section

ROUTING = Section(
    "",
    (
        Field(
            "gateway", "Default Gateway", "address", example="192.168.2.1",
            help="The router to all networks that no interface is in. It must be in the subnet of an "
            "interface. Blank: only those networks are reached.",
        ),
        Field(
            "gateway6", "Default Gateway for IPv6", "address", example="2001:db8::1",
            help="The same for IPv6. Blank: only the interfaces' own IPv6 networks are reached, unless the "
            "Default Gateway is an IPv6 address itself.",
        ),
        Field(
            "routes", "Static and Policy Routes", "lines", example="10.0.0.0/8 via 192.168.2.254",
            help="The routers to other networks, a route a line, such as 10.0.0.0/8 via 192.168.2.254. A "
            "policy route ends with the network whose packets it is for, such as default via 192.168.10.1 "
            "from 192.168.20.0/24; packets from there for which no policy route fits go by the other routes.",
        ),
    ),
)  # fmt: skip


def interface_field(path: str, name: str) -> Field:
    """Return the field of the addresses of a network interface."""
    return Field(
        path, name, "list", example="192.168.10.21/24",
        help="The appliance's own addresses on this interface, each with the length of its subnet's prefix "
        "(/24 is 255.255.255.0); one a line. The addresses of virtual services don't belong here: they are "
        "added by themselves.",
    )  # fmt: skip


ADDRESSES = interface_field("addresses", "IP Addresses")

MTU = Field(
    "mtu", "MTU", "number", unit="bytes", example="1500",
    help="The largest packet that this interface sends, 576 to 9216; every device on its network has to take "
    "it. Blank: the one that it begins with, in general 1500.",
)  # fmt: skip

BOND = Section(
    "Bond",
    (
        Field(
            "bond.members", "Interfaces", "list", required=True, example="eth1, eth2",
            help="The network interfaces that are used as one. The addresses that they have now become the "
            "bond's.",
        ),
        Field(
            "bond.mode", "Mode", "choice", default="active-backup",
            choices=(
                ("active-backup", "active-backup: one, then another"),
                ("802.3ad", "802.3ad: LACP with the switch"),
                ("balance-rr", "balance-rr: packets in turn"),
                ("balance-xor", "balance-xor: by addresses"),
                ("broadcast", "broadcast: all packets on each"),
                ("balance-tlb", "balance-tlb: sends by load"),
                ("balance-alb", "balance-alb: sends and receives by load"),
            ),
            help="How the interfaces share the packets. Only active-backup, balance-tlb and balance-alb need "
            "nothing of the switch.",
        ),
        Field(
            "bond.miimon_ms", "Link Check Interval", "number", default="100", unit="milliseconds",
            option="miimon",
            help="How often the links are looked at, 10 to 10000: so soon the loss of one is noticed.",
        ),
    ),
)  # fmt: skip

VLAN = Section(
    "VLAN",
    (
        Field(
            "vlan.parent", "Parent Interface", "text", required=True, example="eth1",
            help="The network interface or the bond whose cable carries the VLAN.",
        ),
        Field(
            "vlan.id", "VLAN ID", "number", required=True, example="20",
            help="The number that the VLAN's packets carry, 1 to 4094, as it is in the switch.",
        ),
    ),
)  # fmt: skip

INTERFACE = Section("", (ADDRESSES, MTU))


def name_field(example: str) -> Field:
    """Return the field of the name of a new bond or VLAN."""
    return Field(
        "name", "Name", "text", required=True, example=example,
        help="What the interface is called: up to 15 small letters, digits, dots, dashes and underscores.",
    )  # fmt: skip


NEW_BOND = (Section("", (name_field("bond0"),)), BOND, INTERFACE)
NEW_VLAN = (Section("", (name_field("vlan20"),)), VLAN, INTERFACE)
EDIT = {"card": (INTERFACE,), "bond": (BOND, INTERFACE), "vlan": (VLAN, INTERFACE)}
"""The sections of an interface that is there, by its kind."""


def kind_of(interface: dict[str, object]) -> str:
    """Return what an interface of NodeConfig is: card, bond or vlan."""
    return "bond" if interface.get("bond") else "vlan" if interface.get("vlan") else "card"
