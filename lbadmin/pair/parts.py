"""The parts of the pair, put together for lbadmind, and the threads that keep it alive."""

from dataclasses import dataclass
from datetime import UTC, datetime

from lbadmin.change import Changes
from lbadmin.messages import Message
from lbadmin.pair.alarms import Journal, pair_messages
from lbadmin.pair.channel import Channel
from lbadmin.pair.farewell import Farewell
from lbadmin.pair.heartbeat import Heartbeat
from lbadmin.pair.joining import Joining
from lbadmin.pair.mastery import check_mastery
from lbadmin.pair.membership import Membership
from lbadmin.pair.model import PairConfig
from lbadmin.pair.status import PairStatus, pair_status
from lbadmin.pair.sync import HELLO_S, Sync
from lbadmin.pair.takeover import TakeOver
from lbadmin.pair.truth import Witness
from lbadmin.system import System
from lbadmin.worker import Worker


@dataclass(frozen=True)
class Pair:
    """What makes two nodes a pair, on this one."""

    system: System
    changes: Changes
    channel: Channel
    heartbeat: Heartbeat
    membership: Membership
    joining: Joining
    witness: Witness
    sync: Sync
    journal: Journal
    take_over: TakeOver
    workers: list[Worker]

    @property
    def config(self) -> PairConfig | None:
        """The pair that this node belongs to, None when it is single."""
        return self.changes.current.pair

    def status(self) -> PairStatus:
        """Return the pair as it is now, without asking anybody."""
        return pair_status(self.changes, self.heartbeat, self.sync, self.joining.progress)

    def messages(self) -> list[Message]:
        """Return what there is to tell of the pair; nothing for a single node."""
        if self.config is None:
            return []
        version, now = self.system.version(), datetime.now(UTC)
        return pair_messages(self.status(), version, now, lasting=self.sync.is_worrying())

    def start(self) -> None:
        """Start the threads; they rest while this node is single."""
        self.heartbeat.start()
        for worker in self.workers:
            worker.start()

    def stop(self) -> None:
        """Stop the threads."""
        for worker in self.workers:
            worker.stop()
        self.heartbeat.stop()

    def wake(self) -> None:
        """Let the threads look at what is new."""
        self.heartbeat.wake()
        self.wake_workers()

    def wake_workers(self) -> None:
        """Let those look that do not follow the role themselves."""
        for worker in self.workers:
            worker.wake()

    def exchange(self) -> float | None:
        """Do what there is to do with the peer; return the seconds until the next time, None: when woken."""
        if self.config is None:
            self.sync.forget()
            return None
        if self.config.state == "paired":
            pause_s = self.sync.work()
            peer = self.sync.peer()
            if peer is None:
                self.joining.step()
            elif peer.role != "unknown" and self.heartbeat.restart_pending():
                # The peer has been restarted and has a role in the pair: there must be one for both.
                self.heartbeat.restart()
            if self.heartbeat.role() == "master" and self.sync.peer_is_slave_since(self.heartbeat.since()):
                self.heartbeat.roles.acknowledge()
        else:
            self.joining.step()
            pause_s = HELLO_S
        self.journal.note(self.messages())
        return pause_s


def build(system: System, changes: Changes) -> Pair:
    """Put the parts together."""
    channel, heartbeat = Channel(system), Heartbeat(system, changes)
    membership = Membership(system, changes)
    joining = Joining(system, changes, channel, membership)
    witness = Witness(changes, heartbeat)
    sync = Sync(changes, channel, witness)
    pair = Pair(
        system,
        changes,
        channel,
        heartbeat,
        membership,
        joining,
        witness,
        sync,
        journal=Journal(),
        take_over=TakeOver(changes, heartbeat, channel),
        workers=[],
    )
    heartbeat.watch.peer_can_serve = sync.peer_can_serve
    farewell = Farewell(system, heartbeat.roles)
    pair.workers.extend([Worker("exchange", pair.exchange), Worker("farewell", farewell.work)])
    heartbeat.chronicle.on_role_change = pair.wake_workers
    changes.may_change_cluster = lambda: check_mastery(changes, heartbeat, sync)
    changes.on_cluster_change = changes.on_pair_change = pair.wake
    return pair
