"""What is told of real servers, roles and messages, and what is not."""

import json
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

from lbadmin.alerts.courier import BUNDLE_S, GIVE_UP_S, MAX_WAITING, Courier, DeliveryError
from lbadmin.alerts.event import Event
from lbadmin.alerts.tracking import Look, Server, State, Tracker, about, layer4_states_of, states_of
from lbadmin.graphs.handover import samples_of
from lbadmin.graphs.layout import BUDGET_BYTES, KINDS, kind_of, object_id, size_of, within_budget
from lbadmin.graphs.sampling import Sampler, Samples, balanced_of, interfaces_of, memory_of
from lbadmin.ipvs_netlink import LiveServer, LiveService
from lbadmin.messages import Message
from lbadmin.model import Layer4Service
from lbadmin.pair.role import Role
from lbadmin.render.layer4 import ServiceKey
from lbadmin.status_layer4 import joined

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
FE: Server = ("OCS", "FE-1")


class Watched:
    """A tracker, looked at every ten seconds."""

    def __init__(self) -> None:
        self.tracker = Tracker()
        self.now = NOW

    def look(
        self,
        state: State | None = "up",
        role: Role = "single",
        messages: Sequence[Message] = (),
        pause_s: float = 10,
    ) -> list[str]:
        self.now += timedelta(seconds=pause_s)
        seen = Look(self.now, "lb1", role, {FE: state}, messages)
        return [each.event for each in self.tracker.look(seen)]


def test_a_real_server_is_told_of_when_it_goes_down_and_when_it_is_up() -> None:
    watched = Watched()
    assert watched.look() == []
    assert watched.look("down") == ["real-server-down"]
    assert watched.look("down") == []
    # HAProxy was reloaded, and has not checked it yet.
    assert watched.look(None) == []
    assert watched.look("down") == []
    assert watched.look("up") == ["real-server-up"]


def test_one_that_is_down_at_the_first_look_is_told_of() -> None:
    assert Watched().look("down") == ["real-server-down"]


def test_a_flapping_real_server_is_told_of_once_and_when_it_is_steady() -> None:
    watched = Watched()
    states: list[State] = ["down", "up", "down", "up", "down", "up", "down"]
    told = [name for state in states for name in watched.look(state)]
    assert told == ["real-server-down", "real-server-up", "real-server-down", "real-server-flapping"]
    assert watched.look("down", pause_s=250) == []
    assert watched.look("down", pause_s=60) == ["real-server-down"]
    assert watched.look("up") == ["real-server-up"]


def test_the_slave_tells_of_no_real_server_and_the_new_master_of_its_role() -> None:
    watched = Watched()
    assert watched.look("down", "slave") == []
    assert watched.look("down", "unknown") == []
    assert watched.look("down", "master") == ["master"]
    assert watched.look("up", "master") == ["real-server-up"]
    assert watched.look("up", "fault") == ["fault"]
    assert watched.look("up", "slave") == []


def test_a_node_that_starts_or_joins_a_pair_is_no_failover() -> None:
    watched = Watched()
    assert watched.look(role="unknown") == []
    assert watched.look(role="single") == []
    assert watched.look(role="master") == []


def test_a_warning_is_told_when_it_stays_and_when_it_is_over() -> None:
    watched = Watched()
    warning = Message(level="warning", text="The trial ends in 7 days; after that …")
    later = Message(level="warning", text="The trial ends in 6 days; after that …")
    assert watched.look(messages=[warning]) == []
    assert watched.look(messages=[]) == []
    assert watched.look(messages=[warning]) == []
    assert watched.look(messages=[warning]) == ["warning"]
    assert watched.look(messages=[later]) == []
    assert watched.look(messages=[later]) == []
    assert watched.look(messages=[]) == []
    assert watched.look(messages=[]) == ["warning-over"]


def test_what_is_no_warning_or_the_master_s_to_tell_is_left_out() -> None:
    watched = Watched()
    messages = [
        Message(level="info", text="This is the slave."),
        Message(level="danger", text="… is taken back in 57 s unless you keep it.", action="confirm-node"),
        Message(level="warning", text="The certificate expires.", shared=True),
    ]
    assert [watched.look(role="slave", messages=messages) for _ in range(3)] == [[], [], []]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ends in 7 days;", "ends in 1 day;", True),
        ("The certificate c1 expired", "The certificate c2 expired", False),
        ("expires in 2 days, on 2026-11-25", "expired on 2026-11-25", False),
    ],
)
def test_what_a_message_is_about_stays_while_time_runs_down(one: str, other: str, same: bool) -> None:
    assert (about(one) == about(other)) == same


def row(status: str, check: str, name: str = "FE-1") -> dict[str, str]:
    return {"type": "2", "pxname": "OCS", "svname": name, "status": status, "check_status": check}


def test_states_of_layer_4_are_those_of_servers_that_are_expected_to_serve() -> None:
    server = {"label": "FE-1", "ip": "192.168.10.31"}
    service = {"label": "OCS", "ip": "192.168.10.30", "ports": [5060], "real_servers": [server]}

    def states(live: list[LiveService] | None, **fields: object) -> dict[Server, State | None]:
        found = Layer4Service.model_validate({**service, **fields})
        return layer4_states_of(joined([found], live, []))

    key = ServiceKey(None, "tcp", ip_address("192.168.10.30"), 5060)
    there = LiveServer(ip_address("192.168.10.31"), 5060, "masq", 100, *[0] * 8)
    up, down = (LiveService(key, "wlc", 0, 0, 0, 0, 0, servers) for servers in ((there,), ()))
    assert states([up]) == {FE: "up"}
    assert states([up], real_servers=[{**server, "state": "drain"}]) == {FE: "up"}
    assert states([down]) == {FE: "down"}
    assert states(None) == {FE: None}
    assert states([up], health_check={"type": "none"}) == {}
    assert states([down], real_servers=[{**server, "state": "halt"}]) == {}
    assert states([], enabled=False) == states(None, enabled=False) == {}


def test_states_are_those_of_servers_that_are_checked() -> None:
    assert states_of([row("UP", "L4OK")]) == {FE: "up"}
    assert states_of([row("UP 1/3", "* L7STS")]) == {FE: "up"}
    assert states_of([row("DOWN 1/2", "L4CON")]) == {FE: "down"}
    assert states_of([row("UP", "INI")]) == {FE: None}
    for status in ("MAINT", "no check", "NOLB"):
        assert states_of([row(status, "")]) == {}
    assert states_of([row("UP", "L4OK", "_fallback")]) == {}


def event(number: int = 0) -> Event:
    return Event(event="test", severity="info", object=str(number), text="…", time=NOW)


class Way:
    """A courier before somebody who takes what comes, or not."""

    def __init__(self, rest_s: float = 0.0) -> None:
        self.now = 0.0
        self.taken: list[list[str]] = []
        self.problem: DeliveryError | None = None
        self.courier = Courier("test", self._deliver, rest_s, lambda: self.now)

    def _deliver(self, events: Sequence[Event]) -> None:
        if self.problem is not None:
            raise self.problem
        self.taken.append([each.object for each in events])

    def pass_time(self, seconds: float) -> None:
        until = self.now + seconds
        while (pause_s := self.courier.work()) is not None and self.now + pause_s <= until:
            self.now += max(pause_s, 0.001)
        self.now = until


def test_what_happens_within_seconds_is_one_delivery_and_then_one_a_minute() -> None:
    way = Way(rest_s=60)
    way.courier.take([event(1)])
    way.pass_time(BUNDLE_S - 1)
    way.courier.take([event(2)])
    way.pass_time(2)
    assert way.taken == [["1", "2"]]
    way.courier.take([event(3)])
    way.pass_time(50)
    assert len(way.taken) == 1
    way.courier.take([event(4)])
    way.pass_time(10)
    assert way.taken == [["1", "2"], ["3", "4"]]


def test_an_outage_is_bridged_a_long_one_and_a_refusal_are_not() -> None:
    way = Way()
    way.problem = DeliveryError("nobody answers")
    way.courier.take([event(1)])
    way.pass_time(GIVE_UP_S / 2)
    way.problem = None
    way.pass_time(400)
    assert way.taken == [["1"]]
    way.problem = DeliveryError("nobody answers")
    way.courier.take([event(2)])
    way.pass_time(GIVE_UP_S + 1000)
    way.problem = DeliveryError("never", again=False)
    way.courier.take([event(3)])
    way.pass_time(100)
    way.problem = None
    way.pass_time(1000)
    assert way.taken == [["1"]]


def test_the_queue_is_bounded_and_drops_the_oldest() -> None:
    way = Way()
    way.courier.take([event(number) for number in range(MAX_WAITING + 10)])
    way.pass_time(100)
    told = [number for bundle in way.taken for number in bundle]
    assert (len(told), told[0]) == (MAX_WAITING, "10")


def test_ids_are_safe_names_of_files() -> None:
    assert object_id("service", "OCS") == "service~OCS"
    for word in ("..", "a/b", "a~b", "", ".hidden", "a\n", "a:b", "x" * 64):
        assert object_id("service", word) is None
    assert kind_of("server~OCS~FE-1") == "server"
    for wrong in ("", "server~OCS", "cpu~x", "service~..", "interface~eth0/../x", "unknown~x"):
        assert kind_of(wrong) is None


def test_the_budget_is_given_in_order_and_never_exceeded() -> None:
    objects = ["cpu", "memory", *(f"service~S{number}" for number in range(250))]
    objects += [f"server~S{number}~FE-{server}" for number in range(250) for server in range(4)]
    taken = within_budget(objects)
    assert taken == objects[: len(taken)]
    assert 200 < len(taken) < len(objects)
    assert sum(size_of(each.partition("~")[0]) for each in taken) < BUDGET_BYTES
    # A pool of OCS 2007 R2: ten services and eight front ends each.
    pool = [f"service~S{number}" for number in range(10)]
    pool += [f"server~S{number}~FE-{server}" for number in range(10) for server in range(8)]
    assert within_budget(pool) == pool


def test_samples_are_read_from_kernel_and_haproxy() -> None:
    assert memory_of("MemTotal: 100 kB\nMemFree: 20 kB\nMemAvailable: 50 kB\n") == (51200, 30720, 20480)
    net = "head\nhead\n    lo: 1 2 3 4 5 6 7 8 9 10\n  eth0: 11 2 3 4 5 6 7 8 22 10\n"
    assert interfaces_of(net) == {"interface~eth0": (11, 22)}
    said = (
        "# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq\n"
        "OCS,FE-1,0,0,3,5,,9,100,200,\n"
        "OCS,FRONTEND,,,4,5,1000,10,300,400,0\n"
        "OCS,_fallback,0,0,0,0,,0,0,0,\n"
        "_stats,FRONTEND,,,1,1,1000,1,1,1,0\n"
    )
    assert balanced_of(said, real_servers=True) == {
        "service~OCS": (4, 10, 300, 400),
        "server~OCS~FE-1": (3, 9, 100, 200),
    }
    assert list(balanced_of(said, real_servers=False)) == ["service~OCS"]
    assert balanced_of("", real_servers=True) == {}


def test_layer_4_is_measured_by_the_ids_of_layer_7(tmp_path: Path) -> None:
    servers = [{"label": name, "ip": f"192.168.10.{host}"} for name, host in (("FE-1", 31), ("FE-2", 32))]
    service = Layer4Service.model_validate(
        {"label": "OCS", "ip": "192.168.10.30", "ports": [5060], "real_servers": servers}
    )
    there = LiveServer(ip_address("192.168.10.31"), 5060, "masq", 100, 3, 2, 1, 9, 21, 22, 100, 200)
    key = ServiceKey(None, "tcp", ip_address("192.168.10.30"), 5060)
    live = LiveService(key, "wlc", 10, 31, 32, 300, 400, (there,))
    handed = tmp_path / "layer4.json"
    handed.write_text(json.dumps(samples_of(joined([service], [live], []))))

    def sampled(*, real_servers: bool) -> Samples:
        samples = Sampler(tmp_path / "nobody", handed, real_servers=real_servers).sample()
        return {key: values for key, values in samples.items() if key.startswith("serv")}

    assert sampled(real_servers=True) == {
        "service~OCS": (3, 10, 300, 400),
        "server~OCS~FE-1": (3, 9, 100, 200),
        "server~OCS~FE-2": (0, 0, 0, 0),
    }
    assert list(sampled(real_servers=False)) == ["service~OCS"]
    # Nobody has written it for a minute.
    os.utime(handed, (time.time() - 60,) * 2)
    assert sampled(real_servers=True) == {}
    assert samples_of(joined([service], None, [])) == {}


def test_every_picture_draws_what_its_kind_measures() -> None:
    for kind in KINDS.values():
        names = {source.name for source in kind.sources}
        assert all({line.source for line in picture.lines} <= names for picture in kind.pictures)
