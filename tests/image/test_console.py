"""The console of a native appliance, on a pseudo-terminal, as a person at a serial line uses it."""

import contextlib
import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.deadline import Deadline
from harness.terminal import BACK_TAB, CTRL_U, DOWN, ENTER, ESCAPE, Terminal
from tests.image.nodes import Node, appliances
from tests.image.servers import wait_until

PROMPT = "Press Enter for the menu"
BRIDGE_MAC = "02:00:00:00:00:01"
MENU = "Network Setup Wizard"
ENTRIES = ["wizard", "messages", "keep", "password", "factory-reset", "reboot", "shutdown", "log-in", "leave"]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, software: Path) -> Iterator[Node]:
    with appliances(tmp_path_factory.mktemp("console"), software, 21) as (lb1,):
        yield lb1


@pytest.fixture(autouse=True)
def at_first(node: Node) -> Iterator[None]:
    """Each test finds the node as it was delivered, but for its address."""
    before = sorted(node.state.glob("node/*"))
    yield
    changed = [node.state / "password-reset.json", *node.state.glob("access/*")]
    changed += [file for file in node.state.glob("node/*") if file not in before]
    if any(file.exists() for file in changed):
        node.kill()
        for file in changed:
            file.unlink(missing_ok=True)
        node.start()
        node.wait_until_up()


class Console(Terminal):
    """overlay/usr/lib/lbva/console in the node, as the leader of a session on a terminal of its own."""

    def __init__(self, node: Node) -> None:
        self.process, self.master = pty.fork()
        if self.process == 0:
            # As systemd starts it: the leader of its session, whatever started the tests ignores.
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            enter = ["nsenter", "--target", str(node._init()), "--all", "--no-fork", "/usr/lib/lbva/console"]
            environment = {"TERM": "vt220", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
            os.execvpe("nsenter", enter, environment)  # noqa: S606 - an argument list needs no shell
        super().__init__(self.master)

    def close(self) -> None:
        """Hang up, once."""
        if self.master >= 0:
            os.close(self.master)
            self.master = -1

    def wait(self, text: str) -> str:
        return self.wait_for(text, Deadline(30))

    def choose(self, entry: str) -> None:
        """Open the menu from the resting screen and go to an entry."""
        self.wait(PROMPT)
        self.type(ENTER)
        self.wait("Leave the menu")
        self.type(DOWN * ENTRIES.index(entry) + ENTER)

    def put(self, text: str) -> None:
        """Type another value into the field that the cursor is in, and leave it."""
        self.type(f"{CTRL_U}{text}\t")


@pytest.fixture
def console(node: Node) -> Iterator[Console]:
    made = Console(node)
    yield made
    made.close()
    with contextlib.suppress(ProcessLookupError):
        os.kill(made.process, signal.SIGKILL)
    os.waitpid(made.process, 0)


def menus(node: Node) -> str:
    return node.run("pgrep", "--full", "python3 -I -m lbadmin.console", check=False)


def fingerprint(node: Node) -> str:
    command = ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", str(node.state / "tls/web.pem")]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("=")[1].strip()


def test_the_screen_tells_what_an_administrator_needs(node: Node, console: Console) -> None:
    text = console.wait(PROMPT)
    console.wait("The factory password is in use")
    assert "lb1" in text
    assert "single appliance" in text
    assert "eth0  192.168.2.21/24" in text
    assert "eth1  192.168.10.21/24" in text
    assert "https://192.168.2.21:9443/lbadmin/" in text
    assert fingerprint(node) in "".join(text.replace("SHA-256", "").split())
    assert menus(node) == ""


def test_the_wizard_moves_the_appliance_and_refuses_what_can_not_be(node: Node, console: Console) -> None:
    console.choose("wizard")
    console.wait("IP address")
    for wrong, sentence in (
        ("192.168.2.400", "address 192.168.2.400 is not an IP address"),
        ("192.168.2.1", f"address 192.168.2.1 is taken: {BRIDGE_MAC}"),
        ("127.0.0.1", "is a loopback address"),
    ):
        console.put(wrong)
        console.wait(sentence)
        console.type(BACK_TAB)
    console.put("192.168.2.77")
    console.put("33")
    console.wait("prefix 33 is not between 1 and 32")
    console.type(BACK_TAB)
    console.put("255.255.255.0")
    console.wait("prefix 255.255.255.0 is a netmask; type 24 for it")
    console.type(BACK_TAB)
    console.put("24")
    console.put("10.9.9.9")
    console.wait("gateway 10.9.9.9 is in no subnet of this node")
    console.type(BACK_TAB)
    console.put("192.168.2.1")
    console.wait_for_none("in no subnet", Deadline(30))
    console.put("dns.example")
    console.wait("dns.example is not an IP address")
    console.type(BACK_TAB)
    console.put("192.168.2.1")
    console.put("two words")
    console.wait("two words is not a host name")
    console.type(BACK_TAB)
    console.put("moved")
    console.type(ENTER)
    console.wait("https://192.168.2.77:9443/lbadmin/")
    document = node.get("/node")
    assert document["interfaces"][0]["addresses"] == ["192.168.2.77/24"]
    assert document["interfaces"][1]["addresses"] == ["192.168.10.21/24"]
    assert (document["gateway"], document["dns"]) == ("192.168.2.1", ["192.168.2.1"])
    assert document["hostname"] == "moved"
    assert node.get("/node/unconfirmed")["seconds_left"] is None
    wait_until(lambda: node.has_address("192.168.2.77") and not node.has_address("192.168.2.21"))
    console.type(ENTER + ESCAPE)
    console.wait("eth0  192.168.2.77/24")
    assert menus(node) == ""


def test_an_address_that_somebody_else_has_is_told(node: Node, console: Console) -> None:
    console.wait(PROMPT)
    subprocess.run(["ip", "addr", "add", "192.168.2.21/24", "dev", "management"], check=True)
    try:
        node.run("systemctl", "start", "lbva-addresses.service")
        console.wait(f"192.168.2.21 on eth0 is taken: {BRIDGE_MAC} has it, too. Change one.")
    finally:
        subprocess.run(["ip", "addr", "del", "192.168.2.21/24", "dev", "management"], check=True)
    node.run("systemctl", "start", "lbva-addresses.service")
    console.wait_for_none("is taken", Deadline(30))


def test_once_the_password_was_changed_the_wizard_asks_for_it(node: Node, console: Console) -> None:
    node.rest("PUT", "/users/loadbalancer/password", {"new": "a good password"})
    console.choose("wizard")
    console.wait("The password of the user loadbalancer is needed")
    console.type("a bad password\t" + ENTER)
    console.wait("User or password is not right")
    assert "IP address" not in console.text
    console.type("a good password\t" + ENTER)
    text = console.wait("IP address")
    assert "192.168.2.21" in text
    assert "a good password" not in text


def test_a_lost_password_is_reset_by_who_sees_the_screen(node: Node, console: Console) -> None:
    node.rest("PUT", "/users/loadbalancer/password", {"new": "a lost password"})
    console.choose("password")
    text = console.wait("The code is ")
    code = text.partition("The code is ")[2][:7].replace(" ", "")
    console.type(f"{code}\ta new password\ta new password\t" + ENTER)
    console.wait("the code can be used in")
    assert node.https("GET", "/status", password="a lost password")[0] == 200

    def granted() -> bool:
        console.type(DOWN * 3 + ENTER)
        with contextlib.suppress(Exception):
            console.wait_for("has the new password", Deadline(2))
        return "has the new password" in console.text

    wait_until(granted, 60)
    assert node.https("GET", "/status", password="a lost password")[0] == 401
    _, status = node.https("GET", "/status", password="a new password")
    told = [message for message in status["messages"] if "was reset at the console" in message["text"]]
    assert told[0]["action"] == "take-note-of-reset"
    assert "the password was reset at the console" in node.journal("lbadmind")
    console.type(ENTER + ENTER)
    console.wait("the password can't be reset now")
    assert node.https("DELETE", "/console/password-reset", password="a new password")[0] == 204
    _, status = node.https("GET", "/status", password="a new password")
    assert not [message for message in status["messages"] if "was reset at the console" in message["text"]]


def test_nobody_resets_the_password_over_the_net(node: Node) -> None:
    assert node.https("POST", "/console/password-reset")[0] == 403
    assert node.https("PUT", "/console/password-reset", {"code": "000000", "new": "a new password"})[0] == 403


def test_a_change_that_waits_is_kept_at_the_console(node: Node, console: Console) -> None:
    interfaces = node.get("/node")["interfaces"]
    interfaces[1]["addresses"] = ["192.168.10.22/24"]
    assert node.rest("PATCH", "/node", {"interfaces": interfaces}).status == 200
    assert node.get("/node/unconfirmed")["seconds_left"] > 0
    console.choose("keep")
    console.wait("is taken back in")
    console.type(ENTER)
    console.wait("The change is kept.")
    assert node.get("/node/unconfirmed")["seconds_left"] is None


def test_no_key_gives_a_shell(node: Node, console: Console) -> None:
    console.wait(PROMPT)
    console.type("\x03\x1a\x1c\x04" + "id" + ENTER)
    console.wait("Leave the menu")
    console.type("\x03\x1a\x1c\x04\x00" + "id\t")
    text = console.wait("Leave the menu")
    assert "uid=" not in text
    console.type(ESCAPE)
    console.wait(PROMPT)
    wait_until(lambda: menus(node) == "")
    os.kill(console.process, 0)


def test_a_line_that_is_closed_ends_all_of_it(node: Node, console: Console) -> None:
    console.choose("wizard")
    console.wait("IP address")
    assert menus(node) != ""
    console.close()
    wait_until(lambda: menus(node) == "")
    wait_until(lambda: node.run("pgrep", "--full", "/usr/lib/lbva/console", check=False) == "")


def test_logging_in_is_logins_affair(node: Node, console: Console) -> None:
    # login(1) opens its terminal by a name, which is outside here; the booted test has the real one.
    login = node.path("/usr/bin/login")
    login.unlink()
    login.write_text("#!/bin/sh\necho login of $(tty -s && echo a terminal)\n")
    login.chmod(0o755)
    console.choose("log-in")
    console.wait("login")
    wait_until(lambda: menus(node) == "")
