"""keepalived.conf: the virtual addresses, put on the interface whose subnet holds them."""

from ipaddress import IPv4Address, IPv6Address

from lbadmin.model import ClusterConfig, Interface, NodeConfig

ADVERTISEMENT_S = 1


def render_keepalived(cluster: ClusterConfig, node: NodeConfig) -> str:
    """Return keepalived.conf; it is empty when there is no virtual address.

    keepalived never reports itself started when it has nothing to do; Debian's unit skips an empty file.
    """
    addresses = sorted(
        {service.ip for service in cluster.virtual_services if service.enabled},
        key=lambda ip: (ip.version, int(ip)),
    )
    if not addresses or not node.interfaces:
        return ""
    lines = ["global_defs {", "    vrrp_version 3", "}", *_instance(addresses, node)]
    return "".join(f"{line}\n" for line in lines)


def _instance(addresses: list[IPv4Address | IPv6Address], node: NodeConfig) -> list[str]:
    """Lines of the one instance.

    A single node owns its addresses: priority 255 makes it master at once (RFC 9568, section 6.4.1).
    An instance speaks for one family; the other's addresses follow it as "excluded" (keepalived.conf(5)).
    """
    family = addresses[0].version
    home = node.interfaces[0]
    return [
        "vrrp_instance lbva {",
        "    state MASTER",
        f"    interface {home.name}",
        f"    virtual_router_id {router_id(home)}",
        "    priority 255",
        f"    advert_int {ADVERTISEMENT_S}",
        "    virtual_ipaddress {",
        *(_address(ip, node) for ip in addresses if ip.version == family),
        "    }",
        "    virtual_ipaddress_excluded {",
        *(_address(ip, node) for ip in addresses if ip.version != family),
        "    }",
        "}",
    ]


def router_id(home: Interface) -> int:
    """Virtual router id, 1 to 255: the last byte of the interface's own address.

    It has to differ between appliances on one network, and that byte does in any network up to a /24.
    """
    return (int(home.addresses[0].ip) % 256 if home.addresses else 0) or 255


def _address(ip: IPv4Address | IPv6Address, node: NodeConfig) -> str:
    return f"        {ip}/{ip.max_prefixlen} dev {_interface_of(ip, node).name}"


def _interface_of(ip: IPv4Address | IPv6Address, node: NodeConfig) -> Interface:
    for interface in node.interfaces:
        if any(ip in address.network for address in interface.addresses):
            return interface
    return node.interfaces[0]
