"""The probe's parts: events as lines, ARP frames, back-off, and connections to a mock front end."""

import asyncio
import errno
import io
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from harness.failover import holders, probe, wire
from harness.failover.events import Event, parse, read
from harness.ocs import Service
from harness.ocs.back_off import BASE_S, back_off_s
from harness.ocs.front_end import FrontEnd
from harness.ocs.registrar import Registrar

MAC = bytes.fromhex("525400aabbcc")


def test_events_survive_being_written_and_read(tmp_path: Path) -> None:
    events = [
        Event("new", 1.5, 2.5, "refused", "192.168.10.100"),
        Event("client", 1.0, 2.0, source="192.168.10.101", name="client-1", front_end="FE-1"),
        Event("share", 0.0, 9.0, value=0.25),
    ]
    file = tmp_path / "events.jsonl"
    file.write_text("".join(event.line() for event in events))
    assert read(file) == events
    assert read(tmp_path / "none.jsonl") == []


def test_a_line_that_is_still_being_written_is_left_out() -> None:
    whole = Event("held", 1.0, 2.0).line()
    assert parse([whole, whole[:-5]]) == [Event("held", 1.0, 2.0)]


def test_a_card_that_answers_for_the_address_holds_it() -> None:
    asked = holders.request("192.168.10.30")
    assert holders.holder(asked, "192.168.10.30") is None
    reply = bytearray(holders.request("192.168.10.250", MAC, "192.168.10.30"))
    reply[21] = 2
    assert holders.holder(bytes(reply), "192.168.10.30") == "52:54:00:aa:bb:cc"
    assert holders.holder(bytes(reply), "192.168.10.31") is None
    assert holders.holder(bytes(reply[:20]), "192.168.10.30") is None


def test_the_first_attempt_is_at_once_and_later_ones_wait_twice_as_long_each_time() -> None:
    assert back_off_s(0, 1.0) == 0.0
    assert [back_off_s(failures, 1.0) for failures in range(1, 7)] == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert back_off_s(1, 0.0) == 1.0
    assert back_off_s(10_000, 0.5) == 22.5


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ConnectionRefusedError(), "refused"),
        (ConnectionResetError(), "reset"),
        (BrokenPipeError(), "reset"),
        (TimeoutError(), "timeout"),
        (OSError(errno.EHOSTUNREACH, "no route"), "unreachable"),
        (wire.UnansweredError(), "no-answer"),
    ],
)
def test_what_went_wrong_has_a_name(error: OSError, outcome: str) -> None:
    assert wire.outcome_of(error) == outcome


Work = Callable[[probe.Target, list[Event]], Awaitable[None]]
Against = Callable[[Work], list[Event]]


@pytest.fixture
def against_a_front_end(monkeypatch: pytest.MonkeyPatch, registrar_socket: Path) -> Against:
    """Does work while a mock front end listens at the port that the probe asks; returns the events."""

    def against(work: Work) -> list[Event]:
        events: list[Event] = []

        async def run() -> None:
            front_end = FrontEnd("FE-9", Registrar(registrar_socket, "FE-9"), io.StringIO())
            [port] = await front_end.listen("127.0.0.1", {0: Service.SIP}, {})
            monkeypatch.setattr(wire, "PORT", port)
            await work(probe.Target("127.0.0.1", ("127.0.0.2", "127.0.0.3"), events.append), events)
            await front_end.close()

        asyncio.run(run())
        return events

    return against


def test_a_new_connection_tells_which_front_end_answered(against_a_front_end: Against) -> None:
    begin = time.time()
    [event] = against_a_front_end(lambda target, _events: probe.new_connection(target, 1))
    assert (event.kind, event.outcome, event.source, event.front_end) == ("new", "ok", "127.0.0.3", "FE-9")
    assert begin <= event.start <= event.end <= time.time()


def test_a_new_connection_where_nobody_listens_is_refused(
    monkeypatch: pytest.MonkeyPatch, against_a_front_end: Against
) -> None:
    async def work(target: probe.Target, _events: list[Event]) -> None:
        monkeypatch.setattr(wire, "PORT", 1)
        await probe.new_connection(target, 0)

    [event] = against_a_front_end(work)
    assert (event.outcome, event.front_end) == ("refused", "")


def test_a_connection_that_is_accepted_and_never_answered_is_no_answer(
    monkeypatch: pytest.MonkeyPatch, against_a_front_end: Against
) -> None:
    async def work(target: probe.Target, _events: list[Event]) -> None:
        silent = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
        monkeypatch.setattr(wire, "PORT", silent.sockets[0].getsockname()[1])
        monkeypatch.setattr(probe, "NEW_TIMEOUT_S", 0.2)
        await probe.new_connection(target, 0)
        silent.close()

    [event] = against_a_front_end(work)
    assert event.outcome == "no-answer"


def test_a_user_whose_connection_breaks_registers_again_at_once(
    monkeypatch: pytest.MonkeyPatch, against_a_front_end: Against
) -> None:
    async def work(target: probe.Target, events: list[Event]) -> None:
        made: list[wire.Wire] = []

        class Watched(wire.Wire):
            def __post_init__(self) -> None:
                super().__post_init__()
                made.append(self)

            def cut(self) -> None:
                self._socket.shutdown(2)

        monkeypatch.setattr(probe, "Wire", Watched)
        role = probe.Role("client", "REGISTER", 0.02)
        user = asyncio.create_task(probe.kept(target, role, 0, role.ping_s))
        async with asyncio.timeout(5):
            while not events:
                await asyncio.sleep(0.01)
            made[0].cut()  # type: ignore[attr-defined]
            while len(events) < 3:
                await asyncio.sleep(0.01)
        user.cancel()

    events = against_a_front_end(work)
    assert [event.outcome for event in events] == ["ok", "broken", "ok"]
    assert {event.name for event in events} == {"client-0"}
    assert [event.front_end for event in events] == ["FE-9", "", "FE-9"]
    assert events[2].end - events[1].end < BASE_S
