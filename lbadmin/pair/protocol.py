"""What two nodes say to each other while they become a pair, and how a ClusterConfig travels between them."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from lbadmin.change import Changes, GivenCluster, Point
from lbadmin.errors import StorageError
from lbadmin.fields import Address, KeyId, PemText
from lbadmin.pair.model import PairId
from lbadmin.store import hash_of

KEY_MAX = 16 * 1024
"""Characters of a private key: one of 8,192 bits has 6,500."""

Revision = Annotated[int, Field(ge=0, strict=True)]
Text = Annotated[str, Field(max_length=1024)]


class Message(BaseModel):
    """What all messages share; a key or password in one is never repeated in an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class SentCluster(Message):
    """A ClusterConfig as it is stored on the node that sends it, and the private keys that it names."""

    revision: Revision
    document: dict[str, Any]
    keys: dict[KeyId, Annotated[str, Field(max_length=KEY_MAX)]]
    who: Text
    what: Text

    def given(self) -> GivenCluster:
        """Return it as `Changes.adopt` takes it."""
        return GivenCluster(self.revision, self.document, self.keys, self.who, self.what)


class SentPoint(Message):
    """Which ClusterConfig a node has in effect."""

    revision: Revision
    hash: KeyId

    def point(self) -> Point:
        """Return it as `Changes` knows it."""
        return Point(self.revision, self.hash)


class Introduction(BaseModel):
    """What a node tells of itself to whoever has its password; later versions may tell more."""

    model_config = ConfigDict(frozen=True)

    version: Text
    hostname: Text
    single: bool
    services: Revision
    cluster_revision: Revision
    certificate: PemText


class Invitation(Message):
    """What a node needs to join: `local_ip` is its own address, all else is about the node that invites."""

    id: PairId
    local_ip: Address
    peer_ip: Address
    router_id: Annotated[int, Field(ge=1, le=255, strict=True)]
    certificate: PemText
    web_fingerprint: KeyId
    version: Text
    cluster: SentCluster


def sent_cluster(changes: Changes) -> SentCluster:
    """Return the ClusterConfig in effect, ready to be sent.

    Raises OSError when a key can't be read, StorageError when the document can't.
    """
    current = changes.current
    stored = changes.clusters.read(current.cluster_revision)
    document = stored.document if stored else {}
    if hash_of(document) != current.cluster_hash:
        raise StorageError(
            f"revision {current.cluster_revision} can't be read any more; make a change, which writes it anew"
        )
    return SentCluster(
        revision=current.cluster_revision,
        document=document,
        keys={each.key: changes.keys.read(each.key) for each in current.cluster.certificates},
        who=stored.who if stored else "",
        what=stored.what if stored else "",
    )
