"""What was to hold in a load, and whether it did. Pure but for the log of Locust."""

from collections.abc import Sequence
from pathlib import Path

from loadtests import events
from loadtests.events import Event
from loadtests.record import Fault, Verdict

_TOO_BUSY = "CPU usage above"
"""What Locust says when its own process is the limit."""


def signed_in(happened: Sequence[Event], until: float) -> tuple[int, int]:
    """How many users were signed in at a moment, and how many had tried by then."""
    here: dict[str, bool] = {}
    for event in happened:
        if event.at > until:
            break
        if event.kind == events.CONNECT and event.user not in here:
            here[event.user] = False
        elif event.kind == events.SIGN_IN:
            here[event.user] = not event.error
        elif event.kind in {events.CONNECTION_LOST, events.SIGNED_OUT}:
            here[event.user] = False
    sip = {event.user for event in happened if event.kind == events.SIGN_IN}
    return sum(here[user] for user in sip if user in here), len(sip)


def verdicts(happened: Sequence[Event], faults: Sequence[Fault], ended: float) -> list[Verdict]:
    """What every load has to hold: affinity, acknowledged messages, and that everybody is signed in.

    Where nothing struck, nothing may fail, and no connection be lost.
    """
    present, users = signed_in(happened, ended)
    moved = sum(event.kind == events.AFFINITY for event in happened)
    lost = sum(event.kind == events.LOST for event in happened)
    sent = sum(event.kind == events.MESSAGE and not event.error for event in happened)
    found = [
        Verdict("everybody is signed in at the end", 0 < users == present, f"{present} of {users}"),
        Verdict("no user came to another front end", moved == 0, f"{moved} did"),
        Verdict("no acknowledged message was lost", lost == 0, f"{lost} of {sent}"),
    ]
    before = [event for event in happened if event.at <= ended]
    if faults:
        found += [_back(before, fault) for fault in faults]
    else:
        failed = sum(bool(event.error) for event in before)
        broken = sum(event.kind == events.CONNECTION_LOST for event in before)
        found.append(Verdict("nothing failed", failed == 0, f"{failed} failures, {broken} lost connections"))
    return found


def _back(happened: Sequence[Event], fault: Fault) -> Verdict:
    """Whether all are back whom a fault disconnected, and when the last one was."""
    lost = {e.user for e in happened if e.kind == events.CONNECTION_LOST and e.at >= fault.at}
    back = {e.user: e.at for e in happened if e.kind == events.BACK and e.at >= fault.at}
    text = f"all who lost their connection when {fault.what} are signed in again"
    last = max((at - fault.at for at in back.values()), default=0.0)
    return Verdict(
        text, lost <= set(back), f"{len(lost & set(back))} of {len(lost)}, the last after {last:.1f} s"
    )


def notes(log: Path) -> list[str]:
    """What a reader has to know of the clients."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    if _TOO_BUSY in text:
        return ["The processes of the clients were too busy at times: latencies are theirs as well."]
    return []
