"""Licence key files and the trial: what holds, what is refused, and that no clock lengthens anything."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbadmin.errors import ForbiddenError, RefusedError
from lbadmin.licensing.licence import PUBLIC_KEY, Licence, appliance_id, check_holder, read_licence
from lbadmin.licensing.licensing import DEVELOPMENT, FILE, Licensing
from lbadmin.licensing.trial import RECORD, SAVE_EVERY_S, TRIAL, Clocks, Trial
from lbadmin.messages import licence_messages
from lbadmin.system import System, run
from tests.licences import OTHER, SAID, signed, trust_vendor

DAY = 86400.0
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()


@pytest.fixture
def system(tmp_path: Path) -> System:
    # Natively, what the program finds below /run lies below the test's own root.
    mine = str(tmp_path / "run")
    system = System(
        root=tmp_path, run=lambda command: run([re.sub(r"^/run\b", mine, word) for word in command])
    )
    system.path("/run").mkdir()
    trust_vendor(system)
    system.path("/etc").mkdir()
    system.path("/etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    return system


@dataclass
class Machine:
    """A machine's clocks, for a test to turn."""

    wall: float = NOON
    running: float = 100.0
    boots: int = 1
    clocks: Clocks = field(init=False)

    def __post_init__(self) -> None:
        self.clocks = Clocks(lambda: self.wall, lambda: self.running, lambda: f"boot {self.boots}")

    def run(self, seconds: float) -> None:
        """Let time pass while the machine is on."""
        self.wall += seconds
        self.running += seconds

    def reboot(self, off_s: float = 0.0) -> None:
        """Switch it off, and on again later."""
        self.wall += off_s
        self.running, self.boots = 0.0, self.boots + 1


def test_a_licence_says_what_the_vendor_signed(system: System) -> None:
    assert read_licence(system, signed(SAID)) == Licence(
        "Example Bank", "ABCD-1234", "Enterprise", date(2026, 11, 1), date(2027, 11, 1), ()
    )
    assert read_licence(system, signed({**SAID, "customer": "Grüße 東京", "expires": ""})).expires is None


def forged(change: Callable[[dict[str, Any]], None]) -> str:
    document = json.loads(signed(SAID))
    change(document)
    return json.dumps(document)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "damaged or not whole"),
        (signed(SAID)[:-30], "damaged or not whole"),
        ("[" * 5000, "damaged or not whole"),
        ("[]", "is none"),
        ('{"licence": {}}', "is none"),
        (forged(lambda doc: doc.update(lbva_licence=2)), "format that this version does not know"),
        (forged(lambda doc: doc.update(licence="all")), "is damaged"),
        (forged(lambda doc: doc.update(signature=7)), "is damaged"),
        (forged(lambda doc: doc.update(signature="")), "not signed by the vendor"),
        (forged(lambda doc: doc.update(signature="ü")), "not signed by the vendor"),
        (forged(lambda doc: doc["licence"].update(expires="2099-01-01")), "not signed by the vendor"),
        (forged(lambda doc: doc["licence"].pop("expires")), "not signed by the vendor"),
        (signed(SAID, OTHER), "not signed by the vendor"),
        (signed(SAID).replace('"serial"', '"serial": "first", "serial"'), "damaged or not whole"),
        (signed({**SAID, "colour": "blue"}), "update the appliance"),
        (signed({**SAID, "expires": "soon"}), "update the appliance"),
        (signed({**SAID, "appliances": ["all of them"]}), "update the appliance"),
        (signed({**SAID, "customer": "x" * 20_000}), "larger than 16 KiB"),
    ],
)
def test_anything_else_is_refused_with_the_reason(system: System, text: str, words: str) -> None:
    with pytest.raises(RefusedError, match=words) as refused:
        read_licence(system, text)
    assert refused.value.faults[0].field == "licence"
    assert refused.value.sentence.startswith("the licence key file ")


@settings(max_examples=200)
@given(st.text(max_size=200) | st.recursive(st.none() | st.text(), st.lists, max_leaves=5).map(json.dumps))
def test_no_text_is_taken_or_breaks_the_reader(text: str) -> None:
    with pytest.raises(RefusedError):
        read_licence(System(root=Path("/nonexistent")), text)


def test_an_image_without_a_key_takes_none_and_says_so(system: System) -> None:
    system.path(PUBLIC_KEY).unlink()
    with pytest.raises(RefusedError, match="this image has no vendor's key"):
        read_licence(system, signed(SAID))


def test_a_licence_is_for_its_appliances_and_days(system: System) -> None:
    licence = read_licence(system, signed(SAID))
    here = appliance_id(system)
    check_holder(licence, here, date(2027, 11, 1))
    with pytest.raises(RefusedError, match="expired on 2027-11-01"):
        check_holder(licence, here, date(2027, 11, 2))
    check_holder(replace(licence, appliances=("0" * 16, here)), here, date(2027, 1, 1))
    with pytest.raises(RefusedError, match=f"is for other appliances .*; this one is {here}"):
        check_holder(replace(licence, appliances=("0" * 16,)), here, date(2027, 1, 1))
    assert here not in system.path("/etc/machine-id").read_text()


def days_left(trial: Trial) -> float:
    return trial.left() / timedelta(days=1)


def test_the_trial_is_thirty_days_by_the_clock_running_or_not(system: System) -> None:
    machine = Machine()
    trial = Trial(system, machine.clocks)
    assert trial.left() == TRIAL
    machine.run(2 * DAY)
    machine.reboot(off_s=3 * DAY)
    trial = Trial(system, machine.clocks)
    assert days_left(trial) == pytest.approx(25)
    machine.run(25 * DAY)
    assert trial.left() == timedelta()
    machine.reboot()
    assert Trial(system, machine.clocks).left() == timedelta()


def test_turning_the_clock_back_does_not_lengthen_it(system: System) -> None:
    machine = Machine()
    trial = Trial(system, machine.clocks)
    for _ in range(15):
        machine.run(DAY)
        machine.wall = NOON
        trial.count()
    assert days_left(trial) == pytest.approx(15)
    machine.wall = NOON - 400 * DAY
    machine.reboot()
    machine.run(DAY)
    trial = Trial(system, machine.clocks)
    assert days_left(trial) == pytest.approx(14)
    assert trial.today() == date(2026, 11, 23) + timedelta(days=16)


def test_a_power_cut_costs_minutes_at_most(system: System) -> None:
    machine = Machine()
    trial = Trial(system, machine.clocks)
    for _ in range(100):
        machine.run(60)
        trial.count()
    before = trial.left()
    machine.wall = NOON
    machine.reboot()
    lost = Trial(system, machine.clocks).left() - before
    assert timedelta() <= lost <= timedelta(seconds=SAVE_EVERY_S)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"used_s": "x"}', "\xff"])
def test_a_record_that_is_damaged_begins_again_and_says_so(
    system: System, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    record = system.path(RECORD)
    record.parent.mkdir(parents=True)
    record.write_text(text, encoding="latin-1")
    assert Trial(system, Machine().clocks).left() == TRIAL
    assert "counted from now on" in caplog.text


def test_a_trial_that_cannot_be_written_down_goes_on(system: System) -> None:
    system.path("/data").write_text("no folder")
    machine = Machine()
    trial = Trial(system, machine.clocks)
    machine.run(DAY)
    assert days_left(trial) == pytest.approx(29)


def licensing(system: System, machine: Machine) -> Licensing:
    return Licensing(system, machine.clocks)


def test_after_the_trial_changes_need_a_licence_and_a_restart_changes_nothing_about_it(
    system: System,
) -> None:
    machine = Machine()
    ours = licensing(system, machine)
    ours.check_change()
    assert (ours.status().state, ours.status().days_left) == ("trial", 30)
    machine.run(30 * DAY)
    with pytest.raises(ForbiddenError, match="apply a licence under Local Configuration, License Key"):
        ours.check_change()
    status = ours.apply(signed(SAID), "loadbalancer")
    assert (status.state, status.customer, status.expires) == ("licensed", "Example Bank", date(2027, 11, 1))
    machine.reboot(DAY)
    ours = licensing(system, machine)
    ours.check_change()
    assert ours.status().days_left == (date(2027, 11, 1) - date(2026, 12, 24)).days + 1


def test_a_refused_licence_leaves_the_one_that_was_there(system: System) -> None:
    ours = licensing(system, Machine())
    ours.apply(signed({**SAID, "expires": ""}), "root")
    kept = (system.state / FILE).read_text()
    for text in (signed(SAID, OTHER), signed({**SAID, "expires": "2026-11-22"}), "nonsense"):
        with pytest.raises(RefusedError):
            ours.apply(text, "root")
    assert (system.state / FILE).read_text() == kept
    assert (ours.status().state, ours.status().days_left) == ("licensed", None)


def test_a_licence_that_is_over_is_told_and_the_clock_does_not_bring_it_back(system: System) -> None:
    machine = Machine()
    ours = licensing(system, machine)
    ours.apply(signed(SAID), "root")
    machine.run(400 * DAY)
    assert (ours.status().state, ours.status().customer) == ("ended", None)
    assert "expired on 2027-11-01" in (ours.status().problem or "")
    machine.wall = NOON
    machine.reboot()
    assert licensing(system, machine).status().state == "ended"


def test_a_stored_licence_that_was_altered_does_not_count(system: System) -> None:
    ours = licensing(system, Machine())
    ours.apply(signed(SAID), "root")
    file = system.state / FILE
    file.write_text(file.read_text().replace("2027-11-01", "2099-11-01"))
    status = licensing(system, Machine()).status()
    assert status.state == "trial"
    assert "not signed by the vendor" in (status.problem or "")


def test_messages_come_with_the_last_week_and_the_end(system: System) -> None:
    machine = Machine()
    ours = licensing(system, machine)
    assert licence_messages(ours.status()) == []
    machine.run(22.5 * DAY)
    assert licence_messages(ours.status()) == []
    machine.run(DAY)
    (message,) = licence_messages(ours.status())
    assert (message.level, message.action) == ("warning", "apply-licence")
    assert message.text.startswith("The trial ends in 7 days;")
    machine.run(6 * DAY)
    assert licence_messages(ours.status())[0].text.startswith("The trial ends in 1 day;")
    machine.run(DAY)
    (message,) = licence_messages(ours.status())
    assert (message.level, message.text.split(":")[0]) == ("danger", "The trial has ended")


def test_a_node_whose_trial_has_ended_stands_in_for_one_of_a_licensed_pair_once(system: System) -> None:
    machine = Machine()
    ours = licensing(system, machine)
    machine.run(31 * DAY)
    ours.peer_is_licensed = lambda: True
    assert ours.status().state == "ended", "not without a pair"
    ours.in_pair = lambda: True
    assert (ours.status().state, ours.status().days_left) == ("grace", 30)
    assert not ours.is_licensed(), "so it gives no grace to others"
    ours.check_change()
    (message,) = licence_messages(ours.status())
    assert (message.level, message.action) == ("warning", "apply-licence")
    machine.run(10 * DAY)
    machine.reboot()
    ours = licensing(system, machine)
    ours.in_pair = lambda: True
    assert ours.status().days_left == 20, "also while the peer is away"
    machine.wall = NOON
    machine.run(20 * DAY)
    assert ours.status().state == "ended"
    ours.peer_is_licensed = lambda: True
    with pytest.raises(ForbiddenError, match="the trial has ended"):
        ours.check_change()


def test_a_development_build_is_told(system: System) -> None:
    ours = licensing(system, Machine())
    assert not ours.status().development
    system.path(DEVELOPMENT).write_text("")
    assert ours.status().development
