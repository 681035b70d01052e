"""The node's own network: systemd-networkd units, the host name and the name servers."""

from lbadmin.model import NodeConfig
from lbadmin.node.network import Interface

HOSTNAME = "/etc/hostname"
NETWORK_DIR = "/etc/systemd/network"
RESOLV_CONF = "/etc/resolv.conf"


def render_network(node: NodeConfig) -> dict[str, str]:
    """Return the texts of the node's network files by path."""
    files = {HOSTNAME: f"{node.hostname}\n"}
    for interface in node.interfaces:
        files[f"{NETWORK_DIR}/10-{interface.name}.network"] = _network(interface, node)
    if node.dns:
        files[RESOLV_CONF] = "".join(f"nameserver {address}\n" for address in node.dns)
    return files


def _network(interface: Interface, node: NodeConfig) -> str:
    """One interface, systemd.network(5).

    ConfigureWithoutCarrier: the addresses stand before the link does, and stay when it goes for a moment.
    KeepConfiguration: the virtual addresses are keepalived's, networkd must not take them away.
    """
    lines = [
        "[Match]",
        f"Name={interface.name}",
        "",
        "[Network]",
        "DHCP=no",
        "IPv6AcceptRA=no",
        "ConfigureWithoutCarrier=yes",
        "KeepConfiguration=static",
        *(f"Address={address}" for address in interface.addresses),
    ]
    if node.gateway is not None and any(node.gateway in address.network for address in interface.addresses):
        lines.append(f"Gateway={node.gateway}")
    return "".join(f"{line}\n" for line in lines)
