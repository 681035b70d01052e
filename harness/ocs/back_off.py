"""How long a client waits before it comes back: RFC 5626, section 4.5 and appendix A. Pure."""

BASE_S, MAX_S = 1.0, 30.0
"""RFC 5626, section 4.5: it suggests 30 s and 1800 s, and lets a client choose."""


def back_off_s(failures: int, chance: float) -> float:
    """How long a client waits after so many failures in a row.

    `chance` from 0 to 1 spreads the clients over the upper half of the time. The first attempt is at once.
    """
    if failures == 0:
        return 0.0
    longest = min(MAX_S, BASE_S * 2.0 ** min(failures, 16))
    return longest * (0.5 + chance / 2)
