"""Earlier revisions of the two documents: listed, compared, and read for a restore."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from lbadmin.change import Changes
from lbadmin.diffs import diff
from lbadmin.errors import NotFoundError, RefusedError
from lbadmin.migrations import read_cluster
from lbadmin.model import ClusterConfig, NodeConfig
from lbadmin.rules import parse_node
from lbadmin.store import Heading, Revision, Store

Name = Literal["cluster", "node"]
D = TypeVar("D", ClusterConfig, NodeConfig)


@dataclass(frozen=True)
class History(Generic[D]):
    """The kept revisions of one document, `current` being the number of the one in effect."""

    about: str
    store: Store
    parse: Callable[[object], D]
    current: int

    def revisions(self) -> list[Heading]:
        """Return what there is to tell of the good revisions, newest first."""
        return self.store.headings()

    def revision(self, number: int) -> Revision:
        """Return one revision. Raises NotFoundError."""
        found = self.store.read(number)
        if found is None:
            raise NotFoundError(
                f"there is no revision {number} of the {self.about}; its history lists those that are kept"
            )
        return found

    def document(self, number: int) -> D:
        """Return a revision's document in today's form. Raises NotFoundError or RefusedError."""
        return self.parse(self.revision(number).document)

    def diff(self, number: int, to: int | None = None) -> list[str]:
        """Return what changed from one revision to another (None: the current one). Raises NotFoundError."""
        other = self.current if to is None else to
        return diff(self._shown(number), self._shown(other), f"revision {number}", f"revision {other}")

    def _shown(self, number: int) -> dict[str, Any]:
        """Return a revision's document for comparison: in today's form when it still can be."""
        # Revision 0 is the factory's document, which no file holds.
        raw = self.revision(number).document if number else {}
        try:
            return self.parse(raw).model_dump(mode="json")
        except RefusedError:
            return raw


def cluster_history(changes: Changes) -> History[ClusterConfig]:
    """Return the history of the ClusterConfig."""
    current = changes.current.cluster_revision
    return History("cluster configuration", changes.clusters, read_cluster, current)


def node_history(changes: Changes) -> History[NodeConfig]:
    """Return the history of the NodeConfig."""
    return History("node configuration", changes.nodes, parse_node, changes.current.node_revision)
