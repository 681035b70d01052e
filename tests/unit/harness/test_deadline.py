from itertools import count

import pytest

from harness.deadline import Deadline, DeadlineExceededError


def test_waiting_returns_the_first_true_answer() -> None:
    numbers = count()
    assert Deadline(5).wait_until(lambda: next(numbers) >= 2 and "there", "it", interval_s=0) == "there"


def test_an_expired_deadline_still_asks_once() -> None:
    assert Deadline(0).wait_until(lambda: 7, "seven") == 7


def test_the_error_says_what_was_waited_for_and_what_was_seen_last() -> None:
    with pytest.raises(DeadlineExceededError, match=r"for the sun.*seen last: OSError: clouds") as caught:
        Deadline(0.01).wait_until(_raise_clouds, "the sun", ignoring=(OSError,), interval_s=0.001)
    assert isinstance(caught.value, TimeoutError)


def test_an_exception_that_is_not_expected_ends_the_wait() -> None:
    with pytest.raises(OSError, match="clouds"):
        Deadline(5).wait_until(_raise_clouds, "the sun", ignoring=(ValueError,))


def _raise_clouds() -> bool:
    raise OSError("clouds")
