"""keepalived.conf: the virtual addresses, put on the interface whose subnet holds them, and who has them."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

from lbadmin.model import ClusterConfig, HaSettings, NodeConfig, Sensitivity
from lbadmin.node.network import Interface
from lbadmin.pair.model import PairConfig

Address = IPv4Address | IPv6Address

ADVERTISEMENT_MS: dict[Sensitivity, int] = {"fast": 50, "normal": 80, "tolerant": 1_000}
"""Interval of VRRP's advertisements. A silent master is replaced after three of them (RFC 9568, 6.1)."""
SINGLE_ADVERTISEMENT_MS = 1_000

PRIORITIES = (250, 249)
"""The primary's and the secondary's. High ones are quick: the skew time, (256 - priority) / 256 of an
interval, is what a slave waits after a master has given its role away (RFC 9568, 6.1)."""

MARKERS = {4: "169.254.76.86", 6: "fd4c:4256:4100::1"}
"""An address on "lo" that goes with the role, by family: keepalived wants one where there is no service."""

UNFIT = "/run/lbadmin/unfit"
"""0, or what is added to the priority: -254 keeps this node from being master. lbadmind writes it."""

PRECEDENCE = "/run/lbadmin/precedence"
"""Added to the priority: 0 for a slave, 4 for one that has just become the master, 2 for a master whose peer
is known to be its slave. So whoever took over last goes first: a machine that was suspended does not know
that time has passed, and would take its role back as it goes on. NOTIFY writes it, and lbadmind the 2."""

NOTIFY = "/usr/lib/lbva/role-changed"
NOTIFY_FIFO = "/run/lbadmin/roles"
"""How keepalived gives its roles to the program: in their order, which notify scripts do not keep."""
STARTUP_DELAY_S = 2
"""How long a node that boots is deaf: its link may just have come up, and the master asks for its hardware
address once a second (net.ipv4.neigh.*.retrans_time_ms)."""
HAPROXY_GONE_S = 3
"""How long HAProxy may be gone: lbadmind sees a dead one sooner (pair.watch), and knows a restart that was
asked for from a crash; this is for when lbadmind is gone, too."""


def render_keepalived(cluster: ClusterConfig, node: NodeConfig, pair: PairConfig | None = None) -> str:
    """Return keepalived.conf; it is empty for a single node without virtual addresses.

    keepalived never reports itself started when it has nothing to do; Debian's unit skips an empty file.
    """
    addresses = virtual_addresses(cluster)
    if pair is not None:
        lines = [
            *_globals(
                *_later(node),
                "vrrp_garp_master_delay 1",
                "vrrp_garp_master_repeat 2",
                f"vrrp_startup_delay {STARTUP_DELAY_S}",
                "enable_script_security",
                "script_user root",
                f"vrrp_notify_fifo {NOTIFY_FIFO}",
                f"vrrp_notify_fifo_script {NOTIFY}",
                "fifo_write_vrrp_states_on_reload",
            ),
            *_tracked(),
        ]
        lines += _shared(cluster.ha, addresses, node, pair)
    elif addresses and node.interfaces:
        lines = [*_globals(*_later(node)), *_own(addresses, node)]
    else:
        return ""
    return "".join(f"{line}\n" for line in lines)


def carriers_of(cluster: ClusterConfig, node: NodeConfig) -> set[str]:
    """Return the interfaces that carry virtual addresses: a node of a pair that lacks one is no master."""
    return _carriers(virtual_addresses(cluster), node)


def _carriers(addresses: list[Address], node: NodeConfig) -> set[str]:
    return {interface_of(ip, node).name for ip in addresses if node.interfaces}


def virtual_addresses(cluster: ClusterConfig) -> list[Address]:
    """Return the addresses that go with the master's role, in order: the services', SNAT's, the floating."""
    services = {service.ip for service in cluster.services if service.enabled}
    sources = {ip for service in cluster.layer4_services if service.enabled for ip in service.snat_addresses}
    return sorted(
        services.union(sources, cluster.ha.floating_addresses), key=lambda ip: (ip.version, int(ip))
    )


def _globals(*lines: str) -> list[str]:
    return ["global_defs {", "    vrrp_version 3", *(f"    {line}" for line in lines), "}"]


def _later(node: NodeConfig) -> list[str]:
    """Lines for interfaces that are not there yet, or are made anew: networkd makes them in its own time."""
    made = any(each.bond is not None or each.vlan is not None for each in node.interfaces)
    return ["dynamic_interfaces allow_if_changes"] if made else []


def _tracked() -> list[str]:
    return [
        *_track_file("unfit", UNFIT),
        *_track_file("precedence", PRECEDENCE),
        "vrrp_track_process haproxy {",
        "    process haproxy",
        f"    terminate_delay {HAPROXY_GONE_S}",
        "}",
    ]


def _track_file(name: str, path: str) -> list[str]:
    return [f"track_file {name} {{", f"    file {path}", "    weight 1", "    init_file 0", "}"]


def _own(addresses: list[Address], node: NodeConfig) -> list[str]:
    """Lines of the instance of a single node.

    It owns its addresses: priority 255 makes it master at once (RFC 9568, section 6.4.1).
    """
    home = _first(node)
    return [
        "vrrp_instance lbva {",
        "    state MASTER",
        f"    interface {home.name}",
        f"    virtual_router_id {router_id(home)}",
        "    priority 255",
        f"    advert_int {_seconds(SINGLE_ADVERTISEMENT_MS)}",
        *_addresses(addresses, node, addresses[0].version),
        "}",
    ]


def _shared(ha: HaSettings, addresses: list[Address], node: NodeConfig, pair: PairConfig) -> list[str]:
    """Lines of the instance that two nodes share.

    timer_expired_backup: a master that was frozen finds that another has taken over, and steps back.
    """
    own = interface_of(pair.local_ip, node).name
    # Its own interface it tracks unasked, and complains when asked.
    carriers = sorted(_carriers(addresses, node) - {own})
    return [
        "vrrp_instance lbva {",
        "    state BACKUP",
        *([] if ha.fail_back else ["    nopreempt", f"    timer_expired_backup {PRIORITIES[0]}"]),
        f"    interface {own}",
        f"    virtual_router_id {pair.router_id}",
        f"    priority {PRIORITIES[0 if pair.primary else 1]}",
        f"    advert_int {_seconds(ADVERTISEMENT_MS[ha.sensitivity])}",
        f"    unicast_src_ip {pair.local_ip}",
        *_block("unicast_peer", [str(pair.peer_ip)]),
        *_block("track_interface", carriers),
        *_block("track_file", ["unfit weight 1", *([] if ha.fail_back else ["precedence weight 1"])]),
        *_block("track_process", ["haproxy"]),
        *_addresses([ip_address(MARKERS[pair.local_ip.version]), *addresses], node, pair.local_ip.version),
        "}",
    ]


def _seconds(ms: int) -> str:
    return f"{ms / 1000:g}"


def router_id(home: Interface) -> int:
    """Virtual router id, 1 to 255: the last byte of the interface's own address.

    It has to differ between appliances on one network, and that byte does in any network up to a /24.
    """
    return (int(home.addresses[0].ip) % 256 if home.addresses else 0) or 255


def _addresses(addresses: Iterable[Address], node: NodeConfig, family: int) -> Iterator[str]:
    """Yield the lines of the addresses.

    An instance speaks for one family; the other's addresses follow it as "excluded" (keepalived.conf(5)).
    """
    lines: dict[bool, list[str]] = {True: [], False: []}
    for ip in addresses:
        device = "lo" if str(ip) in MARKERS.values() else interface_of(ip, node).name
        lines[ip.version == family].append(f"{ip}/{ip.max_prefixlen} dev {device}")
    yield from _block("virtual_ipaddress", lines[True])
    yield from _block("virtual_ipaddress_excluded", lines[False])


def _block(name: str, lines: Iterable[str]) -> list[str]:
    return [f"    {name} {{", *(f"        {line}" for line in lines), "    }"]


def interface_of(ip: Address, node: NodeConfig) -> Interface:
    """Return the interface whose subnet holds the address, else the first one."""
    return home_of(ip, node) or _first(node)


def _first(node: NodeConfig) -> Interface:
    """Return the first interface that has addresses: one before it may be in a bond."""
    return next((each for each in node.interfaces if each.addresses), node.interfaces[0])


def home_of(ip: Address, node: NodeConfig) -> Interface | None:
    """Return the interface whose subnet holds the address, if there is one."""
    for interface in node.interfaces:
        if any(ip in address.network for address in interface.addresses):
            return interface
    return None
