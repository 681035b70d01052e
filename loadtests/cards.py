"""The key figures of a load run, in words: what its users got, and what that cost. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from loadtests.columns import Numbers
from loadtests.events import MESSAGE, SIGN_IN
from loadtests.figures import Figures
from loadtests.presence import Return

_MINUTE_S, _HOUR_S = 60, 3600


@dataclass(frozen=True)
class Card:
    """A key figure: what it is, its value in large letters, and what else there is to know."""

    title: str
    value: str
    more: str = ""
    bad: bool = False


def cards(seen: Figures) -> list[Card]:
    """The key figures: what the users got, and what that cost."""
    return [*_of_users(seen), *_of_appliances(seen)]


def _of_users(seen: Figures) -> list[Card]:
    if not len(seen.events.at):
        return []
    count = sum(row.count for row in seen.requests)
    failures = sum(row.failures for row in seen.requests)
    share = _percent(100 * failures / count, 2) if count else "–"
    found = [
        Card("Users signed in", f"{seen.signed_in.max():,.0f}", f"at most, of {seen.run.users:,} ordered")
    ]
    if SIGN_IN in seen.rates:
        found.append(Card("Sign-ins per second", f"{seen.rates[SIGN_IN].max():,.0f}", "at most"))
    found += _took(seen, SIGN_IN, "Sign-in")
    if MESSAGE in seen.rates:
        line = seen.rates[MESSAGE]
        found.append(Card("Messages per second", f"{_mean(line):,.1f}", f"mean; {line.max():,.0f} at most"))
    found += _took(seen, MESSAGE, "Message round trip")
    found.append(Card("Reconnects", f"{seen.back.sum():,.0f}", f"of {seen.lost.sum():,.0f} connections lost"))
    found.append(Card("Failed requests", f"{failures:,}", f"of {count:,} ({share})"))
    return found


def _took(seen: Figures, kind: str, title: str) -> list[Card]:
    requests = seen.of(kind)
    if requests is None or requests.p95 is None:
        return []
    return [
        Card(title, f"{milliseconds(requests.p95)} ms", f"95 %; median {milliseconds(requests.median)} ms")
    ]


def _mean(line: Numbers) -> float:
    """The mean between the first and the last."""
    there = np.flatnonzero(line)
    return float(line[there[0] : there[-1] + 1].mean()) if len(there) else 0.0


def _percent(value: float, digits: int = 0) -> str:
    return f"{value:.{digits}f}\N{NO-BREAK SPACE}%"


def _of_appliances(seen: Figures) -> list[Card]:
    def busiest(lines: Sequence[Numbers]) -> Numbers:
        highest: Numbers = np.vstack([np.nan_to_num(line, nan=-1.0) for line in lines]).max(axis=0)
        return highest[highest >= 0]

    if not seen.appliances:
        return []
    busy = busiest([machine.busy for machine in seen.appliances])
    memory = busiest([machine.memory_mib for machine in seen.appliances])
    connections = busiest([machine.connections for machine in seen.appliances])
    found = []
    if len(busy):
        found.append(
            Card("Busiest processor", _percent(busy.mean()), f"mean; {_percent(busy.max())} at most")
        )
        found.append(Card("Memory in use", f"{memory.max():,.0f} MiB", "at most, of one appliance"))
    if len(connections):
        found.append(Card("Connections", f"{connections.max():,.0f}", "at most, at one appliance"))
    return found


def after_cards(one: Return) -> list[Card]:
    """When users were signed in again after a fault."""
    if not one.lost:
        return []
    last = Card("The last was back after", _after(one.last_s), "none was left out")
    if one.never:
        others = "" if one.last_s is None else f", the others after {_after(one.last_s)}"
        last = Card("The last was back after", _after(None), f"{one.never:,} never{others}", bad=True)
    return [
        Card("Users cut off", f"{one.lost:,}", f"of {one.signed_in:,} signed in"),
        Card("The first was back after", _after(one.first_s)),
        Card("95 % were back after", _after(one.most_s), bad=one.most_s is None),
        last,
    ]


def _after(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.1f} s"


def duration(seconds: float) -> str:
    """A length of time in words."""
    whole = round(seconds)
    hours, minutes = whole // _HOUR_S, whole % _HOUR_S // _MINUTE_S
    parts = ((hours, "h"), (minutes, "min"), (whole % _MINUTE_S, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "0 s"


def milliseconds(value: float | None) -> str:
    """As many digits as mean something."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"  # noqa: PLR2004
