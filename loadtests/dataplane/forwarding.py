"""`make bench-layer4`, its second half: what layer 4 carries beside layer 7, on one and the same machine.

The guide's service at layer 7 and a service of each forwarding method take turns at new connections, sign-ins
through TLS and bulk data, in rotating order. Front ends are set up for one method at a time, as the appliance
says; where they answer clients themselves they also know the clients' router.
"""

import argparse
import contextlib
import json
import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address

from harness import layer4, topology
from harness.appliance import Appliance
from harness.deadline import Deadline
from harness.errors import LabError, die
from harness.lab import Lab
from harness.sampler import Sampler
from harness.state import REPOSITORY
from loadtests.dataplane import bulk
from loadtests.dataplane.balancers import BULK_PORT
from loadtests.dataplane.bench import IMAGE, SECONDS, busy_since, line, rotated, tally_of
from loadtests.dataplane.results import KINDS, Kind, Turn
from loadtests.dataplane.rig import BOOT_S, MACHINE, START_S
from loadtests.dataplane.summary import median_rate

OUT = REPOSITORY / "build" / "bench" / "layer4"
DATA = "forwarding.json"
LAYER_7 = "layer 7"
_UNITS: dict[Kind, str] = {
    "connections": "new connections a second",
    "sign-ins": "sign-ins a second",
    "bulk": "bulk, Mbit/s",
}


@dataclass(frozen=True)
class Way:
    """How clients get to the front ends: the method at layer 4, "" for layer 7."""

    title: str
    vip: IPv4Address
    forwarding: str = ""


WAYS = (
    Way(LAYER_7, topology.VIP),
    *(Way(method.title, method.vip, method.forwarding) for method in layer4.METHODS.values()),
)


def set_up(appliance: Appliance, lab: Lab) -> None:
    """The services of all ways, each with one for bulk data beside it, which one front end gives."""
    appliance.join_service_network()
    layer4.join_crowd(appliance)
    appliance.set_guide_timeouts()
    appliance.add_guide_service(lab)
    layer4.add_services(appliance, lab)
    giver = lab.front_ends[0]
    server = {"label": giver.name, "ip": str(giver.address)}
    for way in WAYS:
        of_bulk = {
            "label": f"Bulk-{way.forwarding or 'layer7'}",
            "ip": str(way.vip),
            "ports": str(BULK_PORT),
            "health_check": {"type": "none"},
            "real_servers": [server],
        }
        if way.forwarding:
            appliance.call("POST", layer4.SERVICES, {**of_bulk, "forwarding": way.forwarding})
        else:
            appliance.call("POST", "/layer7/virtual-services", of_bulk)


def enable(appliance: Appliance, *, layer_4: bool) -> None:
    """Switch all services of layer 4 on, or off: then nothing of it is in the way of layer 7's packets."""
    for service in appliance.get("/config")["layer4_services"]:
        appliance.call("PATCH", f"{layer4.SERVICES}/{service['label']}", {"enabled": layer_4})
    for method in layer4.METHODS.values() if layer_4 else ():
        layer4.wait_for_health(appliance, method.label, "up", Deadline(START_S))


@contextlib.contextmanager
def front_ends_for(way: Way, appliance: Appliance, lab: Lab) -> Iterator[None]:
    """Within the block front ends are real servers of that way, and the appliance serves by its layer."""
    enable(appliance, layer_4=bool(way.forwarding))
    if not way.forwarding:
        yield
        return
    router = ["ip", "route", "replace", str(topology.crowd_of(1)), "via", str(topology.LOAD_GATEWAY)]
    with layer4.real_servers_of(appliance, lab, [way.forwarding]):
        answer_directly = way.forwarding in {layer4.DIRECT, layer4.TUNNEL}
        for front_end in lab.front_ends if answer_directly else ():
            lab.run(front_end.host, router)
        try:
            yield
        finally:
            for front_end in lab.front_ends if answer_directly else ():
                lab.run(front_end.host, ["ip", "route", "delete", str(topology.crowd_of(1))])


def take_turns(lab: Lab, appliance: Appliance, rounds: int, turns: list[Turn]) -> list[str]:
    """All turns of all ways, round by round; return which were left out, and why."""
    left_out: list[str] = []
    with bulk.server(lab), Sampler([lab.machine(MACHINE)], OUT / "samples.jsonl", socket="") as sampler:
        Deadline(START_S).wait_until(sampler.samples, f"{MACHINE} to tell its load", interval_s=0.5)
        for number in range(rounds):
            for way in rotated(WAYS, number):
                try:
                    with front_ends_for(way, appliance, lab):
                        for kind in KINDS:
                            turns.append(turn(lab, way, kind, number, sampler))
                            print(line(turns[-1]), flush=True)
                except LabError as error:
                    # One that fails spoils no other's figures.
                    left_out.append(f"round {number + 1}: {way.title} is left out: {error}")
                    print(left_out[-1], flush=True)
    return left_out


def turn(lab: Lab, way: Way, kind: Kind, number: int, sampler: Sampler) -> Turn:
    """One turn of a way, in round `number`."""
    began = time.time()
    clients: float | None = None
    if kind == "bulk":
        rate, failed = bulk.measure(lab, SECONDS, way.vip), {}
    else:
        tally = tally_of(lab, kind, way.title, way.vip)
        rate, failed, clients = tally["done"] / tally["seconds"], tally["failed"], tally["share"]
    return Turn(way.title, kind, number, rate, failed, busy_since(sampler.samples(), began), clients)


def table(turns: Sequence[Turn]) -> str:
    """The middle figure of each way, and its part of layer 7's."""
    titles = [way.title for way in WAYS if any(turn.balancer == way.title for turn in turns)]
    lines = [f"{'':26}" + "".join(f"{title:>18}" for title in titles)]
    for kind, unit in _UNITS.items():
        of_layer_7 = median_rate(turns, LAYER_7, kind)
        cells = []
        for title in titles:
            rate = median_rate(turns, title, kind)
            ratio = f" ({rate / of_layer_7:.2f})" if rate and of_layer_7 else ""
            cells.append("–" if rate is None else f"{rate:,.0f}{ratio}")
        lines.append(f"{unit:26}" + "".join(f"{cell:>18}" for cell in cells))
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table, keep the figures."""
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    parser = argparse.ArgumentParser(prog="python -m loadtests.dataplane.forwarding", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="turns of each way; medians count (3)")
    rounds = parser.parse_args().rounds
    OUT.mkdir(parents=True, exist_ok=True)
    turns: list[Turn] = []
    left_out: list[str] = []
    try:
        with Lab.start(f"forwarding-{os.getpid()}") as lab:
            machine = lab.add_machine(MACHINE, IMAGE)
            machine.power_on()
            appliance = Appliance(lab, machine)
            appliance.wait_until_up(Deadline(BOOT_S))
            set_up(appliance, lab)
            left_out = take_turns(lab, appliance, rounds, turns)
    except LabError as error:
        die(error.message, error.hint)
    finally:
        (OUT / DATA).write_text(
            json.dumps([asdict(turn) for turn in turns], indent=1) + "\n", encoding="utf-8"
        )
        print(table(turns), flush=True)
    if left_out:
        sys.exit("\n".join(left_out))


if __name__ == "__main__":
    main()
