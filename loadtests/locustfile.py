"""What Locust runs: the users, the profile as its shape, and the journal. loadtests/run.py starts it.

By hand, or on another host: `locust -f loadtests/locustfile.py --load-profile steady --users 20 …`.
"""

import argparse
import ssl
from pathlib import Path
from typing import Any

from locust import LoadTestShape, events
from locust.env import Environment
from locust.runners import MasterRunner

from harness import topology
from harness.process import allow_many_files
from loadtests.events import path_of
from loadtests.journal import Journal
from loadtests.profiles import PROFILES, Order, order
from loadtests.users import FocusClient, OcsClient, RpcClient, Stage, WebClient

__all__ = ["FocusClient", "OcsClient", "ProfileShape", "RpcClient", "WebClient"]

VISITORS = (WebClient, FocusClient, RpcClient)


@events.init_command_line_parser.add_listener
def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what is ordered."""
    # Plain words and numbers alone: a master tells its workers all options.
    group = parser.add_argument_group("LBVA's load")
    group.add_argument("--load-profile", choices=list(PROFILES), default="steady")
    group.add_argument("--load-users", type=int, default=2, help="how many sign in, of this process's")
    group.add_argument("--load-ramp", type=float, default=0.0, help="users who arrive in a second")
    group.add_argument("--load-minutes", type=float, default=0.0, help="how long they stay")
    group.add_argument("--load-keep-alive", type=float, default=0.0, help="seconds between keep-alives")
    group.add_argument("--load-pace", type=float, default=1.0, help="times as much talk as in the model")
    group.add_argument("--load-target", default=str(topology.VIP), help="the virtual address")
    group.add_argument("--load-authority", default="", help="who vouches for the pool, PEM")
    group.add_argument("--load-events", default=".", help="the folder of the events")
    group.add_argument("--load-host", type=int, default=1, help="the load host whose addresses users have")


def ordered(options: argparse.Namespace) -> Order:
    """What the options say."""
    return order(
        options.load_profile,
        users=options.load_users,
        ramp=options.load_ramp or None,
        minutes=options.load_minutes or None,
        keep_alive_s=options.load_keep_alive or None,
        pace=options.load_pace,
    )


class ProfileShape(LoadTestShape):
    """The profile."""

    def tick(self) -> tuple[int, float] | None:
        """How many users and visitors are wanted, and how many come a second; None when it is over."""
        runner = self.runner
        assert runner is not None  # noqa: S101 - Locust sets it before it asks
        options = runner.environment.parsed_options
        assert options is not None  # noqa: S101 - we are on the command line
        wanted = ordered(options)
        if self.get_run_time() >= wanted.total_s:
            return None
        return wanted.arrivals, wanted.rate


@events.init.add_listener
def set_stage(environment: Environment, **_more: Any) -> None:  # noqa: ANN401 - Locust's
    """Prepare what the users of this process share."""
    options = environment.parsed_options
    assert options is not None  # noqa: S101 - we are on the command line
    wanted = ordered(options)
    for visitor in VISITORS:
        visitor.fixed_count = wanted.visitors
    if isinstance(environment.runner, MasterRunner):
        return  # it has no users of its own
    allow_many_files()
    journal = Journal(path_of(Path(options.load_events), options.load_host), environment.events.request.fire)
    context = ssl.create_default_context(cafile=options.load_authority)
    environment.stage = Stage(wanted, options.load_target, journal, context, options.load_host)  # type: ignore[attr-defined]
    environment.events.quit.add_listener(lambda **_: journal.close())
