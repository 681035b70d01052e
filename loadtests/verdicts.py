"""What was to hold in a load, and whether it did. Pure but for the log of Locust."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from loadtests import events
from loadtests.events import Event
from loadtests.record import Fault, Verdict

_TOO_BUSY = "CPU usage above"
"""What Locust says when its own process is the limit."""


def signed_in(happened: Sequence[Event], until: float) -> int:
    """How many users were signed in at a moment."""
    here: dict[str, bool] = {}
    for event in happened:
        if event.at > until:
            break
        if event.kind == events.SIGN_IN:
            here[event.user] = not event.error
        elif event.kind in {events.CONNECTION_LOST, events.SIGNED_OUT}:
            here[event.user] = False
    return sum(here.values())


def verdicts(happened: Sequence[Event], faults: Sequence[Fault], ended: float, users: int) -> list[Verdict]:
    """What every load has to hold: affinity, acknowledged messages, and that all `users` are signed in.

    Where nothing struck, nothing may fail, and no connection be lost. `happened` is in the order of time.
    """
    before = [event for event in happened if event.at <= ended]
    present = signed_in(before, ended)
    count = Counter(event.kind for event in before)
    sent = sum(event.kind == events.MESSAGE and not event.error for event in before)
    moved, lost = count[events.AFFINITY], count[events.LOST]
    found = [
        Verdict("everybody is signed in at the end", present == users, f"{present} of {users}"),
        Verdict("no user came to another front end", moved == 0, f"{moved} did"),
        Verdict("no acknowledged message was lost", lost == 0, f"{lost} of {sent}"),
    ]
    if faults:
        return found + [_back(before, fault) for fault in faults]
    failed = sum(bool(event.error) for event in before)
    seen = f"{failed} failures, {count[events.CONNECTION_LOST]} lost connections among them"
    return [*found, Verdict("nothing failed", failed == 0, seen)]


def _back(happened: Sequence[Event], fault: Fault) -> Verdict:
    """Whether a fault disconnected anybody, all those are back, and when the last one was."""
    lost: dict[str, float] = {}
    back: dict[str, float] = {}
    for event in happened:
        if event.at >= fault.at and event.kind == events.CONNECTION_LOST:
            lost[event.user] = event.at
            back.pop(event.user, None)
        elif event.kind == events.BACK and event.user in lost:
            back[event.user] = event.at
    text = f"all who lost their connection when {fault.what} are signed in again"
    last = max((at - fault.at for at in back.values()), default=0.0)
    seen = f"{len(back)} of {len(lost)}, the last after {last:.1f} s"
    return Verdict(text, 0 < len(lost) == len(back), seen)


def notes(log: Path) -> list[str]:
    """What a reader has to know of the clients."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    if _TOO_BUSY in text:
        return ["The processes of the clients were too busy at times: latencies are theirs as well."]
    return []
