"""The one path for every change, whoever makes it.

Candidate → rules → render → the daemons' own checkers → commit → files in place → activate → verify, and back
to the last good when it does not hold.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

from lbadmin.activate import (
    Rendering,
    activate,
    activate_most,
    impose_states,
    reload_gently,
    run_program,
    start_over,
    verify,
)
from lbadmin.certificates import check_certificates
from lbadmin.checkers import check_files
from lbadmin.errors import (
    ActivationError,
    LbadminError,
    NotFoundError,
    RefusedError,
    StaleError,
    StorageError,
)
from lbadmin.files import SECRETS, install, is_in_place, save_cache
from lbadmin.haproxy import HAProxy
from lbadmin.keys import KeyStore
from lbadmin.migrations import read_cluster
from lbadmin.model import ClusterConfig, NodeConfig
from lbadmin.node.rules import could_cut_off
from lbadmin.pair.model import PairConfig, parse_pair
from lbadmin.pair.rules import check_pair
from lbadmin.rules import check_rules, parse_node
from lbadmin.secret import hide, ids_in
from lbadmin.store import Store, hash_of
from lbadmin.system import System
from lbadmin.unconfirmed import CONFIRM_S, NOT_CONFIRMED, Unconfirmed, forget, note, noted

FACTORY_REVISION = 0
"""Revision of a document that was never changed."""

ROLLBACK_AUTHOR = "lbadmind"
LEFT = "leave the pair, without services"

log = logging.getLogger(__name__)


class Point(NamedTuple):
    """A ClusterConfig by its revision and the SHA-256 of its document: the same on both nodes of a pair."""

    revision: int
    hash: str


@dataclass(frozen=True)
class GivenCluster:
    """A ClusterConfig as the other node has stored it, and the private keys (PEM) that it names, by name."""

    revision: int
    document: Mapping[str, Any]
    keys: Mapping[str, str]
    who: str
    what: str

    @property
    def point(self) -> Point:
        """Which ClusterConfig it is."""
        return Point(self.revision, hash_of(self.document))


@dataclass(frozen=True)
class Current:
    """What is in effect: the documents with their rendering, and their revisions."""

    rendering: Rendering
    cluster_revision: int
    node_revision: int
    cluster_hash: str

    @property
    def cluster(self) -> ClusterConfig:
        """The ClusterConfig in effect."""
        return self.rendering.cluster

    @property
    def node(self) -> NodeConfig:
        """The NodeConfig in effect."""
        return self.rendering.node

    @property
    def pair(self) -> PairConfig | None:
        """The pair that this node belongs to, None when it is single."""
        return self.rendering.pair


class Changes:
    """The current documents, and the only way to change them. Safe to use from several threads."""

    def __init__(self, system: System, haproxy: HAProxy) -> None:
        """Read the newest good documents; one that this version refuses is left aside for an older one."""
        self.system = system
        self.haproxy = haproxy
        self.clusters = Store(system.state / "cluster")
        self.nodes = Store(system.state / "node")
        self.pairs = Store(system.state / "pair")
        self.keys = KeyStore(system.state / "keys")
        self.secrets = KeyStore(system.state / SECRETS, suffix="", kind="secret")
        self.may_change: Callable[[], None] = lambda: None
        """Raises ForbiddenError where nothing may be changed: the trial has ended."""
        self.may_change_cluster: Callable[[], None] = lambda: None
        """Raises NotMasterError where the ClusterConfig is not this node's to change."""
        self.on_cluster_change: Callable[[], None] = lambda: None
        """Told of each new ClusterConfig; has to return at once."""
        self.on_pair_change: Callable[[], None] = lambda: None
        """Told when this node has become, or is no longer, part of a pair; has to return at once."""
        self.planned_restart: Callable[[], AbstractContextManager[None]] = nullcontext
        """Around what ends HAProxy on purpose: no reason to give the master's role away."""
        self.on_unconfirmed: Callable[[], None] = lambda: None
        """Told when a change begins to wait for its confirmation; has to return at once."""
        self.unconfirmed: Unconfirmed | None = None
        self._lock = threading.Lock()
        before = noted(system)
        if before is not None:
            # lbadmind was started anew meanwhile: nobody knows how long it has waited.
            self.unconfirmed = Unconfirmed(before, time.monotonic(), ROLLBACK_AUTHOR, "the last change")
        cluster, cluster_revision = read_document(self.clusters, read_cluster)
        node, node_revision = read_document(self.nodes, parse_node)
        pair = read_document(self.pairs, parse_pair)[0]
        revisions = (
            ("cluster", self.clusters, cluster_revision),
            ("node", self.nodes, node_revision),
        )
        self._skipped = [
            (name, store.numbers()[-1], revision)
            for name, store, revision in revisions
            if store.numbers() and store.numbers()[-1] > revision
        ]
        if pair is not None and pair.state == "left":
            cluster, pair = ClusterConfig(), None
            cluster_revision = self._clear(cluster)
        self.current = Current(
            Rendering.of(cluster, node, pair), cluster_revision, node_revision, self._hash(cluster_revision)
        )

    def _clear(self, cluster: ClusterConfig) -> int:
        """Finish leaving a pair: the services first, then the pair itself. Returns the cluster's revision."""
        revision = self.clusters.commit(cluster.model_dump(mode="json"), ROLLBACK_AUTHOR, LEFT).revision
        self.pairs.commit({}, ROLLBACK_AUTHOR, LEFT)
        return revision

    def _hash(self, cluster_revision: int) -> str:
        return self.clusters.document_hash(cluster_revision) or hash_of({})

    def reconcile(self) -> None:
        """Put the current documents into effect where they are not, as after a crash in a change.

        Raises ActivationError or UnavailableError when a daemon does not follow.
        """
        with self._lock:
            files = self.current.rendering.files
            if all(is_in_place(self.system, name, text) for name, text in files.items()):
                impose_states(self.haproxy, self.current.cluster)
                if self._follows():
                    return
            log.warning("the current configuration is not in effect; putting it into effect")
            install(self.system, files)
            start_over(self.system, self.haproxy, self.current.rendering)

    def _follows(self) -> bool:
        """Tell whether HAProxy runs what the documents say; one that is not running will read the files."""
        if not self.haproxy.is_running():
            return True
        try:
            verify(self.haproxy, self.current.cluster)
        except ActivationError:
            return False
        return True

    def change(
        self,
        edit: Callable[[ClusterConfig, NodeConfig], tuple[ClusterConfig, NodeConfig]],
        who: str,
        what: str,
        *,
        if_cluster: int | None = None,
        if_node: int | None = None,
        keys: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        confirmed: bool = False,
    ) -> Current:
        """Edit both documents, put them into effect as one change and return what is then current.

        `keys` are private keys (PEM, by their names) that the edited ClusterConfig names, `secrets` what the
        edited NodeConfig names. Unless it is `confirmed`, a change that could cut off who makes it is taken
        back after CONFIRM_S.

        Raises ForbiddenError when the trial has ended, StaleError when `if_cluster` or `if_node` is not the
        current revision, what `edit` raises, RefusedError, CheckError and StorageError with nothing changed,
        ActivationError with the last good restored.
        """
        self.may_change()
        with self._lock:
            _match(if_cluster, self.current.cluster_revision)
            _match(if_node, self.current.node_revision)
            old = self.current.rendering
            cluster, node = edit(old.cluster, old.node)
            node, new_secrets = hide(node, self.secrets.ids() | set(secrets or {}))
            if cluster != old.cluster:
                self.may_change_cluster()
            if (cluster, node) != (old.cluster, old.node):
                new = _rendered(cluster, node, old.pair)
                with self._expecting_confirmation(new, who, what, confirmed=confirmed):
                    self._apply(new, who, what, keys=keys, secrets={**(secrets or {}), **new_secrets})
        if cluster != old.cluster:
            self.on_cluster_change()
        return self.current

    def change_cluster(
        self,
        edit: Callable[[ClusterConfig], ClusterConfig],
        who: str,
        what: str,
        if_revision: int | None = None,
        keys: Mapping[str, str] | None = None,
    ) -> Current:
        """Edit the ClusterConfig alone; see `change`."""
        return self.change(
            lambda cluster, node: (edit(cluster), node), who, what, if_cluster=if_revision, keys=keys
        )

    def change_node(
        self,
        edit: Callable[[NodeConfig], NodeConfig],
        who: str,
        what: str,
        if_revision: int | None = None,
        *,
        confirmed: bool = False,
    ) -> Current:
        """Edit the NodeConfig alone; see `change`."""
        return self.change(
            lambda cluster, node: (cluster, edit(node)), who, what, if_node=if_revision, confirmed=confirmed
        )

    @contextmanager
    def _expecting_confirmation(
        self, new: Rendering, who: str, what: str, *, confirmed: bool
    ) -> Iterator[None]:
        """Let what is done within wait to be confirmed afterwards, where it could cut off who does it."""
        waiting = self.unconfirmed
        if confirmed or not could_cut_off(self.current.node, new.node):
            yield
            if confirmed and waiting is not None:
                # Who keeps this change keeps what it builds on.
                self._forget_unconfirmed()
            return
        # Of several changes that wait, all are taken back.
        before = self.current.node_revision if waiting is None else waiting.before
        note(self.system, before)
        try:
            yield
        except LbadminError:
            if waiting is None:
                forget(self.system)
            raise
        self.unconfirmed = Unconfirmed(before, time.monotonic() + CONFIRM_S, who, what)
        self.on_unconfirmed()

    def confirm(self, who: str) -> None:
        """Keep the changes that wait for it. Raises NotFoundError when there are none, StorageError."""
        with self._lock:
            if self.unconfirmed is None:
                raise NotFoundError("no change waits to be confirmed; one that waited was taken back")
            self._forget_unconfirmed()
            log.info("%s confirmed by %s", self._revisions(), who)

    def _forget_unconfirmed(self) -> None:
        try:
            forget(self.system)
        except OSError as error:
            raise StorageError(f"the confirmation could not be written: {error.strerror}") from error
        self.unconfirmed = None

    def take_back_unconfirmed(self) -> float | None:
        """Take back what has waited for long enough; return the seconds until there is something to do."""
        with self._lock:
            waiting = self.unconfirmed
            if waiting is None:
                return None
            left_s = waiting.until_s - time.monotonic()
            if left_s > 0:
                return left_s
            log.warning("%s by %s was not confirmed and is taken back", waiting.what, waiting.who)
            revision = self.nodes.read(waiting.before)
            node = parse_node(revision.document if revision else {})
            new = self.current.rendering
            self._roll_back(Rendering.of(new.cluster, node, new.pair), new, f"{waiting.what}{NOT_CONFIRMED}")
            self._forget_unconfirmed()
            return None

    def change_pair(self, pair: PairConfig | None, who: str, what: str) -> Current:
        """Put this node into a pair, or take it out; the ClusterConfig stays.

        Raises RefusedError, CheckError and StorageError with nothing changed, ActivationError with the last
        good restored.
        """
        with self._lock:
            old = self.current.rendering
            self._apply(_rendered(old.cluster, old.node, pair), who, what)
        self.on_pair_change()
        return self.current

    def renumber(self, revision: int, who: str, what: str) -> Current:
        """Commit the ClusterConfig in effect again as this revision. Raises StaleError and StorageError."""
        with self._lock:
            if revision <= self.current.cluster_revision:
                raise StaleError(f"revision {revision} is not after {self.current.cluster_revision}")
            document = self.current.cluster.model_dump(mode="json")
            self.clusters.commit(document, who, what, number=revision)
            self.current = replace(self.current, cluster_revision=revision, cluster_hash=self._hash(revision))
            self._save_cache()
            return self.current

    def adopt(self, given: GivenCluster, replaces: Point, pair: PairConfig | None = None) -> Current:
        """Put a ClusterConfig from the other node into effect, under its revision; with `pair`, join that.

        Raises StaleError when `replaces` is not in effect any more, RefusedError, CheckError, StorageError
        and ActivationError, each with everything as it was: a refused revision leaves no trace, so that
        this node never looks as if it had a newer one.
        """
        with self._lock:
            if replaces != self.point():
                raise StaleError("the ClusterConfig has changed meanwhile; ask again")
            if given.revision <= self.current.cluster_revision:
                raise StaleError(f"revision {given.revision} is not after {self.current.cluster_revision}")
            old = self.current.rendering
            new = _rendered(read_cluster(given.document), old.node, pair or old.pair)
            self._apply(new, given.who, given.what, keys=given.keys, given=given)
        if pair is not None:
            self.on_pair_change()
        return self.current

    def leave(self, who: str) -> Current:
        """Become a single node without services, whatever happens in between.

        Raises StorageError with nothing changed; what can't be put into effect now is with the next boot.
        """
        with self._lock:
            old = self.current
            if old.pair is None:
                return old
            left = old.pair.model_copy(update={"state": "left"})
            self.pairs.commit(left.model_dump(mode="json"), who, LEFT)
            cluster = ClusterConfig()
            new = Rendering.of(cluster, old.node)
            revision = self._clear(cluster)
            self.current = Current(new, revision, old.node_revision, self._hash(revision))
            self._put_into_effect(old.rendering, new)
            self._save_cache()
            log.warning("%s: %s", who, LEFT)
        self.on_pair_change()
        return self.current

    def point(self) -> Point:
        """Return which ClusterConfig is in effect."""
        return Point(self.current.cluster_revision, self.current.cluster_hash)

    def damaged(self) -> list[tuple[str, int, int]]:
        """Return each document whose newest revision was skipped: name, that revision, the one in effect."""
        now = {"cluster": self.current.cluster_revision, "node": self.current.node_revision}
        return [each for each in self._skipped if now[each[0]] == each[2]]

    def knows(self, point: Point) -> bool:
        """Tell whether a ClusterConfig is this node's, or one that its own was made from."""
        if point.revision == FACTORY_REVISION:
            return point.hash == hash_of({})
        return self.clusters.document_hash(point.revision) == point.hash

    def reload_haproxy(self, who: str) -> None:
        """Reload HAProxy gracefully. Raises ActivationError or UnavailableError."""
        with self._lock:
            log.info("HAProxy reloaded by %s", who)
            reload_gently(self.haproxy)
            impose_states(self.haproxy, self.current.cluster)

    def restart_haproxy(self, who: str) -> None:
        """Restart HAProxy, ending all connections. Raises ActivationError or UnavailableError."""
        with self._lock, self.planned_restart():
            log.info("HAProxy restarted by %s", who)
            run_program(self.system, "systemctl", "restart", "haproxy.service")
            impose_states(self.haproxy, self.current.cluster)

    def _apply(
        self,
        new: Rendering,
        who: str,
        what: str,
        *,
        keys: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        given: GivenCluster | None = None,
    ) -> None:
        before = self.current
        old = before.rendering
        try:
            # A daemon's checker needs the keys, and a committed document must never lack its own.
            self.keys.add(keys or {})
            self.secrets.add(secrets or {})
            check_pair(new.node, new.pair)
            check_certificates(self.system, self.keys, old.cluster, new.cluster)
            check_files(self.system, self.keys, old, new)
            self._commit(new, who, what, given)
            try:
                install(self.system, new.files, old.files)
                activate(self.system, self.haproxy, old, new)
            except (LbadminError, OSError) as error:
                log.exception("%s by %s could not be put into effect", what, who)
                if given is None:
                    self._roll_back(old, new, what)
                else:
                    self._withdraw(before, new)
                raise ActivationError(f"{error}; the change was taken back") from error
        finally:
            self.keys.sweep(self.clusters, _keys_of(self.current.cluster))
            self.secrets.sweep(self.nodes, ids_in(self.current.node))
        self._save_cache()
        log.info("%s by %s: %s", self._revisions(), who, what)

    def _commit(self, new: Rendering, who: str, what: str, given: GivenCluster | None = None) -> None:
        """Commit the documents that differ from the current ones, all or none, and make them current.

        The pair comes first: a node that has joined catches up with the rest. A power cut between two leaves
        the first ones committed: each is good, and all are in the history.
        """
        old = self.current
        done: list[tuple[Store, int]] = []

        def commit(store: Store, document: Mapping[str, Any], number: int | None = None) -> int:
            revision = store.commit(document, who, what, number=number).revision
            done.append((store, revision))
            return revision

        cluster_revision, node_revision = old.cluster_revision, old.node_revision
        try:
            if new.pair != old.pair:
                commit(self.pairs, {} if new.pair is None else new.pair.model_dump(mode="json"))
            if given is not None:
                self._make_room(old.cluster_revision)
                cluster_revision = commit(self.clusters, given.document, given.revision)
            elif new.cluster != old.cluster:
                cluster_revision = commit(self.clusters, new.cluster.model_dump(mode="json"))
            if new.node != old.node:
                node_revision = commit(self.nodes, new.node.model_dump(mode="json"))
        except StorageError:
            for store, revision in done:
                store.withdraw(revision)
            raise
        self.current = Current(new, cluster_revision, node_revision, self._hash(cluster_revision))

    def _make_room(self, current: int) -> None:
        """Remove the revisions that were left aside as damaged: the other node gives them anew."""
        try:
            self.clusters.remove_after(current)
        except OSError as error:
            raise StorageError(f"a damaged revision could not be removed: {error.strerror}") from error

    def _revisions(self) -> str:
        return f"revision {self.current.cluster_revision} (node: {self.current.node_revision})"

    def _roll_back(self, old: Rendering, new: Rendering, what: str) -> None:
        """Commit the old documents again and bring the daemons back to them, as far as they follow."""
        try:
            self._commit(old, ROLLBACK_AUTHOR, f"take back: {what}")
        except (StorageError, OSError):
            log.exception("the last good configuration could not be committed; it runs until the next boot")
            self.current = replace(self.current, rendering=old)
        self._put_into_effect(new, old)
        self._save_cache()

    def _withdraw(self, before: Current, new: Rendering) -> None:
        """Undo an adoption without leaving a revision of it."""
        try:
            self.clusters.withdraw(self.current.cluster_revision)
            if new.pair != before.pair:
                self.pairs.withdraw(self.pairs.numbers()[-1])
        except OSError:
            log.exception("a refused configuration could not be removed; it is read at the next boot")
        self.current = before
        self._put_into_effect(new, before.rendering)
        self._save_cache()

    def _put_into_effect(self, old: Rendering, new: Rendering) -> None:
        """Bring the daemons to a rendering as far as they follow."""
        try:
            install(self.system, new.files, old.files)
        except OSError:
            log.exception("the configuration could not be put in place whole")
        activate_most(self.system, self.haproxy, old, new)

    def _save_cache(self) -> None:
        try:
            save_cache(self.system, self.current.rendering.files)
        except OSError:
            log.exception("the cache for the next boot could not be written; that boot will take longer")


def _rendered(cluster: ClusterConfig, node: NodeConfig, pair: PairConfig | None) -> Rendering:
    """Return what valid documents become: rendering relies on the rules. Raises RefusedError."""
    check_rules(cluster, node)
    return Rendering.of(cluster, node, pair)


def _keys_of(cluster: ClusterConfig) -> Iterator[str]:
    return (certificate.key for certificate in cluster.certificates)


D = TypeVar("D", ClusterConfig, NodeConfig, PairConfig | None)


def read_document(store: Store, parse: Callable[[dict[str, Any]], D]) -> tuple[D, int]:
    """Return the newest revision that parses and its number; the factory's document and 0 when none does."""
    for number in reversed(store.numbers()):
        revision = store.read(number)
        if revision is None:
            continue
        try:
            return parse(revision.document), number
        except RefusedError as error:
            log.error("%s was skipped: %s", store.path(number), error)  # noqa: TRY400 - the sentence says it
    return parse({}), FACTORY_REVISION


def _match(if_revision: int | None, current: int) -> None:
    if if_revision is not None and if_revision != current:
        raise StaleError(
            f"revision {if_revision} is not the current one, which is {current}; "
            "read the document again and repeat the change"
        )
