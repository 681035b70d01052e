"""Who is told first, and how many at a time, that a node is no longer the master."""

from lbadmin.haproxy import Session
from lbadmin.pair.farewell import SPREAD_S, TICK_S, share_of


def sessions(served: int, waiting: int = 0) -> list[Session]:
    return [Session(1, f"0x{number}", number < served) for number in range(served + waiting)]


def test_all_are_ended_evenly_within_the_time() -> None:
    left, counts, left_s = sessions(served=95), [], SPREAD_S
    while left:
        ended = share_of(left, left_s)
        counts.append(len(ended))
        left = [session for session in left if session not in ended]
        left_s -= TICK_S
    assert len(counts) == SPREAD_S / TICK_S
    assert max(counts) - min(counts) <= 1


def test_who_is_not_served_yet_is_ended_at_once() -> None:
    ended = share_of(sessions(served=10, waiting=3), SPREAD_S)
    assert [session.served for session in ended] == [False, False, False, True]


def test_what_came_late_is_ended_at_once() -> None:
    assert len(share_of(sessions(served=7), -3.0)) == 7
