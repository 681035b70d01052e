"""What the fields of layer 4 services and real servers are called, mean and default to: see `catalogue`."""

from lbadmin.catalogue import (
    ENABLED,
    FALLBACK_SERVER,
    HEALTH_CHECKS,
    SERVER_IP,
    SERVER_LABEL,
    SERVICE_IP,
    SERVICE_LABEL,
    WEIGHT,
    Field,
    Section,
)

METHODS = (
    ("snat", "SNAT"),
    ("nat", "NAT"),
    ("dr", "Direct Routing"),
    ("tun", "Tunnel"),
)
"""The forwarding methods: what real servers see, and what they need, differs."""

METHOD_HELP = (
    "How packets reach the real servers. SNAT: they see the appliance's address, and need no settings. NAT: "
    "they see the client's, and the appliance must be their default gateway. Direct Routing: they answer the "
    "client themselves, and need the virtual address on their loopback, silent to ARP. Tunnel: the same from "
    "any network, by IP in IP. OCS 2007 R2 needs SNAT."
)

LAYER4_BASIC = Section(
    "",
    (
        SERVICE_LABEL,
        SERVICE_IP,
        Field(
            "ports", "Ports", "ports", example="5060,5061,5071-5074",
            help="The ports that clients connect to: numbers and ranges, separated by commas. They are one "
            "service: a client stays on its real server across all of them. Blank with the protocol "
            "Firewall Mark.",
        ),
        Field(
            "protocol", "Protocol", "choice", default="tcp",
            choices=(("tcp", "TCP"), ("udp", "UDP"), ("both", "TCP and UDP"), ("mark", "Firewall Mark")),
            help="What is balanced. Firewall Mark: the packets that your own firewall script has marked.",
        ),
        Field(
            "forwarding", "Forwarding Method", "choice", default="snat", choices=METHODS, help=METHOD_HELP,
        ),
    ),
    (
        Field(
            "firewall_mark", "Firewall Mark", "number", example="7",
            help="With the protocol Firewall Mark: the number from 1 to 65535 that the firewall script gives "
            "the packets. Each service has one of its own.",
        ),
    ),
)  # fmt: skip

LAYER4_SECTIONS = (
    Section(
        "Connection Distribution",
        (
            Field(
                "scheduler", "Balance Mode", "choice", default="wlc",
                choices=(
                    ("wlc", "Weighted Least Connections"),
                    ("wrr", "Weighted Round Robin"),
                    ("lc", "Least Connections"),
                    ("rr", "Round Robin"),
                    ("dh", "Destination Hash"),
                    ("sh", "Source Hash"),
                    ("mh", "Maglev Hash"),
                ),
                help="How a real server is chosen for a client that has none yet. Least connections suits "
                "long connections such as SIP; the hashes send an address to the same server each time.",
            ),
        ),
    ),
    Section(
        "Persistence",
        (
            Field(
                "persistence.enabled", "Persistent", "flag", default="true", option="persistent",
                help="A client returns to the real server that it had, whichever port of the service it "
                "comes to.",
            ),
            Field(
                "persistence.timeout_ms", "Persistence Timeout", "duration", default="300000", unit="ms",
                option="persistence-timeout",
                help="How long a client is remembered from the beginning of its newest connection, in whole "
                "seconds; while it has connections it is remembered anyway. 30m may be written for 1800000.",
            ),
        ),
        (
            Field(
                "persistence.granularity", "Persistence Granularity", "number", unit="bits",
                option="persistence-granularity", example="24",
                help="Addresses that agree in so many first bits count as one client: 24 for all of "
                "192.168.10.x. Blank: each address is a client of its own.",
            ),
        ),
    ),
    HEALTH_CHECKS,
    Section(
        "When a Real Server Fails",
        (
            Field(
                "on_failure", "On Failure", "choice", default="remove",
                choices=(("remove", "Remove It"), ("quiesce", "No New Connections")),
                help="Remove It ends the connections of a real server that fails its checks, so that clients "
                "connect anew elsewhere. No New Connections keeps them, should it only have been slow.",
            ),
        ),
    ),
    FALLBACK_SERVER,
    Section(
        "Source Addresses and State",
        (),
        (
            Field(
                "snat_addresses", "SNAT Addresses", "list", option="snat-addresses",
                example="192.168.10.40 192.168.10.41",
                help="With SNAT: the addresses that real servers see, separated by commas or blanks. The "
                "appliance brings them up. Each allows about 64,000 connections to a port of a real server. "
                "Blank: the virtual service's own.",
            ),
            ENABLED,
        ),
    ),
)  # fmt: skip

LAYER4_SERVER_SECTIONS = (
    Section(
        "",
        (
            SERVER_LABEL,
            SERVER_IP,
            Field(
                "port", "Real Server Port", "number",
                help="The port on the real server. Blank: the port that the client connected to. Another one "
                "is for services of one port with SNAT or NAT.",
            ),
            WEIGHT,
        ),
    ),
)  # fmt: skip
