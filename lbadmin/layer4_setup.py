"""How real servers have to be set up for each forwarding method: texts to copy, for each operating system.

SNAT needs nothing. For NAT the answers have to come back through the appliance. For Direct Routing and Tunnel
each real server takes packets to the virtual address itself, and must not answer ARP for it: the address
stands where ARP is not spoken, and the system is told not to speak of it elsewhere.

Sources: Linux's Documentation/networking/ip-sysctl.rst (arp_ignore, arp_announce, rp_filter: the greater of
"all" and the interface's own counts); its net/ipv6/ndisc.c answers for addresses of the asked interface
alone, so that IPv6 needs no such setting; Microsoft's netsh reference (set interface, weakhostreceive and
weakhostsend: Windows up to Server 2003 has the weak host model of RFC 1122, 3.3.4.2, by itself, later ones
the strong one); FreeBSD's ifconfig(8) and rc.conf(5).
"""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network
from string import Template
from typing import NamedTuple

from lbadmin.addresses import Address
from lbadmin.model import Forwarding, Layer4Service

Network = IPv4Network | IPv6Network


class Text(NamedTuple):
    """Commands to copy: the operating system, and whether it is meant for the next boots."""

    system: str
    commands: str


_LINUX_UNIT = """\
cat > /etc/systemd/system/lbva-$vip.service <<'END'
[Unit]
Description=Virtual address $vip of the load balancer
After=systemd-sysctl.service network.target

[Service]
Type=oneshot
RemainAfterExit=yes
$start

[Install]
WantedBy=multi-user.target
END
systemctl enable --now lbva-$vip.service
"""

_LINUX_SYSCTL = (
    "cat > /etc/sysctl.d/90-lbva.conf <<'END'\n$settings\nEND\nsysctl -p /etc/sysctl.d/90-lbva.conf\n"
)


def _linux(settings: Mapping[str, int], *commands: str) -> tuple[Text, Text]:
    """Return the texts for now and for every boot: settings first, so that nothing is ever announced."""
    now = [*(f"sysctl -w {name}={value}" for name, value in settings.items()), *commands]
    lines = "\n".join(f"{name} = {value}" for name, value in settings.items())
    start = "\n".join(f"ExecStart=/bin/sh -c '{command}'" for command in commands)
    kept = _LINUX_SYSCTL.replace("$settings", lines) if settings else ""
    return (
        Text("Linux", "".join(f"{line}\n" for line in now)),
        Text("Linux, at every boot (systemd)", kept + _LINUX_UNIT.replace("$start", start)),
    )


_QUIET = {"net.ipv4.conf.all.arp_ignore": 1, "net.ipv4.conf.all.arp_announce": 2}

_DIRECT4 = (
    *_linux(_QUIET, "ip address replace $vip/32 dev lo"),
    Text(
        "Windows Server 2003",
        """\
rem First add the adapter: Control Panel, Add Hardware, "Add a new hardware device",
rem "Install the hardware that I manually select", Network adapters, Microsoft,
rem Microsoft Loopback Adapter. In Network Connections name it "loopback" and untick all
rem of it but Internet Protocol (TCP/IP).
netsh interface ip set address "loopback" static $vip 255.255.255.255
netsh interface ip set dns "loopback" static none none
rem In its TCP/IP properties, Advanced, set the interface metric to 254.
""",
    ),
    Text(
        "Windows Server 2008 and 2008 R2",
        """\
rem First add the adapter: run hdwwiz.exe, "Install the hardware that I manually select",
rem Network adapters, Microsoft, Microsoft Loopback Adapter. In Network Connections name it
rem "loopback", untick all of it but Internet Protocol Version 4, and name the adapter of
rem the real server's network "net".
netsh interface ipv4 set address "loopback" static $vip 255.255.255.255
netsh interface ipv4 set dnsservers "loopback" static none none
netsh interface ipv4 set interface "loopback" metric=254
netsh interface ipv4 set interface "net" weakhostreceive=enabled
netsh interface ipv4 set interface "loopback" weakhostreceive=enabled weakhostsend=enabled
""",
    ),
    Text(
        "Windows Server 2012 and later (PowerShell)",
        """\
# First add the adapter: run hdwwiz.exe, "Install the hardware that I manually select",
# Network adapters, Microsoft, Microsoft KM-TEST Loopback Adapter. In Network Connections
# name it "loopback", and the adapter of the real server's network "net".
New-NetIPAddress -InterfaceAlias "loopback" $vip -PrefixLength 32 -SkipAsSource $$true
Set-DnsClient -InterfaceAlias "loopback" -RegisterThisConnectionsAddress $$false
Set-NetIPInterface -InterfaceAlias "loopback" -InterfaceMetric 254
Set-NetIPInterface -InterfaceAlias "net" -WeakHostReceive Enabled
Set-NetIPInterface -InterfaceAlias "loopback" -WeakHostReceive Enabled -WeakHostSend Enabled
""",
    ),
    Text(
        "FreeBSD",
        """\
ifconfig lo0 inet $vip netmask 255.255.255.255 alias
sysrc ifconfig_lo0_aliases+=" inet $vip/32"
""",
    ),
    Text("macOS, until it is restarted", "sudo ifconfig lo0 inet $vip netmask 255.255.255.255 alias\n"),
)

_DIRECT6 = (
    *_linux({}, "ip address replace $vip/128 dev lo nodad"),
    Text(
        "Windows Server 2008 and later",
        """\
rem First add a loopback adapter by hdwwiz.exe (Network adapters, Microsoft). In Network
rem Connections name it "loopback", and the adapter of the real server's network "net".
netsh interface ipv6 add address "loopback" $vip/128
netsh interface ipv6 set interface "loopback" metric=254
netsh interface ipv6 set interface "net" weakhostreceive=enabled
netsh interface ipv6 set interface "loopback" weakhostreceive=enabled weakhostsend=enabled
""",
    ),
    Text(
        "FreeBSD",
        'ifconfig lo0 inet6 $vip prefixlen 128 alias\nsysrc ifconfig_lo0_aliases+=" inet6 $vip/128"\n',
    ),
    Text("macOS, until it is restarted", "sudo ifconfig lo0 inet6 $vip prefixlen 128 alias\n"),
)

# What comes out of the tunnel came in by another interface than its answer leaves by: strict filtering (1)
# would drop it, and loose (2) counts whatever "all" says.
_TUNNEL4 = _linux(
    _QUIET,
    "modprobe ipip || ip link show tunl0",
    "ip link set tunl0 up",
    "sysctl -w net.ipv4.conf.tunl0.rp_filter=2",
    "ip address replace $vip/32 dev tunl0",
)

_TUNNEL6 = _linux(
    {},
    "modprobe ip6_tunnel || ip link show ip6tnl0",
    "ip link set ip6tnl0 up",
    "ip address replace $vip/128 dev ip6tnl0 nodad",
)

_GATEWAY4 = (
    Text("Linux", "ip route replace default via $gateway\n"),
    Text(
        "Linux, at every boot",
        """\
# One of these, by what the distribution sets its network up with:
#   /etc/network/interfaces, below the interface:       gateway $gateway
#   /etc/systemd/network/NAME.network, in [Network]:    Gateway=$gateway
#   /etc/netplan/NAME.yaml, below the interface:        routes: [{to: default, via: $gateway}]
nmcli connection modify NAME ipv4.gateway $gateway
""",
    ),
    Text(
        "Windows Server 2003, 2008 and 2008 R2",
        """\
rem Set it in the TCP/IP properties of the network adapter, too, where there is another one.
route delete 0.0.0.0
route -p add 0.0.0.0 mask 0.0.0.0 $gateway
""",
    ),
    Text(
        "Windows Server 2012 and later (PowerShell)",
        """\
# "net" is the name of the network adapter.
Get-NetRoute -DestinationPrefix 0.0.0.0/0 | Remove-NetRoute -Confirm:$$false
New-NetRoute -DestinationPrefix 0.0.0.0/0 -InterfaceAlias "net" -NextHop $gateway
""",
    ),
    Text("FreeBSD", 'route change default $gateway\nsysrc defaultrouter="$gateway"\n'),
    Text("macOS, until it is restarted", "sudo route change default $gateway\n"),
)

_GATEWAY6 = (
    Text("Linux", "ip -6 route replace default via $gateway\n"),
    Text(
        "Windows Server 2008 and later",
        'rem "net" is the name of the network adapter.\nnetsh interface ipv6 add route ::/0 "net" $gateway\n',
    ),
    Text("FreeBSD", 'route -6 change default $gateway\nsysrc ipv6_defaultrouter="$gateway"\n'),
)

TEXTS: dict[tuple[Forwarding, int], tuple[Text, ...]] = {
    ("nat", 4): _GATEWAY4,
    ("nat", 6): _GATEWAY6,
    ("dr", 4): _DIRECT4,
    ("dr", 6): _DIRECT6,
    ("tun", 4): _TUNNEL4,
    ("tun", 6): _TUNNEL6,
}
"""The texts by method and version of IP; `$vip` is the virtual address, `$gateway` the floating address."""

EXPLANATIONS: dict[Forwarding, str] = {
    "snat": "Nothing has to be set up: real servers see the appliance's address, and answer it. Their own "
    "firewalls must let it in.",
    "nat": "Real servers see the client's address, so their answers have to come back through the appliance: "
    "a floating address of it has to be their default gateway. Clients in the real servers' own subnet would "
    "be answered directly, and can't use the service: they need SNAT.",
    "dr": "Real servers get the client's packets as they are, and answer the client themselves. Each has to "
    "be in a subnet that the appliance is in, needs the virtual address on a loopback interface, must not "
    "answer ARP for it, and has to accept connections to it in what it serves.",
    "tun": "Real servers get the client's packets within IP in IP, in whatever network they are, and answer "
    "the client themselves. Each needs the virtual address on its tunnel interface, and must not answer ARP "
    "for it; its router must let it send with that address. Windows has no IP in IP: use Direct Routing or "
    "SNAT there.",
}

NO_GATEWAY = (
    "The appliance has no floating address in a subnet of the real servers yet. Add one under "
    "High-Availability Configuration, as it moves to the node that serves."
)


class Setup(NamedTuple):
    """How the real servers of a service have to be set up: the method, why, and the texts to copy."""

    method: Forwarding
    explanation: str
    texts: tuple[Text, ...]


def setup_of(
    service: Layer4Service, floating_addresses: Iterable[Address], networks: Iterable[Network]
) -> Setup:
    """Return how the real servers of a service have to be set up.

    For NAT their default gateway is the floating address in a network (of `networks`, the appliance's own)
    that holds a real server; without real servers yet it is any of the service's version of IP.
    """
    texts = TEXTS.get((service.forwarding, service.ip.version), ())
    explanation = EXPLANATIONS[service.forwarding]
    gateway = None
    if service.forwarding == "nat":
        gateway = _gateway(service, list(floating_addresses), list(networks))
        if gateway is None:
            return Setup("nat", f"{explanation} {NO_GATEWAY}", ())
    values = {"vip": str(service.ip), "gateway": str(gateway)}
    return Setup(
        service.forwarding,
        explanation,
        tuple(Text(each.system, Template(each.commands).substitute(values)) for each in texts),
    )


def _gateway(service: Layer4Service, floating: list[Address], networks: list[Network]) -> Address | None:
    same = [each for each in floating if each.version == service.ip.version]
    if not service.real_servers:
        return same[0] if same else None
    shared = [each for each in networks if any(server.ip in each for server in service.real_servers)]
    return next((each for each in same if any(each in network for network in shared)), None)
