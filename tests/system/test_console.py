"""Two factory-fresh appliances on one net, set up at the second's serial console as a person would type."""

import contextlib
import os
import socket
from collections.abc import Iterator

import pytest

from harness.appliance import Appliance, RestError
from harness.deadline import Deadline
from harness.errors import LabError
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine
from harness.state import REPOSITORY
from harness.terminal import CTRL_U, DOWN, ENTER, ESCAPE, Terminal
from tests.system.conftest import BOOT_S, IMAGE

ANSWER_S = 60.0
"""How long an emulated appliance may take to start the menu."""

PROMPT = "Press Enter for the menu"
LAST_ENTRY = "Leave the menu"


@contextlib.contextmanager
def serial(machine: LibvirtMachine) -> Iterator[Terminal]:
    """Plug a terminal into the machine's serial port."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(machine.console_socket))
        yield Terminal(line.fileno())


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """lb1 and lb2 as they are delivered, booting at the same time."""
    if not IMAGE.exists():
        pytest.fail("build/lbva.raw is missing: `make image` builds it", pytrace=False)
    with Lab.start(f"console-{os.getpid()}", front_ends=0) as running:
        for name in ("lb1", "lb2"):
            running.add_machine(name, IMAGE).power_on()
        yield running


def put(terminal: Terminal, text: str) -> None:
    """Type another value into a field and go to the next one."""
    terminal.type(f"{CTRL_U}{text}\t")


def test_the_second_says_that_the_address_is_taken_and_its_wizard_gives_it_another(lab: Lab) -> None:
    machine = lab.machine("lb2")
    with serial(machine) as terminal:
        text = terminal.wait_for("192.168.2.21 on eth0 is taken", Deadline(2 * BOOT_S))
        assert "https://192.168.2.21:9443/lbadmin/" in text
        machine.screenshot(REPOSITORY / "build" / "console.png")
        terminal.type(ENTER)
        terminal.wait_for(LAST_ENTRY, Deadline(ANSWER_S))
        terminal.type(ENTER)
        terminal.wait_for("Prefix (bits)", Deadline(ANSWER_S))
        put(terminal, "192.168.2.1")
        terminal.wait_for("address 192.168.2.1 is taken", Deadline(ANSWER_S))
        terminal.type("\x1b[Z")
        put(terminal, "192.168.2.22")
        terminal.wait_for_none("is taken", Deadline(ANSWER_S))
        put(terminal, "24")
        put(terminal, "192.168.2.1")
        put(terminal, "192.168.2.1")
        put(terminal, "lb2")
        terminal.type(ENTER)
        terminal.wait_for("https://192.168.2.22:9443/lbadmin/", Deadline(ANSWER_S))
        terminal.type(ENTER + ESCAPE)
        appliance = Appliance(lab, machine)
        appliance.wait_until_up(Deadline(ANSWER_S))
        node = appliance.get("/node")
        assert (node["hostname"], node["gateway"]) == ("lb2", "192.168.2.1")
        terminal.wait_for("eth0  192.168.2.22/24", Deadline(ANSWER_S))
        terminal.wait_for_none("is taken", Deadline(ANSWER_S))
        page = appliance.http.get("/lbadmin/login")
        assert page.status_code == 200
        assert machine.run("pgrep --full 'm lbadmin.console'", check=False).stdout == ""


def test_a_lost_password_is_reset_at_the_console(lab: Lab) -> None:
    machine = lab.machine("lb2")
    appliance = Appliance(lab, machine)
    appliance.wait_until_up(Deadline(BOOT_S))
    appliance.call("PUT", "/users/loadbalancer/password", {"current": "loadbalancer", "new": "lost for ever"})
    with serial(machine) as terminal:
        terminal.type(ENTER)
        terminal.wait_for(LAST_ENTRY, Deadline(ANSWER_S))
        terminal.type(DOWN * 3 + ENTER)
        text = terminal.wait_for("The code is ", Deadline(ANSWER_S))
        code = text.partition("The code is ")[2][:7].replace(" ", "")
        terminal.type(f"{code}\tfound again\tfound again\t")
        Deadline(ANSWER_S + 30).wait_until(
            lambda: set_password(terminal), "the code to hold", ignoring=(LabError,), interval_s=2
        )
        terminal.type(ENTER + ESCAPE)
        terminal.wait_for(PROMPT, Deadline(ANSWER_S))
    with pytest.raises(RestError, match="not right"):
        Appliance(lab, machine, login=("loadbalancer", "lost for ever")).get("/status")
    told = Appliance(lab, machine, login=("loadbalancer", "found again")).get("/messages")["messages"]
    assert [each["action"] for each in told if "reset at the console" in each["text"]] == [
        "take-note-of-reset"
    ]


def set_password(terminal: Terminal) -> str:
    """Press the button below the fields; before its time the cursor goes back to the code."""
    if "the code can be used in" in terminal.text:
        terminal.type(DOWN * 3)
    terminal.type(ENTER)
    return terminal.wait_for("has the new password", Deadline(5))


def test_logging_in_leads_to_login(lab: Lab) -> None:
    machine = lab.machine("lb2")
    Appliance(lab, machine, login=("loadbalancer", "found again")).wait_until_up(Deadline(BOOT_S))
    with serial(machine) as terminal:
        terminal.type(ENTER)
        terminal.wait_for(LAST_ENTRY, Deadline(ANSWER_S))
        terminal.type(DOWN * 7 + ENTER)
        terminal.wait_for("login:", Deadline(ANSWER_S))
        terminal.type("root" + ENTER)
        terminal.wait_for("Password", Deadline(ANSWER_S))
        terminal.type("root" + ENTER)
        terminal.wait_for("Login incorrect", Deadline(ANSWER_S))
