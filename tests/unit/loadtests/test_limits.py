import pytest

from harness.errors import LabError
from loadtests.limits import Machine, check
from loadtests.profiles import PROFILES, Name, order

ENOUGH = Machine(files=20000, memory_mib=22000)


def test_every_profile_fits_this_kind_of_machine() -> None:
    for name in PROFILES:
        check(order(name), 1, 2, ENOUGH)


@pytest.mark.parametrize(
    ("users", "workers", "front_ends", "machine", "named"),
    [
        (9950, 1, 8, ENOUGH, "may need 20100 open files of a worker, and a process may have 20000"),
        (9950, 2, 2, ENOUGH, "may need 20100 open files of a front end, and a process may have 20000"),
        (500, 1, 2, Machine(1024, 22000), "may need 1200 open files of a worker.*raise WORKERS"),
        (10100, 3, 8, ENOUGH, "more than the 10240 clients that the appliance"),
        (5000, 1, 2, Machine(20000, 4000), "need 6925 MiB of memory, 4000 are free"),
        (500, 16, 2, ENOUGH, "16 workers are not between 1 and 15"),
        (500, 1, 1, ENOUGH, "1 front ends are not between 2 and 8"),
        (5, 3, 2, ENOUGH, "5 users are too few for 3 workers"),
    ],
)
def test_what_does_not_fit_is_refused_and_the_limit_named(
    users: int, workers: int, front_ends: int, machine: Machine, named: str
) -> None:
    with pytest.raises(LabError, match=named):
        check(order("steady", users=users), workers, front_ends, machine)


def test_a_fault_that_nobody_would_notice_is_refused() -> None:
    with pytest.raises(LabError, match="keep-alive every 300 s not all users notice"):
        check(order("failover", keep_alive_s=300), 1, 2, ENOUGH)


def test_a_load_is_bounded_in_time() -> None:
    with pytest.raises(LabError, match=r"25.0 hours are more than 24"):
        check(order("soak", users=500, ramp=500, minutes=25 * 60), 1, 2, ENOUGH)


@pytest.mark.parametrize(
    ("name", "ramp_s", "total_s"), [("steady", 51, 351), ("logon-storm", 120, 150), ("failover", 51, 231)]
)
def test_a_profile_has_a_course(name: Name, ramp_s: float, total_s: float) -> None:
    wanted = order(name, users=500)
    assert (round(wanted.ramp_s), round(wanted.total_s)) == (ramp_s, total_s)


def test_the_master_crashes_after_all_have_come_and_long_before_they_leave() -> None:
    wanted = order("failover", users=500)
    assert wanted.ramp_s + 30 < wanted.fault_s < wanted.total_s - 90


def test_what_is_ordered_replaces_what_the_profile_has() -> None:
    wanted = order("steady", users=7, ramp=2.0, minutes=3, keep_alive_s=20, pace=4)
    assert (wanted.users, wanted.ramp, wanted.hold_s) == (7, 2.0, 180)
    assert (wanted.keep_alive_s, wanted.pace) == (20, 4)


def test_there_is_a_visitor_of_each_kind_and_more_with_many_users() -> None:
    assert [order("steady", users=users).visitors for users in (2, 500, 9000)] == [1, 3, 60]
