"""Durations as people type them: `1800000`, `30m`, `45s` and `500ms`, always read back in milliseconds."""

import re

MAX_MS = 24 * 24 * 3600 * 1000
"""24 days: HAProxy's timers are signed 32-bit milliseconds (TIMER_MAX, 24.8 days)."""

_UNITS_MS = {"": 1, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_PATTERN = re.compile(r"([0-9]{1,10})(ms|s|m|h|d|)", re.ASCII)


def parse_ms(value: object) -> int:
    """Milliseconds of a duration: an integer, or digits with an optional unit (ms, s, m, h, d).

    The deployment guide, section 8 step 1: "You can also enter 30m rather than 1800000".
    Raises ValueError with the rule that is broken; the caller names the field.
    """
    # A bool is an int to Python, not to people.
    text = str(value) if type(value) is int else value
    match = _PATTERN.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError(
            "is not a duration; write milliseconds or a number with ms, s, m, h or d, such as 30m"
        )
    duration_ms = int(match[1]) * _UNITS_MS[match[2]]
    if not 1 <= duration_ms <= MAX_MS:
        raise ValueError("is not between 1 ms and 24 days")
    return duration_ms


def show_ms(duration_ms: int) -> str:
    """Return the duration in its largest whole unit, for people: 1800000 is `30m`."""
    for unit in ("d", "h", "m", "s"):
        if duration_ms % _UNITS_MS[unit] == 0:
            return f"{duration_ms // _UNITS_MS[unit]}{unit}"
    return f"{duration_ms}ms"
