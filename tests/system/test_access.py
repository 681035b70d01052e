"""Users, roles, the console's password and the audit log on the booted appliance."""

import re
import socket

import httpx
import paramiko
import pytest

from harness.appliance import Appliance, RestError
from harness.deadline import Deadline
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine
from harness.terminal import DOWN, ENTER, Terminal
from harness.topology import LAB
from tests.system.conftest import BOOT_S

SECRET = "correct horse battery"
ROOT_SECRET = "a console's own password"
STATE = "/layer7/virtual-services/OCS-Front-End/real-servers/FE-1/state"
PROMPT = "Press Enter for the menu"
LAST_ENTRY, LOG_IN = "Leave the menu", 7
"""The console's menu, and how far down the login is in it."""
ANSWER_S = 60.0


def as_user(lab: Lab, machine: LibvirtMachine, name: str) -> Appliance:
    return Appliance(lab, machine, login=(name, SECRET))


def audit(appliance: Appliance, text: str) -> list[str]:
    """Return the lines of the audit log with a text in them."""
    entries = appliance.http.get("/lbadmin/api/v1/logs", params={"source": "audit", "text": text})
    return [each["message"] for each in entries.json()["entries"]]


def test_users_have_their_roles_and_what_they_do_is_audited(
    lab: Lab, balancing: Appliance, guided: LibvirtMachine
) -> None:
    for name, role in (("olga", "operator"), ("rita", "read-only")):
        balancing.call("POST", "/users", {"name": name, "role": role, "password": SECRET})
    olga, rita = (as_user(lab, guided, name) for name in ("olga", "rita"))
    olga.call("PUT", STATE, {"state": "drain"})
    balancing.wait_for_health("FE-1", "drain", Deadline(30))
    for refused, user in ((olga, "user olga is an operator"), (rita, "user rita is read-only")):
        with pytest.raises(RestError, match=user):
            refused.call("PATCH", "/node", {"hostname": "lb-north"})
    with pytest.raises(RestError, match="user rita is read-only"):
        rita.call("PUT", STATE, {"state": "online"})
    olga.call("PUT", STATE, {"state": "online"})
    balancing.wait_for_health("FE-1", "up", Deadline(30))
    assert rita.get("/status")["virtual_services"]
    wrong = Appliance(lab, guided, login=("olga", "not her password"))
    with pytest.raises(RestError, match="user or password is not right"):
        wrong.get("/status")
    (drained,) = audit(balancing, "drain FE-1 of OCS-Front-End")
    assert re.match(
        r"change: user=olga role=operator from=[0-9.]+ did=.* result=\"200 OK\" revision=\d+", drained
    )
    assert any('result="403 Forbidden"' in line for line in audit(balancing, "user=rita"))
    assert any(line.startswith("login accepted: user=rita") for line in audit(balancing, "user=rita"))
    assert any(line.startswith("login refused: user=olga") for line in audit(balancing, "login refused"))
    journal = guided.run("journalctl --quiet --output=cat --identifier=lbva-audit").stdout
    assert drained in journal
    assert SECRET not in journal
    for each in (olga, rita, wrong):
        each.http.close()


def ssh_with_password(lab: Lab, machine: LibvirtMachine, password: str) -> str:
    """Log in as root with a password, and return who one is then."""
    client = paramiko.Transport(lab.connect(LAB, (machine.address, 22)))
    try:
        client.start_client(timeout=60)
        client.auth_password("root", password)
        channel = client.open_session(timeout=60)
        channel.exec_command("id -un")
        return channel.makefile("r").read().decode().strip()
    finally:
        client.close()


def log_in_at_console(machine: LibvirtMachine, password: str) -> None:
    """Log in as root at the serial console, as a person would type, and out again."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(machine.console_socket))
        terminal = Terminal(line.fileno())
        terminal.type(ENTER)
        terminal.wait_for(LAST_ENTRY, Deadline(ANSWER_S))
        terminal.type(DOWN * LOG_IN + ENTER)
        for prompt, answer in (
            ("login:", "root"),
            ("Password", password),
            ("root@", "echo $((6 * 7))-$(id -un)"),
            ("42-root", "exit"),
        ):
            terminal.wait_for(prompt, Deadline(ANSWER_S))
            terminal.type(answer + ENTER)
        terminal.wait_for(PROMPT, Deadline(ANSWER_S))


def test_the_consoles_password_opens_console_and_ssh_and_a_factory_reset_takes_it_and_the_users_away(
    lab: Lab, balancing: Appliance, guided: LibvirtMachine
) -> None:
    balancing.call("PATCH", "/node?confirmed=true", {"ssh": {"password_login": True}})
    assert guided.run("getent shadow root").stdout.startswith("root:!:")
    with pytest.raises(paramiko.AuthenticationException):
        ssh_with_password(lab, guided, "loadbalancer")
    balancing.call("PUT", "/console/password", {"new": ROOT_SECRET})
    assert ssh_with_password(lab, guided, ROOT_SECRET) == "root"
    assert guided.run("stat --format '%a %U %G' /etc/shadow").stdout == "640 root shadow\n"
    log_in_at_console(guided, ROOT_SECRET)
    Deadline(30).wait_until(lambda: audit(balancing, "ROOT LOGIN"), "the console's login in the audit log")
    assert any("Failed password for root" in line for line in audit(balancing, "password for root"))
    assert any("Accepted password for root" in line for line in audit(balancing, "password for root"))
    balancing.call("POST", "/users", {"name": "olga", "role": "operator", "password": SECRET})
    balancing.call("POST", "/system/factory-reset")
    again = Appliance(lab, guided)

    def is_new() -> bool:
        return [each["name"] for each in again.get("/users")["users"]] == ["loadbalancer"]

    ignoring = (httpx.HTTPError, RestError, OSError)
    Deadline(BOOT_S).wait_until(is_new, "an appliance without the user", ignoring=ignoring)
    assert again.get("/console") == {"user": "root", "password": False}
    assert guided.run("getent shadow root").stdout.startswith("root:!:")
    assert audit(again, "factoryReset") or audit(again, "factory settings"), "the log stays"
    again.http.close()
