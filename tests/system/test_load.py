"""Locust, as a process of its own in the clients' network, signs users in through the virtual address."""

import csv
from pathlib import Path

from harness.appliance import Appliance
from harness.lab import Lab
from harness.state import REPOSITORY

LOCUST = REPOSITORY / "build" / "venv" / "bin" / "locust"
USERS = 30


def test_users_sign_in_without_failure_or_loss_of_affinity(
    lab: Lab, balancing: Appliance, tmp_path: Path
) -> None:
    # fmt: off
    argv = [
        str(LOCUST), "--locustfile", str(REPOSITORY / "loadtests" / "register.py"),
        "--headless", "--only-summary", "--users", str(USERS), "--spawn-rate", "10", "--run-time", "20s",
        "--csv", str(tmp_path / "run"),
    ]
    # fmt: on
    lab.run("client", argv, timeout_s=120)
    with (tmp_path / "run_stats.csv").open() as file:
        total = list(csv.DictReader(file))[-1]
    assert int(total["Request Count"]) >= 2 * USERS
    assert int(total["Failure Count"]) == 0
