"""The one path for every change, whoever makes it.

Candidate → rules → render → the daemons' own checkers → commit → files in place → activate → verify, and back
to the last good when it does not hold.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from lbadmin.activate import (
    Rendering,
    activate,
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
    RefusedError,
    StaleError,
    StorageError,
)
from lbadmin.files import install, save_cache
from lbadmin.haproxy import HAProxy
from lbadmin.keys import KeyStore
from lbadmin.migrations import read_cluster
from lbadmin.model import ClusterConfig, NodeConfig
from lbadmin.rules import check_rules, parse_node
from lbadmin.store import Store
from lbadmin.system import System

FACTORY_REVISION = 0
"""Revision of a document that was never changed."""

ROLLBACK_AUTHOR = "lbadmind"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Current:
    """What is in effect: the documents with their rendering, and their revisions."""

    rendering: Rendering
    cluster_revision: int
    node_revision: int

    @property
    def cluster(self) -> ClusterConfig:
        """The ClusterConfig in effect."""
        return self.rendering.cluster

    @property
    def node(self) -> NodeConfig:
        """The NodeConfig in effect."""
        return self.rendering.node


class Changes:
    """The current documents, and the only way to change them. Safe to use from several threads."""

    def __init__(self, system: System, haproxy: HAProxy) -> None:
        """Read the newest good documents; one that this version refuses is left aside for an older one."""
        self.system = system
        self.haproxy = haproxy
        self.clusters = Store(system.state / "cluster")
        self.nodes = Store(system.state / "node")
        self.keys = KeyStore(system.state / "keys")
        self._lock = threading.Lock()
        cluster, cluster_revision = read_document(self.clusters, read_cluster)
        node, node_revision = read_document(self.nodes, parse_node)
        self.current = Current(Rendering.of(cluster, node), cluster_revision, node_revision)

    def reconcile(self) -> None:
        """Put the current documents into effect where they are not, as after a crash in a change.

        Raises ActivationError or UnavailableError when a daemon does not follow.
        """
        with self._lock:
            files = self.current.rendering.files
            if all(_text(self.system.path(name)) == text for name, text in files.items()):
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
    ) -> Current:
        """Edit both documents, put them into effect as one change and return what is then current.

        `keys` are private keys (PEM, by their names) that the edited ClusterConfig names.

        Raises StaleError when `if_cluster` or `if_node` is not the current revision, what `edit` raises,
        RefusedError, CheckError and StorageError with nothing changed, ActivationError with the last good
        restored.
        """
        with self._lock:
            _match(if_cluster, self.current.cluster_revision)
            _match(if_node, self.current.node_revision)
            old = self.current.rendering
            cluster, node = edit(old.cluster, old.node)
            try:
                # A daemon's checker needs the keys, and a committed document must never lack its own.
                self.keys.add(keys or {})
                if (cluster, node) != (old.cluster, old.node):
                    self._apply(Rendering.of(cluster, node), who, what)
            finally:
                self.keys.sweep(self.clusters, _keys_of(self.current.cluster))
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
        self, edit: Callable[[NodeConfig], NodeConfig], who: str, what: str, if_revision: int | None = None
    ) -> Current:
        """Edit the NodeConfig alone; see `change`."""
        return self.change(lambda cluster, node: (cluster, edit(node)), who, what, if_node=if_revision)

    def reload_haproxy(self, who: str) -> None:
        """Reload HAProxy gracefully. Raises ActivationError or UnavailableError."""
        with self._lock:
            log.info("HAProxy reloaded by %s", who)
            reload_gently(self.haproxy)
            impose_states(self.haproxy, self.current.cluster)

    def restart_haproxy(self, who: str) -> None:
        """Restart HAProxy, ending all connections. Raises ActivationError or UnavailableError."""
        with self._lock:
            log.info("HAProxy restarted by %s", who)
            run_program(self.system, "systemctl", "restart", "haproxy.service")
            impose_states(self.haproxy, self.current.cluster)

    def _apply(self, new: Rendering, who: str, what: str) -> None:
        old = self.current.rendering
        check_rules(new.cluster, new.node)
        check_certificates(self.system, self.keys, old.cluster, new.cluster)
        check_files(self.system, self.keys, old, new)
        self._commit(new, who, what)
        try:
            install(self.system, new.files, old.files)
            activate(self.system, self.haproxy, old, new)
        except (LbadminError, OSError) as error:
            log.exception("%s by %s could not be put into effect", what, who)
            self._roll_back(old, new, what)
            raise ActivationError(f"{error}; the change was taken back") from error
        self._save_cache()
        log.info("%s by %s: %s", self._revisions(), who, what)

    def _commit(self, new: Rendering, who: str, what: str) -> None:
        """Commit the documents that differ from the current ones, both or none, and make them current.

        A power cut between the two leaves the first one committed: each is good, and both are in the history.
        """
        cluster_revision, node_revision = self.current.cluster_revision, self.current.node_revision
        if new.cluster != self.current.cluster:
            cluster_revision = self.clusters.commit(new.cluster.model_dump(mode="json"), who, what).revision
        if new.node != self.current.node:
            try:
                node_revision = self.nodes.commit(new.node.model_dump(mode="json"), who, what).revision
            except StorageError:
                if cluster_revision != self.current.cluster_revision:
                    self.clusters.withdraw(cluster_revision)
                raise
        self.current = Current(new, cluster_revision, node_revision)

    def _revisions(self) -> str:
        return f"revision {self.current.cluster_revision} (node: {self.current.node_revision})"

    def _roll_back(self, old: Rendering, new: Rendering, what: str) -> None:
        """Commit the old documents again and bring the daemons back to them, as far as they follow."""
        try:
            self._commit(old, ROLLBACK_AUTHOR, f"take back: {what}")
        except (StorageError, OSError):
            log.exception("the last good configuration could not be committed; it runs until the next boot")
            self.current = replace(self.current, rendering=old)
        try:
            install(self.system, old.files, new.files)
            activate(self.system, self.haproxy, new, old)
        except (LbadminError, OSError):
            log.exception("the last good configuration could not be brought back whole")
        self._save_cache()

    def _save_cache(self) -> None:
        try:
            save_cache(self.system, self.current.rendering.files)
        except OSError:
            log.exception("the cache for the next boot could not be written; that boot will take longer")


def _keys_of(cluster: ClusterConfig) -> Iterator[str]:
    return (certificate.key for certificate in cluster.certificates)


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None


D = TypeVar("D", ClusterConfig, NodeConfig)


def read_document(store: Store, parse: Callable[[object], D]) -> tuple[D, int]:
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
