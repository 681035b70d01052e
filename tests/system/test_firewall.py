"""Who reaches what on the booted appliance, from outside: open ports, lockdown, script, SSH's ways in."""

import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import paramiko
import pytest

from harness.appliance import HTTPS_PORT, OCS_PORTS, Appliance, Json, RestError
from harness.clients import SIP_TCP_PORT, SIP_TLS_PORT, OcsClient
from harness.deadline import Deadline
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine
from harness.pair import ANSWER_S, Pair
from harness.ports import closed_udp_ports, open_tcp_ports
from harness.ssh import write_key
from harness.topology import LAB, MANAGEMENT, VIP, service_address
from tests.system.conftest import BOOT_S

SSH_PORT = 22
MANAGED = {SSH_PORT, HTTPS_PORT}
PEER_PORTS = {9444, 9445}
UDP_PORTS = (53, 67, 68, 69, 111, 123, 161, 162, 323, 514, 546, 623, 1900, 5353, 5355)
"""DNS, DHCP, TFTP, rpcbind, NTP, SNMP, chronyd's commands, syslog, IPMI, SSDP, mDNS, LLMNR."""
EVERYWHERE = ("*", "0.0.0.0", "[::]", "::")  # noqa: S104 - as ss says it
SCAN_S = 300.0
DROPPED_S = 3.0
INSIDE = str(MANAGEMENT.lab_address.ip)
"""The lab's own address on the management network, from which SSH and REST of these tests come."""


def reaches(lab: Lab, host: str, address: str, port: int, timeout_s: float = DROPPED_S) -> bool:
    with contextlib.suppress(OSError):
        lab.connect(host, (address, port), timeout_s=timeout_s).close()
        return True
    return False


def listening(machine: LibvirtMachine, protocol: str) -> set[tuple[str, int]]:
    """Return addresses and ports that ss says the machine listens at, those of loopback left out."""
    said = machine.run(f"ss --no-header --numeric --listening --{protocol}").stdout
    places = [line.split()[3].rpartition(":") for line in said.splitlines()]
    return {
        (address.partition("%")[0].strip("[]"), int(port))
        for address, _, port in places
        if not address.startswith(("127.", "[::1]"))
    }


def at(machine: LibvirtMachine, address: str) -> set[int]:
    """Return the TCP ports that ss says are open at an address, or at all of them."""
    return {port for where, port in listening(machine, "tcp") if where in {address, *EVERYWHERE}}


def change(appliance: Appliance, **parts: Json) -> None:
    appliance.call("PATCH", "/node?confirmed=true", parts)


def test_a_fresh_appliance_is_open_at_ssh_and_the_webui_alone(
    lab: Lab, fresh: Appliance, downloaded: LibvirtMachine
) -> None:
    address = str(downloaded.address)
    found = open_tcp_ports(lab, address, deadline=Deadline(SCAN_S))
    assert found == MANAGED
    assert at(downloaded, address) == found
    assert closed_udp_ports(lab, address, UDP_PORTS, deadline=Deadline(SCAN_S)) == set(UDP_PORTS)
    assert listening(downloaded, "udp") == set()
    assert downloaded.run("nft list ruleset").stdout == ""
    loaded = downloaded.run("cat /proc/modules").stdout
    assert "nf_conntrack" not in loaded, "every connection of the clients would be tracked"


def test_a_lockdown_keeps_others_from_managing_and_from_nothing_else(
    lab: Lab, balancing: Appliance, guided: LibvirtMachine
) -> None:
    user = OcsClient(lab, "192.168.10.150")
    places = [str(guided.address), str(service_address(guided.name).ip), str(VIP)]
    assert all(reaches(lab, "client", place, port, 20) for place in places for port in MANAGED)
    change(balancing, firewall={"lockdown": [f"{INSIDE}/32"]})
    still_open = {port for place in places for port in MANAGED if reaches(lab, "client", place, port)}
    assert still_open == set()
    assert reaches(lab, LAB, places[0], SSH_PORT, 20)
    assert balancing.get("/node")["firewall"]["lockdown"] == [f"{INSIDE}/32"]
    user.wait_until_served(Deadline(60))
    assert "nf_conntrack" not in guided.run("cat /proc/modules").stdout


DROP = """table inet mine {
    chain input {
        type filter hook input priority filter
        tcp dport 5061 drop
    }
}
"""


def test_a_script_drops_what_it_says_and_a_bad_one_is_refused(lab: Lab, balancing: Appliance) -> None:
    assert reaches(lab, "client", str(VIP), SIP_TLS_PORT, 20)
    change(balancing, firewall={"script": DROP})
    assert not reaches(lab, "client", str(VIP), SIP_TLS_PORT)
    assert reaches(lab, "client", str(VIP), SIP_TCP_PORT, 20)
    bad = DROP.replace("chain", "chian")
    with pytest.raises(RestError, match=r"script is refused by nft in line 2: syntax error, .*; nothing was"):
        change(balancing, firewall={"script": bad})
    with pytest.raises(RestError, match="script has an include in line 1; "):
        change(balancing, firewall={"script": 'include "/etc/shadow"'})
    assert balancing.get("/node")["firewall"]["script"] == DROP


def test_who_locks_himself_out_is_let_in_again_after_the_minute(lab: Lab, balancing: Appliance) -> None:
    address = str(balancing.machine.address)
    with contextlib.suppress(httpx.HTTPError):
        # The answer may be lost: the connection that asked is locked out, too.
        balancing.call("PATCH", "/node", {"firewall": {"lockdown": ["10.0.0.0/8"]}}, timeout_s=15)
    balancing.hang_up()
    assert not reaches(lab, LAB, address, HTTPS_PORT)
    assert not reaches(lab, LAB, address, SSH_PORT)
    Deadline(150).wait_until(lambda: reaches(lab, LAB, address, HTTPS_PORT), "the lockdown to be taken back")
    assert balancing.get("/node")["firewall"]["lockdown"] == []


def test_the_rules_are_in_force_before_the_network_and_without_a_script_that_fails(
    lab: Lab, balancing: Appliance, guided: LibvirtMachine
) -> None:
    guided.run("ip link add gone0 type dummy")
    script = DROP.replace("tcp dport 5061", 'iif "gone0"')
    change(balancing, firewall={"script": script, "lockdown": [f"{INSIDE}/32"]})
    guided.power_off()
    guided.power_on()
    balancing.hang_up()
    balancing.wait_until_up(Deadline(BOOT_S))
    address = str(guided.address)
    assert [port for port in MANAGED if reaches(lab, "client", address, port)] == []
    (told,) = [each for each in balancing.get("/messages")["messages"] if each["action"] == "firewall-script"]
    assert "nft refuses it in line 4: " in told["text"]
    started = [
        int(guided.run(f"systemctl show --property ActiveEnterTimestampMonotonic --value {unit}").stdout)
        for unit in ("lbva-firewall.service", "systemd-networkd.service")
    ]
    print({"firewall_us": started[0], "networkd_us": started[1]})
    assert started == sorted(started)
    assert guided.run("systemctl --failed --no-legend").stdout == ""


PASSWORD = "correct horse battery"


@contextlib.contextmanager
def logged_in(lab: Lab, machine: LibvirtMachine, key: Path | None = None) -> Iterator[paramiko.SSHClient]:
    """Log in as root over SSH, by a key alone or by the password alone."""
    connection = lab.connect(LAB, (str(machine.address), SSH_PORT), timeout_s=60)
    with paramiko.SSHClient() as client:
        client.set_missing_host_key_policy(paramiko.WarningPolicy())
        client.connect(
            str(machine.address), username="root", sock=connection, allow_agent=False, look_for_keys=False,
            pkey=paramiko.Ed25519Key.from_private_key_file(str(key)) if key else None,
            password=None if key else PASSWORD, banner_timeout=60, auth_timeout=60,
        )  # fmt: skip
        yield client


def test_a_key_pair_or_a_password_logs_in_as_the_administrator_says(
    lab: Lab, balancing: Appliance, guided: LibvirtMachine, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    line = write_key(key)
    guided.run("chpasswd", data=f"root:{PASSWORD}\n")
    with pytest.raises(paramiko.AuthenticationException), logged_in(lab, guided, key):
        pass
    with pytest.raises(paramiko.BadAuthenticationType) as refused, logged_in(lab, guided):
        pass
    assert refused.value.allowed_types == ["publickey"]
    change(balancing, ssh={"keys": [line]})
    with logged_in(lab, guided, key) as client:
        change(balancing, ssh={"password_login": True})
        with logged_in(lab, guided):
            pass
        assert client.exec_command("echo still here")[1].read() == b"still here\n", "the session stays"
    change(balancing, ssh={"password_login": False, "keys": []})
    with pytest.raises(paramiko.BadAuthenticationType), logged_in(lab, guided):
        pass
    with pytest.raises(paramiko.AuthenticationException), logged_in(lab, guided, key):
        pass
    with pytest.raises(RestError, match="key 1 is not a good key of type ssh-ed25519; copy it again, whole"):
        change(balancing, ssh={"keys": [line[:60]]})


@pytest.mark.nightly
def test_a_pair_is_open_to_its_peer_beside_and_to_nobody_else(pair: Pair) -> None:
    lab = pair.lab
    for machine in pair.machines:
        own = {str(machine.address): MANAGED | PEER_PORTS, str(service_address(machine.name).ip): MANAGED}
        for address, expected in own.items():
            found = open_tcp_ports(lab, address, deadline=Deadline(SCAN_S))
            assert found == expected, address
            assert at(machine, address) == found
        assert closed_udp_ports(lab, str(machine.address), (161, 514), deadline=Deadline(60)) == {161, 514}
        for port in PEER_PORTS:
            assert not takes_a_stranger(lab, str(machine.address), port)
    found = open_tcp_ports(lab, str(VIP), deadline=Deadline(SCAN_S))
    assert found == MANAGED | set(OCS_PORTS)


def takes_a_stranger(lab: Lab, address: str, port: int) -> bool:
    """Tell whether a client without the peer's certificate hears anything but a refusal."""
    anybody = ssl.create_default_context()
    anybody.check_hostname = False
    anybody.verify_mode = ssl.CERT_NONE
    with lab.connect("client", (address, port), timeout_s=60) as connection:
        try:
            with anybody.wrap_socket(connection) as tls:
                tls.sendall(b"GET /lbadmin/api/v1/status HTTP/1.1\r\n\r\n")
                return tls.recv(1) != b""
        except (ssl.SSLError, ConnectionError):
            return False


def test_a_pair_with_lockdowns_goes_on_replicating_and_fails_over(pair: Pair) -> None:
    lab = pair.lab
    for appliance in pair.appliances:
        # The lab's own address alone: neither node is in it.
        change(appliance, firewall={"lockdown": [f"{INSIDE}/32"]})
    addresses = [str(machine.address) for machine in pair.machines]
    assert [address for address in addresses if reaches(lab, "client", address, HTTPS_PORT)] == []
    master, slave = pair.master(), pair.slave()
    master.call("PATCH", "/layer7/settings", {"client_timeout_ms": "31m"})
    Deadline(120).wait_until(
        lambda: slave.get("/layer7/settings")["client_timeout_ms"] == 31 * 60_000,
        "the slave to follow",
        ignoring=(httpx.HTTPError, RestError),
    )
    pair.wait_until_settled(Deadline(120))
    assert pair.master() is master, "VRRP goes on"
    master.machine.power_off()
    OcsClient(lab, "192.168.10.151").wait_until_served(Deadline(60))
    Deadline(60).wait_until(
        lambda: slave.call("GET", "/pair", timeout_s=ANSWER_S)["role"] == "master",
        "the slave to be master",
        ignoring=(httpx.HTTPError, RestError),
    )
