"""The end of the trial on the booted appliance: it serves on, takes no changes, and a licence mends it."""

import json
import subprocess

import pytest

from harness.appliance import Appliance, RestError
from harness.clients import OcsClient
from harness.deadline import Deadline
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine
from harness.state import REPOSITORY
from lbadmin.licensing.trial import RECORD
from tests.system.conftest import RESTORE_S

DAYS_S = 31 * 86400


def development_licence(*options: str) -> str:
    """A licence as the vendor's tool makes it for images that nobody gave a key."""
    command = ["/usr/bin/python3", "-m", "image.licence", "sign", "--development"]
    words = ["--customer", "Example Bank", "--edition", "standard", *options]
    return subprocess.run(
        [*command, *words], cwd=REPOSITORY, check=True, capture_output=True, text=True
    ).stdout


def end_the_trial(machine: LibvirtMachine) -> None:
    """Let a month have passed: the record of it is all that tells."""
    record = json.loads(machine.run(f"cat {RECORD}").stdout)
    text = json.dumps({**record, "used_s": DAYS_S})
    machine.run("systemctl stop lbadmind.socket lbadmind.service")
    machine.run(f"printf %s '{text}' > {RECORD}")
    # On a busy machine it takes its time; the caller waits until it is up.
    machine.run("systemctl start --no-block lbadmind.socket lbadmind.service")


def test_a_trial_that_ends_stops_changes_and_nothing_else_until_there_is_a_licence(
    lab: Lab, balancing: Appliance, guided: LibvirtMachine
) -> None:
    status = balancing.get("/licence")
    assert (status["state"], status["days_left"], status["development"]) == ("trial", 30, True)
    end_the_trial(guided)
    balancing.wait_until_up(Deadline(RESTORE_S))
    assert balancing.get("/licence")["state"] == "ended"
    with pytest.raises(RestError, match="the trial has ended and there is no licence"):
        balancing.call("PATCH", "/layer7/settings", {"client_timeout_ms": "10m"})
    assert OcsClient(lab, "192.168.10.199").register() in {"FE-1", "FE-2"}
    assert balancing.get("/backup")["cluster"]["virtual_services"]
    others = development_licence("--appliance", "0" * 16)
    with pytest.raises(RestError, match="is for other appliances"):
        balancing.call("PUT", "/licence", {"licence": others})
    ours = development_licence("--appliance", status["appliance"])
    assert balancing.call("PUT", "/licence", {"licence": ours})["state"] == "licensed"
    balancing.call("PATCH", "/layer7/settings", {"client_timeout_ms": "10m"})
    assert guided.run("stat --format '%a %U' /var/lib/lbadmin/licence.json").stdout == "600 root\n"
