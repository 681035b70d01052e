"""Two appliances of a lab that fail over, as their administrator sets them up and looks at them."""

import logging
from collections.abc import Mapping
from pathlib import Path

import httpx
import libvirt

from harness import cache, topology
from harness.appliance import FACTORY_LOGIN, HTTPS_PORT, Appliance, Json, RestError
from harness.at_once import at_once
from harness.deadline import Deadline
from harness.errors import LabError
from harness.hardware import KVM, Hardware
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine
from harness.lifecycle import Publish

PRIMARY, SECONDARY = NAMES = ("lb1", "lb2")
READY = "pair"
"""The snapshot of a pair that has settled."""

ANSWER_S = 10.0
"""A node that takes longer to tell its role counts as away."""

PAIRING_S = 180.0
"""Pairing renders, checks and activates on both nodes: a minute where all is emulated and busy."""

# What a snapshot of a pair is made by: another version of these may make another pair.
_MADE_BY = ("appliance", "domain", "hardware", "pair", "topology")
_SILENT = (httpx.HTTPError, RestError, OSError)
_log = logging.getLogger(__name__)

_MASTER = "master"  # a file in the snapshot of the one that was
RESTORE_S = 60.0


def credentials_of(name: str) -> dict[str, str]:
    """The credentials that deploy an appliance of the pair unattended, on the management network."""
    router = topology.MANAGEMENT.lab_address
    return {
        "lbva.address": f"{topology.MACHINE_ADDRESSES[name]}/{router.network.prefixlen}",
        "lbva.gateway": str(router.ip),
        "lbva.dns": str(router.ip),
        "lbva.hostname": name,
    }


class _UnsettledError(LabError):
    """The pair has not settled yet."""


class Pair:
    """The lab's two appliances: lb1, on which pairing was started, and lb2."""

    def __init__(self, lab: Lab, login: tuple[str, str] = FACTORY_LOGIN) -> None:
        self.lab = lab
        self._appliances = {name: Appliance(lab, lab.machine(name), login=login) for name in NAMES}

    @property
    def appliances(self) -> list[Appliance]:
        """Both, lb1 first."""
        return list(self._appliances.values())

    @property
    def machines(self) -> list[LibvirtMachine]:
        """Both machines, lb1 first."""
        return [self.lab.machine(name) for name in NAMES]

    def appliance(self, name: str) -> Appliance:
        """The one of that name."""
        return self._appliances[name]

    def status(self) -> dict[str, Json]:
        """What each node says of the pair (GET /pair), by name; None of one that does not answer."""
        return dict(zip(NAMES, at_once(status_of, self.appliances), strict=True))

    def master(self) -> Appliance:
        """The one that is master now; raises LabError unless exactly one says so."""
        return self._with_role("master")

    def slave(self) -> Appliance:
        """The one that is slave now; raises LabError unless exactly one says so."""
        return self._with_role("slave")

    def _with_role(self, role: str) -> Appliance:
        roles = {name: (status or {}).get("role", "silent") for name, status in self.status().items()}
        found = [name for name, its_role in roles.items() if its_role == role]
        if len(found) != 1:
            said = ", ".join(f"{name} is {its_role}" for name, its_role in roles.items())
            raise LabError(f"not exactly one node is {role}: {said}", "wait_until_settled() waits for that")
        return self.appliance(found[0])

    def wait_until_settled(self, deadline: Deadline) -> None:
        """Wait until one is master and one slave, they are in sync, and every front end is up on both."""

        def settled() -> bool:
            if fault := self.unsettled():
                raise _UnsettledError(fault)
            return True

        deadline.wait_until(settled, "the pair to settle", ignoring=(_UnsettledError,), interval_s=0.5)

    def unsettled(self) -> str:
        """What keeps the pair from being settled, "" for nothing."""
        return unsettled(self.status()) or next(filter(None, at_once(_front_ends_down, self.appliances)), "")

    def snapshot(self, name: str) -> None:
        """Keep memory and disks of both under a name, so that neither notices; they go on running."""
        master, slave = self.master().machine.name, self.slave().machine.name
        order = [self.lab.machine(master), self.lab.machine(slave)]
        for machine in reversed(order):
            machine.freeze()
        at_once(lambda machine: machine.keep(name), order)
        (order[0].snapshot_folder(name) / _MASTER).touch()
        (order[1].snapshot_folder(name) / _MASTER).unlink(missing_ok=True)
        self.restore(name, Deadline(RESTORE_S))

    def restore(self, name: str, deadline: Deadline, *, set_clock: bool = True) -> None:
        """Bring both back as they were, as often as wanted; they run."""
        order = sorted(self.machines, key=lambda machine: not _was_master(machine, name))
        at_once(lambda machine: machine.bring_back(name), order)
        for appliance in self.appliances:
            appliance.hang_up()
        # Emulated machines are slow at first. A slave that went on before its master is back at its pace
        # would miss advertisements.
        for machine in order:
            machine.thaw()
            machine.wait_for_port(HTTPS_PORT, deadline)
        if set_clock:
            at_once(lambda machine: machine.set_clock(deadline), order)

    def join(self) -> None:
        """Make the two a pair, as the guide's appendix 1 does: Add new node, then Restart Heartbeat."""
        primary, secondary = self.appliances
        order = {
            "local_ip": primary.machine.address,
            "peer_ip": secondary.machine.address,
            "password": FACTORY_LOGIN[1],
        }
        primary.call("POST", "/pair", order, timeout_s=PAIRING_S)
        primary.call("POST", "/services/heartbeat/restart", timeout_s=PAIRING_S)


def status_of(appliance: Appliance) -> Json:
    """What a node says of the pair (GET /pair), None when it does not answer."""
    try:
        try:
            return appliance.call("GET", "/pair", timeout_s=ANSWER_S)
        except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
            # A connection that was kept from before the node's restart: a new one may well be answered.
            return appliance.call("GET", "/pair", timeout_s=ANSWER_S)
    except _SILENT:
        return None


def _front_ends_down(appliance: Appliance) -> str:
    try:
        servers = appliance.real_servers()
    except (*_SILENT, StopIteration) as error:
        return f"{appliance.machine.name} tells no health: {error}"
    down = [label for label, server in servers.items() if server["health"] != "up"]
    return f"{', '.join(down)} not up on {appliance.machine.name}" if down else ""


def _was_master(machine: LibvirtMachine, snapshot: str) -> bool:
    return (machine.snapshot_folder(snapshot) / _MASTER).exists()


def unsettled(statuses: Mapping[str, Json]) -> str:
    """What keeps two nodes that say this of the pair from being settled, "" for nothing. Pure."""
    for name, status in statuses.items():
        if status is None:
            return f"{name} does not answer"
        if status["state"] != "paired" or status["sync"] != "in sync":
            return f"{name} is {status['state']} and {status['sync']}: {status['sync_detail']}"
        if status["restart_heartbeat"]:
            return f"{name} waits for Restart Heartbeat"
    roles = {name: status["role"] for name, status in statuses.items()}
    if sorted(roles.values()) != ["master", "slave"]:
        return ", ".join(f"{name} is {role}" for name, role in roles.items())
    return ""


def build(lab: Lab, image: Path, deadline: Deadline, *, hardware: Hardware = KVM) -> Pair:
    """Boot two appliances in a lab, apply the deployment guide, and pair them; returns a settled pair."""
    for name in NAMES:
        lab.add_machine(name, image, hardware=hardware, credentials=credentials_of(name)).power_on()
    pair = Pair(lab)
    at_once(lambda appliance: _prepare(appliance, deadline), pair.appliances)
    primary = pair.appliance(PRIMARY)
    primary.set_guide_timeouts()
    primary.add_guide_service(lab)
    primary.restart_haproxy()
    pair.join()
    pair.wait_until_settled(deadline)
    return pair


def _prepare(appliance: Appliance, deadline: Deadline) -> None:
    appliance.wait_until_up(deadline)
    appliance.join_service_network()


def start(
    name: str,
    image: Path,
    deadline: Deadline,
    *,
    hardware: Hardware = KVM,
    front_ends: int = 2,
    load_hosts: int = 1,
    publish: Publish | None = None,
    fresh: bool = False,
) -> Pair:
    """Start a lab with a settled pair, whose snapshot READY is the first; from the cache unless `fresh`.

    The lab ends with `pair.lab.close()`, or with this process. Raises LabError when it does not come up.
    """
    if not image.is_file():
        raise LabError(f"there is no image {image}", "`make image` builds it")
    key = cache.key_of(image.resolve(), _MADE_BY, hardware, front_ends)
    with cache.held(deadline):
        kept = None if fresh else cache.find(key)
        if kept is not None:
            in_time = Deadline(max(RESTORE_S, deadline.remaining()))
            try:
                return _adopt(
                    name,
                    image,
                    kept,
                    in_time,
                    front_ends=front_ends,
                    load_hosts=load_hosts,
                    publish=publish,
                )
            except (LabError, libvirt.libvirtError) as error:
                # Made by another libvirt or under another accelerator: it can be made anew.
                _log.warning("the cached pair does not come back (%s); booting", error)
        lab = Lab.start(name, front_ends=front_ends, load_hosts=load_hosts, publish=publish)
        try:
            pair = build(lab, image, deadline, hardware=hardware)
            pair.snapshot(READY)
            cache.put(lab, key, READY)
        except BaseException as error:
            lab.close()
            if isinstance(error, httpx.HTTPError):
                raise LabError(
                    f"an appliance did not answer: {error}", "give it a longer time-out"
                ) from error
            raise
    return pair


def _adopt(
    name: str,
    image: Path,
    kept: Path,
    deadline: Deadline,
    *,
    front_ends: int,
    load_hosts: int,
    publish: Publish | None,
) -> Pair:
    """Start a lab with the pair that another one has left in the folder `kept`."""
    lab = Lab.start(
        name, front_ends=front_ends, load_hosts=load_hosts, publish=publish, keys=kept / cache.KEYS
    )
    try:
        for each in NAMES:
            lab.adopt_machine(each, image, kept / each / READY)
        pair = Pair(lab)
        pair.restore(READY, deadline)
        pair.wait_until_settled(deadline)
    except BaseException:
        lab.close()
        raise
    return pair
