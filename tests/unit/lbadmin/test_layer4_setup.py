"""How real servers have to be set up: the texts that people copy, with the service's own addresses."""

import shutil
import subprocess
from ipaddress import ip_address, ip_network
from typing import get_args

import pytest

from lbadmin.layer4_setup import NO_GATEWAY, TEXTS, Setup, setup_of
from lbadmin.model import Forwarding, Layer4Service

FLOATING = [ip_address(each) for each in ("192.168.2.20", "fd00::20", "192.168.10.20")]
NETWORKS = [ip_network(each) for each in ("192.168.2.0/24", "192.168.10.0/24", "fd00::/64")]


def setup(method: str, vip: str = "192.168.10.30", *servers: str) -> Setup:
    service = Layer4Service.model_validate(
        {
            "label": "OCS",
            "ip": vip,
            "ports": "5060,5061",
            "forwarding": method,
            "real_servers": [{"label": f"FE-{n}", "ip": each} for n, each in enumerate(servers)],
        }
    )
    return setup_of(service, FLOATING, NETWORKS)


def text(found: Setup, system: str) -> str:
    return next(each.commands for each in found.texts if each.system == system)


def test_snat_needs_nothing() -> None:
    found = setup("snat")
    assert found.texts == ()
    assert found.explanation.startswith("Nothing has to be set up")


def test_direct_routing_is_silent_to_arp_before_it_has_the_address() -> None:
    assert text(setup("dr"), "Linux").splitlines() == [
        "sysctl -w net.ipv4.conf.all.arp_ignore=1",
        "sysctl -w net.ipv4.conf.all.arp_announce=2",
        "ip address replace 192.168.10.30/32 dev lo",
    ]


def test_direct_routing_of_ipv6_needs_no_settings_of_arp() -> None:
    assert text(setup("dr", "fd00::30"), "Linux") == "ip address replace fd00::30/128 dev lo nodad\n"
    assert "255.255.255.255" not in "".join(each.commands for each in setup("dr", "fd00::30").texts)


def test_windows_takes_packets_for_another_interface_only_when_it_is_told_to() -> None:
    told = text(setup("dr"), "Windows Server 2008 and 2008 R2")
    assert '"net" weakhostreceive=enabled\n' in told
    assert '"loopback" weakhostreceive=enabled weakhostsend=enabled\n' in told
    assert "192.168.10.30 255.255.255.255\n" in told
    # Its model is the weak one anyway, and its netsh does not know the word.
    assert "weakhost" not in text(setup("dr"), "Windows Server 2003")


def test_a_tunnels_packets_are_not_filtered_by_where_they_come_from() -> None:
    lines = text(setup("tun"), "Linux").splitlines()
    assert lines[-2:] == [
        "sysctl -w net.ipv4.conf.tunl0.rp_filter=2",
        "ip address replace 192.168.10.30/32 dev tunl0",
    ]


@pytest.mark.parametrize(
    ("servers", "gateway"),
    [((), "192.168.2.20"), (("192.168.10.31", "192.168.10.32"), "192.168.10.20")],
    ids=["no servers yet", "in the second network"],
)
def test_the_gateway_is_the_floating_address_in_the_real_servers_network(
    servers: tuple[str, ...], gateway: str
) -> None:
    found = setup("nat", "192.168.10.30", *servers)
    assert text(found, "Linux") == f"ip route replace default via {gateway}\n"
    assert all(gateway in each.commands for each in found.texts)


@pytest.mark.parametrize("servers", [("172.16.0.31",), ("172.16.0.31", "172.16.0.32")])
def test_without_a_floating_address_in_their_network_one_has_to_be_added_first(
    servers: tuple[str, ...],
) -> None:
    found = setup("nat", "192.168.10.30", *servers)
    assert found.texts == ()
    assert found.explanation.endswith(NO_GATEWAY)


@pytest.mark.parametrize("vip", ["192.168.10.30", "fd00::30"])
@pytest.mark.parametrize("method", get_args(Forwarding))
def test_every_text_is_filled_in(method: str, vip: str) -> None:
    found = setup(method, vip)
    assert bool(found.texts) == (method != "snat")
    assert len({each.system for each in found.texts}) == len(found.texts)
    gateway = "192.168.2.20" if vip == "192.168.10.30" else "fd00::20"
    for each in found.texts:
        assert each.commands.endswith("\n")
        assert (gateway if method == "nat" else vip) in each.commands
        assert "$vip" not in each.commands
        assert "$gateway" not in each.commands


SHELL = [
    pytest.param(method, vip, id=f"{method}-{version}")
    for method, version in TEXTS
    for vip in (["192.168.10.30"] if version == 4 else ["fd00::30"])
]


@pytest.mark.parametrize(("method", "vip"), SHELL)
def test_a_shell_understands_the_texts_for_linux_and_freebsd(method: str, vip: str) -> None:
    assert shutil.which("shellcheck")
    for each in setup(method, vip).texts:
        if each.system.startswith(("Linux", "FreeBSD", "macOS")):
            subprocess.run(
                ["shellcheck", "--shell=sh", "-"], input=each.commands, text=True, check=True, timeout=60
            )
