"""The one path for every change, whoever makes it.

Candidate → rules → render → the daemons' own checkers → commit → files in place → activate → verify, and back
to the last good when it does not hold.
"""

import logging
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from lbadmin.activate import Rendering, activate, reload_gently, run_program, start_over
from lbadmin.errors import (
    ActivationError,
    CheckError,
    LbadminError,
    RefusedError,
    StaleError,
    StorageError,
)
from lbadmin.files import install, save_cache
from lbadmin.haproxy import HAProxy, words_of
from lbadmin.model import ClusterConfig, NodeConfig
from lbadmin.render import HAPROXY_CFG, KEEPALIVED_CONF
from lbadmin.rules import check_rules, parse_cluster, parse_node
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
        self._lock = threading.Lock()
        cluster, cluster_revision = read_document(self.clusters, parse_cluster)
        node, node_revision = read_document(self.nodes, parse_node)
        self.current = Current(Rendering.of(cluster, node), cluster_revision, node_revision)

    def reconcile(self) -> None:
        """Put the current documents into effect where /etc does not hold them, as after a crash in a change.

        Raises ActivationError or UnavailableError when a daemon does not follow.
        """
        with self._lock:
            files = self.current.rendering.files
            if all(_text(self.system.path(name)) == text for name, text in files.items()):
                return
            log.warning("/etc does not hold the current configuration; putting it into effect")
            install(self.system, files)
            start_over(self.system, self.haproxy, self.current.rendering)

    def change_cluster(
        self,
        edit: Callable[[ClusterConfig], ClusterConfig],
        who: str,
        what: str,
        if_revision: int | None = None,
    ) -> Current:
        """Edit the ClusterConfig, put it into effect and return what is then current.

        Raises StaleError when `if_revision` is not the current one, what `edit` raises, RefusedError,
        CheckError and StorageError with nothing changed, ActivationError with the last good restored.
        """
        with self._lock:
            _match(if_revision, self.current.cluster_revision)
            old = self.current.rendering
            new = Rendering.of(edit(old.cluster), old.node)
            if new.cluster != old.cluster:
                self._apply(new, self.clusters, who, what)
            return self.current

    def change_node(
        self, edit: Callable[[NodeConfig], NodeConfig], who: str, what: str, if_revision: int | None = None
    ) -> Current:
        """Edit the NodeConfig; the same as `change_cluster`."""
        with self._lock:
            _match(if_revision, self.current.node_revision)
            old = self.current.rendering
            new = Rendering.of(old.cluster, edit(old.node))
            if new.node != old.node:
                self._apply(new, self.nodes, who, what)
            return self.current

    def reload_haproxy(self, who: str) -> None:
        """Reload HAProxy gracefully. Raises ActivationError or UnavailableError."""
        with self._lock:
            log.info("HAProxy reloaded by %s", who)
            reload_gently(self.haproxy)

    def restart_haproxy(self, who: str) -> None:
        """Restart HAProxy, ending all connections. Raises ActivationError or UnavailableError."""
        with self._lock:
            log.info("HAProxy restarted by %s", who)
            run_program(self.system, "systemctl", "restart", "haproxy.service")

    def _apply(self, new: Rendering, store: Store, who: str, what: str) -> None:
        old = self.current.rendering
        check_rules(new.cluster, new.node)
        check_files(self.system, old, new)
        revision = self._commit(new, store, who, what)
        try:
            install(self.system, new.files, old.files)
            activate(self.system, self.haproxy, old, new)
        except (LbadminError, OSError) as error:
            log.exception("revision %d (%s) could not be put into effect", revision, what)
            self._roll_back(old, new, store, what)
            raise ActivationError(f"{error}; the change was taken back") from error
        self._save_cache()
        log.info("revision %d by %s: %s", revision, who, what)

    def _commit(self, rendering: Rendering, store: Store, who: str, what: str) -> int:
        """Commit the store's document of a rendering and make it the current one; return its revision."""
        if store is self.clusters:
            revision = store.commit(rendering.cluster.model_dump(mode="json"), who, what).revision
            self.current = Current(rendering, revision, self.current.node_revision)
        else:
            revision = store.commit(rendering.node.model_dump(mode="json"), who, what).revision
            self.current = Current(rendering, self.current.cluster_revision, revision)
        return revision

    def _roll_back(self, old: Rendering, new: Rendering, store: Store, what: str) -> None:
        """Commit the old document again and bring the daemons back to it, as far as they follow."""
        try:
            self._commit(old, store, ROLLBACK_AUTHOR, f"take back: {what}")
        except StorageError:
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


def check_files(system: System, old: Rendering, new: Rendering) -> None:
    """Let HAProxy and keepalived check their new files. Raises CheckError in their words."""
    for name, checker in (
        (HAPROXY_CFG, ["haproxy", "-c", "-f"]),
        (KEEPALIVED_CONF, ["keepalived", "-t", "-f"]),
    ):
        if new.files[name] and new.files[name] != old.files[name]:
            _check(system, checker, new.files[name])


def _check(system: System, checker: list[str], text: str) -> None:
    with tempfile.NamedTemporaryFile(
        "w", dir=system.path("/run"), prefix="lbadmin-", suffix=".check"
    ) as file:
        file.write(text)
        file.flush()
        name = f"/run/{Path(file.name).name}"
        result = system.run([*checker, name])
    if result.status != 0:
        said = words_of(result.output.replace(name, "the rendered file"))
        raise CheckError(f"{checker[0]} refuses this configuration: {said}; nothing was changed")
