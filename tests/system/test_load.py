"""The load of `make load`, short: Locust's master and workers in namespaces of their own, and a crash."""

from pathlib import Path

from harness.pair import Pair
from loadtests import events, report
from loadtests.events import Event
from loadtests.profiles import order
from loadtests.run import Load, lead_back

USERS = 60
WORKERS = 2
PACE = 30.0
"""Enough talk for a minute."""


def kinds(happened: list[Event]) -> set[str]:
    return {event.kind for event in happened if not event.error}


def test_users_are_back_after_a_crash_with_their_front_ends_and_their_messages(
    pair: Pair, tmp_path: Path
) -> None:
    lead_back(pair)
    wanted = order("failover", users=USERS, minutes=1.5, keep_alive_s=10.0, pace=PACE)
    run = Load(pair, wanted, WORKERS, tmp_path).run()
    assert [verdict for verdict in run.verdicts if not verdict.reached] == []
    happened = events.read(tmp_path)
    signed_in = {event.user for event in happened if event.kind == events.SIGN_IN}
    assert len(signed_in) == USERS
    assert {name.partition("-")[0] for name in signed_in} == {"u1", "u2"}
    # Whoever was disconnected came back, and every service of the pool has been used. On a busy computer the
    # role may have moved by itself just before: then some were still where it went.
    lost = {event.user for event in happened if event.kind == events.CONNECTION_LOST}
    assert lost
    assert {event.user for event in happened if event.kind == events.BACK} == lost
    assert kinds(happened) >= {events.MESSAGE, events.ADDRESS_BOOK, events.FOCUS, events.ENDPOINT_MAP}
    assert {event.front_end for event in happened if event.kind == events.SIGN_IN} == {"FE-1", "FE-2"}
    page = report.write(tmp_path).read_text(encoding="utf-8")
    assert " crashes" in page
