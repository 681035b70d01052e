"""Which established connections lived on, from events whose truth is known; the page that tells of them."""

import asyncio
import json
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from harness import decapsulation
from harness.failover import lasting, lived, report, survival
from harness.failover.analysis import Span
from harness.failover.events import Event
from harness.failover.lasting import Group
from harness.failover.survival import SILENT, Survival
from harness.ocs import datagrams
from harness.ocs.behaviour import NORMAL, Behaviour

FAULT = Span(100.0, 101.0)


def exchange(name: str, start: float, outcome: str = "ok", took_s: float = 0.1) -> Event:
    return Event("lasting", start, start + took_s, outcome, name=name, front_end="FE-1")


def test_a_connection_lived_on_when_it_was_used_again_and_never_broke() -> None:
    events = [exchange("dr-0", start) for start in (90, 95, 105, 110)]
    events += [
        exchange("dr-1", 95),
        exchange("dr-1", 99, took_s=3.0),
        exchange("dr-1", 104),
        exchange("dr-1", 109),
    ]
    events += [exchange("dr-2", 95), exchange("dr-2", 105, "reset")]
    events += [exchange("dr-3", 95), exchange("dr-3", 105)]
    events += [exchange("dr-4", 95), exchange("dr-4", 105), exchange("dr-4", 110, "elsewhere")]
    events += [exchange("dr-5", 95, "closed"), exchange("dr-6", 105), exchange("dr-6", 110)]
    events += [exchange("layer 7-0", 95), exchange("layer 7-0", 105, "closed")]
    of_layer_4, of_layer_7 = survival.survivals(events, FAULT)
    assert of_layer_4 == Survival("dr", 5, 2, {"reset": 1, SILENT: 1, "elsewhere": 1}, 3.0)
    assert of_layer_4.share == 0.4
    assert of_layer_7 == Survival("layer 7", 1, 0, {"closed": 1}, 0.0)


def a_run(repeat: int, fault: str, *groups: Survival) -> lived.Run:
    return lived.Run(fault, "snat", repeat, "normal", "lb1", 1_700_000_000.0, list(groups))


def test_runs_become_rows_with_their_aims_and_a_page(tmp_path: Path) -> None:
    ended = Survival("layer 7", 2000, 0, {"reset": 2000}, 0.0)
    runs = [
        a_run(0, "crash", ended, Survival("layer 4 SNAT", 2000, 2000, {}, 1.5)),
        a_run(1, "crash", Survival("layer 4 SNAT", 2000, 1997, {"reset": 3}, 2.5)),
        a_run(0, "take-over", Survival("layer 4 SNAT over UDP", 20, 19, {SILENT: 1}, 1.0)),
    ]  # fmt: skip
    folder = tmp_path / lived.RUNS
    folder.mkdir()
    for run in runs:
        run.write(folder)
    assert lived.read_all(folder) == runs
    snat, beside, flows = lived.rows(runs)
    assert (snat.group, snat.runs, snat.connections, snat.lived, snat.slowest_s) == (
        "layer 4 SNAT",
        2,
        4000,
        3997,
        2.5,
    )
    assert snat.reached
    assert beside.aim is None
    assert beside.reached
    assert not flows.reached
    assert "MISSED" in lived.table([flows])
    page = report.write(tmp_path).read_text()
    assert "Established connections that lived on" in page
    assert "99.92 %" in page
    assert [row["lived"] for row in json.loads((tmp_path / report.DATA).read_text())["lived"]] == [
        3997,
        0,
        19,
    ]


class Named:
    """Who answers datagrams."""

    name = "FE-1"

    def __init__(self) -> None:
        self.behaviour: Behaviour = NORMAL
        self.heard = 0

    def record(self, event: str, **_values: object) -> None:
        self.heard += event == "datagram"


def run_with_responder(work: Callable[[Named, int], Awaitable[None]]) -> None:
    async def main() -> None:
        owner = Named()
        responder = datagrams.Responder(owner, "0.0.0.0", 0)  # noqa: S104 - loopback is asked alone
        try:
            await work(owner, responder.port)
        finally:
            responder.close()

    asyncio.run(main())


def test_a_datagram_is_answered_from_the_address_that_it_was_sent_to() -> None:
    async def ask(owner: Named, port: int) -> None:
        for address in ("127.0.0.1", "127.0.0.2"):
            # A connected socket hears that address alone.
            flow = lasting.Flow(Group("dr", address, port, "udp", 1), "127.0.0.1", "dr-0")
            await flow.open()
            assert [await flow.ask() for _ in range(2)] == ["FE-1", "FE-1"]
            flow.close()
        assert owner.heard == 4

    run_with_responder(ask)


def test_a_front_end_that_refuses_answers_no_datagram(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lasting, "ANSWER_S", 0.2)
    monkeypatch.setattr(lasting, "_AGAIN_S", 0.1)

    async def ask(owner: Named, port: int) -> None:
        owner.behaviour = Behaviour("refuse")
        flow = lasting.Flow(Group("dr", "127.0.0.1", port, "udp", 1), "127.0.0.1", "dr-0")
        await flow.open()
        with pytest.raises(ConnectionError):
            await flow.ask()
        flow.close()
        assert owner.heard == 2

    run_with_responder(ask)


def test_a_group_is_read_as_it_was_written() -> None:
    group = Group("layer 4 DR over UDP", "192.168.10.73", 5060, "udp", 20)
    assert Group.of(str(group)) == group


def test_the_packet_within_is_unpacked_and_what_is_none_is_not() -> None:
    udp = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 29, 1, 0, 64, 17, 0, bytes(4), bytes(4)) + bytes(9)
    outer = struct.pack("!BBHHHBBH4s4s", 0x46, 0, 24 + len(udp), 1, 0, 64, 4, 0, bytes(4), bytes(4)) + bytes(
        4
    )
    assert decapsulation.inner(outer + udp) == udp
    assert decapsulation.inner(outer + udp[:19]) is None
    assert decapsulation.inner(outer + b"\x60" + udp[1:]) is None
    assert decapsulation.inner(b"") is None


@pytest.mark.parametrize(("protocol", "fragment", "at"), [(6, 0, 16), (17, 0, 6), (1, 0, 0), (17, 0x2000, 0)])
def test_the_checksum_of_whole_packets_alone_is_left_to_the_kernel(
    protocol: int, fragment: int, at: int
) -> None:
    packet = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 29, 1, fragment, 64, protocol, 0, bytes(4), bytes(4)
    ) + bytes(9)
    flags, *_rest, start, offset = struct.unpack("=BBHHHH", decapsulation.offload(packet))
    assert (flags, start, offset) == ((1, 20, at) if at else (0, 0, 0))
