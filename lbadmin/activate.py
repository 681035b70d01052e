"""Puts a rendering into effect: only daemons whose files changed are touched, as gently as can be."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial

from lbadmin.errors import ActivationError, LbadminError, UnavailableError
from lbadmin.files import install
from lbadmin.firewall import refusal
from lbadmin.graphs.settings import GRAPHS_CONF
from lbadmin.haproxy import ANSWER_TIMEOUT_S, SERVER_ROW, HAProxy, is_service, words_of
from lbadmin.ipvs import TABLE
from lbadmin.ipvs_netlink import read_live
from lbadmin.model import ClusterConfig, Layer4Service, NodeConfig, RealServer, VirtualService
from lbadmin.node.network import STANDARD_MTU
from lbadmin.pair.model import PairConfig, joined
from lbadmin.render import HAPROXY_CFG, KEEPALIVED_CONF, render
from lbadmin.render.conntrack import SYSCTL_CONF
from lbadmin.render.firewall import FIREWALL_DIR, OWN_RULES
from lbadmin.render.haproxy import CERTIFICATES
from lbadmin.render.layer4 import (
    LAYER4_CONF,
    LAYER4_SYSCTL,
    ServiceKey,
    key_of,
    last_resorts,
    layer4_services,
    render_layer4,
)
from lbadmin.render.layer4_checks import CHECKS_CFG, CHECKS_SOCKET, CHECKS_STATE, checked_places
from lbadmin.render.layer4_rules import LAYER4_RULES
from lbadmin.render.layer4_sync import CONNTRACKD_CONF, SYNC_ENV
from lbadmin.render.network import HOSTNAME, NETWORK_DIR, netdevs_of, without_mtu
from lbadmin.render.peer import PEER_CFG, PEER_FILES
from lbadmin.render.service import effective_weight
from lbadmin.render.snmp import SNMPD_CONF
from lbadmin.render.ssh import SSHD_CONF
from lbadmin.render.syslog import RSYSLOG_CA, RSYSLOG_CONF
from lbadmin.render.time import CHRONY_CONF, LOCALTIME
from lbadmin.statistics import ask, state_of
from lbadmin.status_layer4 import carried_out
from lbadmin.system import System

HEARTBEAT_PENDING = "/run/lbadmin/heartbeat-pending"
"""There while keepalived has not read the file that a new pair gave it."""

NODE_SERVICES: tuple[tuple[str, str, frozenset[str]], ...] = (
    ("chrony.service", CHRONY_CONF, frozenset({CHRONY_CONF})),
    ("snmpd.service", SNMPD_CONF, frozenset({SNMPD_CONF})),
    ("lbva-graphs.service", GRAPHS_CONF, frozenset({GRAPHS_CONF})),
    # It writes times as of the zone that it was started in.
    ("lbva-syslog.service", RSYSLOG_CONF, frozenset({RSYSLOG_CONF, RSYSLOG_CA, LOCALTIME})),
    ("lbva-layer4-sync.service", SYNC_ENV, frozenset({SYNC_ENV})),
    ("conntrackd.service", CONNTRACKD_CONF, frozenset({CONNTRACKD_CONF})),
)
"""Units that run when a rendered file is not empty, and the files that they are started anew for."""

LAYER4_FILES = frozenset({LAYER4_CONF, LAYER4_RULES, LAYER4_SYSCTL})
"""What lbva-layer4.service reads."""

LAYER4_S = 30.0
LAYER4_POLL_S = 0.1
"""How long keepalived may take to bring IPVS to its file, under software emulation, too."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rendering:
    """The documents and the files that they become."""

    cluster: ClusterConfig
    node: NodeConfig
    files: dict[str, str]
    pair: PairConfig | None = None

    @classmethod
    def of(cls, cluster: ClusterConfig, node: NodeConfig, pair: PairConfig | None = None) -> "Rendering":
        """Render the documents."""
        return cls(cluster, node, render(cluster, node, pair), pair)


def activate(system: System, haproxy: HAProxy, old: Rendering, new: Rendering) -> None:
    """Bring the daemons from the old rendering to the new one, whose files are in place.

    Raises ActivationError or UnavailableError when a daemon does not follow.
    """
    for step in _steps(system, haproxy, old, new):
        step()


def activate_most(system: System, haproxy: HAProxy, old: Rendering, new: Rendering) -> None:
    """Bring every daemon that follows from the old rendering to the new one; log those that do not."""
    for step in _steps(system, haproxy, old, new):
        try:
            step()
        except (LbadminError, OSError):
            log.exception("a daemon does not follow the configuration")


def _steps(system: System, haproxy: HAProxy, old: Rendering, new: Rendering) -> Iterator[Callable[[], None]]:
    """Yield what there is to do, a daemon each."""
    names = old.files.keys() | new.files.keys()
    changed = {name for name in names if old.files.get(name) != new.files.get(name)}
    if any(name.startswith(NETWORK_DIR) for name in changed):
        yield lambda: _network(system, old, new)
    if HOSTNAME in changed:
        # A unit of its own has the right to set the name; lbadmind does without.
        yield lambda: run_program(system, "systemctl", "restart", "lbva-hostname.service")
    if any(name.startswith(FIREWALL_DIR) for name in changed):
        yield lambda: load_firewall(system, new)
    if SSHD_CONF in changed:
        yield lambda: renew_sshd(system)
    if HAPROXY_CFG in changed or old.cluster != new.cluster:
        yield lambda: _haproxy(system, haproxy, old, new)
    yield from _layer4_steps(system, old, new, changed)
    if any(name in changed for name in PEER_FILES):
        yield lambda: restart_peer(system, new)
    yield from _node_steps(system, new, changed)
    before, after = netdevs_of(old.files), netdevs_of(new.files)
    if any(before[name] != after.get(name) for name in before):
        yield lambda: _synchronise_anew(system, new)
    if KEEPALIVED_CONF in changed:
        if joined(new.pair) is not None and joined(old.pair) is None:
            # Roles are given out when the administrator says so: the guide's Restart Heartbeat.
            yield lambda: request_heartbeat_restart(system)
        else:
            yield lambda: restart_heartbeat(system, new)


def _layer4_steps(
    system: System, old: Rendering, new: Rendering, changed: set[str]
) -> Iterator[Callable[[], None]]:
    """Yield what there is to do with layer 4: what is new is checked from the beginning."""
    if CHECKS_CFG in changed:
        yield lambda: renew_checks(system, new)
    if LAYER4_FILES & changed:
        yield lambda: renew_layer4(system, new, old)


def _node_steps(system: System, new: Rendering, changed: set[str]) -> Iterator[Callable[[], None]]:
    """Yield what there is to do with the node's own services."""
    if SYSCTL_CONF in changed:
        yield lambda: run_program(system, "systemctl", "restart", "systemd-sysctl.service")
    for unit, main, files in NODE_SERVICES:
        if files & changed:
            yield partial(restart_configured, system, unit, new.files[main])


def of_haproxy(rendering: Rendering) -> dict[str, str]:
    """Return the files that HAProxy reads when it starts: haproxy.cfg first, then chains of certificates."""
    chains = {name: text for name, text in rendering.files.items() if name.startswith(f"{CERTIFICATES}/")}
    return {HAPROXY_CFG: rendering.files[HAPROXY_CFG], **chains}


def start_over(system: System, haproxy: HAProxy, new: Rendering) -> None:
    """Bring all daemons to the files in place, whatever they run now.

    Raises ActivationError or UnavailableError when a daemon does not follow.
    """
    if haproxy.is_running():
        reload_gently(haproxy)
    else:
        run_program(system, "systemctl", "start", "haproxy.service")
    renew_checks(system, new)
    renew_layer4(system, new)
    restart_peer(system, new)
    restart_heartbeat(system, new)
    run_program(system, "networkctl", "reload")
    for unit, main, _ in NODE_SERVICES:
        restart_configured(system, unit, new.files[main])
    load_firewall(system, new)
    renew_sshd(system)
    impose_states(haproxy, new.cluster)
    verify(haproxy, new.cluster)


def reload_gently(haproxy: HAProxy) -> None:
    """Start a new worker on the file in place. Raises ActivationError or UnavailableError."""
    reason = haproxy.reload()
    if reason is not None:
        raise ActivationError(f"HAProxy refused to reload: {reason}")


def run_program(system: System, *command: str) -> None:
    """Run a program that has to succeed. Raises ActivationError in its words."""
    result = system.run(command)
    if result.status != 0:
        raise ActivationError(f"{' '.join(command)} failed: {words_of(result.output)}")


def restart_heartbeat(system: System, new: Rendering) -> None:
    """Let keepalived read its file; without virtual addresses it does not run: see render_keepalived.

    Raises ActivationError.
    """
    reload_configured(system, "keepalived.service", new.files[KEEPALIVED_CONF])
    system.path(HEARTBEAT_PENDING).unlink(missing_ok=True)


def request_heartbeat_restart(system: System) -> None:
    """Note that keepalived is to read its file when somebody asks for it, or at the next boot."""
    marker = system.path(HEARTBEAT_PENDING)
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.touch()


def restart_peer(system: System, new: Rendering) -> None:
    """Bring lbva-peer to its file; a single node has none. Raises ActivationError."""
    run_program(system, "systemctl", "restart" if PEER_CFG in new.files else "stop", "lbva-peer.service")


def _network(system: System, old: Rendering, new: Rendering) -> None:
    """Bring systemd-networkd to its files. Raises ActivationError.

    It never alters or removes a bond or a VLAN that is there, nor gives a card its first MTU back. What went
    with its parent it makes when it starts, as all that is missing.
    """
    before, after = netdevs_of(old.files), netdevs_of(new.files)
    for name in sorted(name for name in before if before[name] != after.get(name)):
        # What is gone already, as with its parent, is no fault.
        system.run(("ip", "link", "delete", "dev", name))
    run_program(system, "networkctl", "reload")
    for name in without_mtu(old.node, new.node):
        # A card that can't have as much keeps what it has until the next boot.
        system.run(("ip", "link", "set", "dev", name, "mtu", str(STANDARD_MTU)))
    if before != after:
        run_program(system, "systemctl", "restart", "systemd-networkd.service")


def restart_configured(system: System, unit: str, configuration: str) -> None:
    """Start a unit anew, or stop one whose configuration is empty. Raises ActivationError."""
    run_program(system, "systemctl", "restart" if configuration else "stop", unit)


def reload_configured(system: System, unit: str, configuration: str) -> None:
    """Let a unit read its configuration anew, or stop one whose is empty. Raises ActivationError."""
    run_program(system, "systemctl", "reload-or-restart" if configuration else "stop", unit)


def renew_checks(system: System, new: Rendering) -> None:
    """Bring lbva-checks to its file; real servers stay as well as they are known to be.

    Raises ActivationError.
    """
    path = system.path(CHECKS_STATE)
    path.unlink(missing_ok=True)
    with contextlib.suppress(UnavailableError):  # nothing is known yet
        known = ask(str(system.path(CHECKS_SOCKET)), "show servers state", ANSWER_TIMEOUT_S)
        path.write_text(state_of(known, checked_places(new.cluster)), encoding="utf-8")
        path.chmod(0o644)
    reload_configured(system, "lbva-checks.service", new.files[CHECKS_CFG])


def _synchronise_anew(system: System, new: Rendering) -> None:
    """Let what was bound to a bond or VLAN that networkd makes anew start again. Raises ActivationError.

    It is tried until the device is there, which may take longer than this change.
    """
    for unit, main in (("lbva-layer4-sync.service", SYNC_ENV), ("conntrackd.service", CONNTRACKD_CONF)):
        if new.files[main]:
            run_program(system, "systemctl", "restart", "--no-block", unit)


def renew_layer4(system: System, new: Rendering, old: Rendering | None = None) -> None:
    """Bring lbva-layer4 to its files, and IPVS to the services and their real servers.

    `old` is what it has now, where that is known. Raises ActivationError, UnavailableError or OSError.
    """
    away = _losing_their_last_resort(old.cluster, new.cluster) if old is not None else set()
    if away:
        kept = tuple(each for each in layer4_services(new.cluster) if key_of(each) not in away)
        files = render_layer4(new.cluster.model_copy(update={"layer4_services": kept}))
        install(system, files)
        _load_layer4(system, files[LAYER4_CONF], kept, away)
        install(system, {name: new.files[name] for name in files})
    _load_layer4(system, new.files[LAYER4_CONF], tuple(layer4_services(new.cluster)))


def _losing_their_last_resort(old: ClusterConfig, new: ClusterConfig) -> set[ServiceKey]:
    """Return which services have a last resort that serves now, and is not to be theirs any more.

    keepalived 2.3.3 crashes when a sorry_server that is in use leaves its service (mended by its commit
    7cfb502b). Such a service goes and comes back: no real server of it is well.
    """
    now = last_resorts(new)
    leaving = {key: place for key, place in last_resorts(old).items() if key not in now}
    if not leaving:
        return set()
    live = {each.key: each.servers for each in read_live()}
    return {
        key
        for key, place in leaving.items()
        if place in {(server.address, server.port) for server in live.get(key, ())}
    }


def _load_layer4(
    system: System,
    configuration: str,
    wanted: Sequence[Layer4Service],
    unwanted: AbstractSet[ServiceKey] = frozenset(),
) -> None:
    """Let keepalived read its file, and wait until IPVS is as it says."""
    reload_configured(system, "lbva-layer4.service", configuration)
    if not system.path(TABLE).exists():
        return  # the unit would not have started without the module: there are no services
    # keepalived takes a moment after it has been told.
    deadline = time.monotonic() + LAYER4_S
    while True:
        live = read_live()
        if carried_out(wanted, live) and unwanted.isdisjoint(each.key for each in live):
            return
        if time.monotonic() > deadline:
            raise ActivationError("IPVS does not have the layer 4 services and real servers that it should")
        time.sleep(LAYER4_POLL_S)


def load_firewall(system: System, new: Rendering) -> None:
    """Put all rules in place of those in force, in one step. Raises ActivationError."""
    verb = "reload-or-restart" if OWN_RULES in new.files else "stop"
    run_program(system, "systemctl", verb, "lbva-firewall.service")
    said = refusal(system)
    if said is not None:
        raise ActivationError(f"nft refuses the firewall script{said}")


def renew_sshd(system: System) -> None:
    """Let the next connection start an sshd on the file in place; sessions stay. Raises ActivationError.

    One that was started by its socket can't bind again when it is told to reload.
    """
    run_program(system, "systemctl", "stop", "ssh.service")


def _haproxy(system: System, haproxy: HAProxy, old: Rendering, new: Rendering) -> None:
    if not haproxy.is_running():
        run_program(system, "systemctl", "start", "haproxy.service")
        impose_states(haproxy, new.cluster)
    elif _differ_in_states_only(old, new):
        _set_states(haproxy, old.cluster, new.cluster)
    else:
        reload_gently(haproxy)
        impose_states(haproxy, new.cluster)
    verify(haproxy, new.cluster)


def _differ_in_states_only(old: Rendering, new: Rendering) -> bool:
    """Tell whether a running HAProxy can be told all that differs; its scripts are read at each run."""
    if of_haproxy(old) == of_haproxy(new):
        return True
    before, after = old.cluster, new.cluster
    return (
        (joined(old.pair) is None) == (joined(new.pair) is None)
        and (before.layer7, before.certificates) == (after.layer7, after.certificates)
        and len(before.virtual_services) == len(after.virtual_services)
        and all(
            one is other or _levelled(one) == _levelled(other)
            for one, other in zip(before.virtual_services, after.virtual_services, strict=True)
        )
    )


def _levelled(service: VirtualService) -> VirtualService:
    """Return the service with all that a running HAProxy can be told made equal."""
    level = {"weight": 100, "state": "online"}
    servers = tuple(server.model_copy(update=level) for server in service.real_servers)
    return service.model_copy(update={"real_servers": servers})


def _set_states(haproxy: HAProxy, old: ClusterConfig, new: ClusterConfig) -> None:
    before = dict(real_servers(old))
    for (service, label), server in real_servers(new):
        if server != before.get((service, label)):
            reason = haproxy.set_server(service, server)
            if reason is not None:
                raise ActivationError(f"HAProxy refused the state of {label} in {service}: {reason}")
    before = dict(real_servers(old, manual=True))
    for (service, label), server in real_servers(new, manual=True):
        known = before.get((service, label))
        if known is not None and server.state != known.state:
            haproxy.set_state(service, server)


def impose_states(haproxy: HAProxy, cluster: ClusterConfig) -> None:
    """Take real servers of manual configurations out again: the text, which a new worker reads, can't say it.

    Those that a text does not name are passed over. Raises UnavailableError.
    """
    for (service, _), server in real_servers(cluster, manual=True):
        if server.state != "online":
            haproxy.set_state(service, server)


def real_servers(
    cluster: ClusterConfig, *, manual: bool = False
) -> Iterator[tuple[tuple[str, str], RealServer]]:
    """Yield the real servers of the enabled services by (service label, server label).

    Those of services with manual configuration are a list of their own.
    """
    for service in cluster.virtual_services:
        if service.enabled and (service.manual_configuration is not None) == manual:
            for server in service.real_servers:
                yield (service.label, server.label), server


def verify(haproxy: HAProxy, cluster: ClusterConfig) -> None:
    """Raise ActivationError unless HAProxy runs the services and real servers that it should."""
    rows = haproxy.statistics()
    running = {row["pxname"] for row in rows if is_service(row)}
    wanted = {service.label for service in cluster.virtual_services if service.enabled}
    if running != wanted:
        labels = ", ".join(sorted(running ^ wanted))
        raise ActivationError(f"HAProxy does not run the virtual services that it should: {labels} differ")
    by_name = {(row["pxname"], row["svname"]): row for row in rows if row["type"] == SERVER_ROW}
    for (service, label), server in real_servers(cluster):
        row = by_name.get((service, label))
        if row is None:
            raise ActivationError(f"HAProxy does not know the real server {label} of {service}")
        if int(row["weight"]) != effective_weight(server) or row["status"].startswith("MAINT") != (
            server.state == "halt"
        ):
            raise ActivationError(
                f"HAProxy has {label} of {service} as {row['status']} with weight {row['weight']}, "
                f"not {server.state} with weight {server.weight}"
            )
