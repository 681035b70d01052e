"""PairConfig: which two nodes belong together. Each has its own; it is neither replicated nor backed up."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from lbadmin.document import Document, Flag, parse_as
from lbadmin.fields import Address, KeyId, PemText

PairState = Literal["pairing", "paired", "leaving", "left"]
"""pairing: this node began it, and the peer has not proved yet that it joined. leaving: the pair was broken
here, and the peer has not been told yet. left: this node was told; its services are about to be removed."""

PairId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class PairConfig(Document):
    """The pair as one of its nodes knows it; `primary` is the node on which the pair was made."""

    state: PairState
    id: PairId
    primary: Flag
    local_ip: Address
    peer_ip: Address
    router_id: Annotated[int, Field(ge=1, le=255, strict=True)]
    local_certificate: PemText
    peer_certificate: PemText
    peer_web_fingerprint: KeyId


def parse_pair(document: Mapping[str, Any]) -> PairConfig | None:
    """Return the stored document as a PairConfig, None for a single node. Raises RefusedError."""
    return parse_as(PairConfig, document) if document else None


def joined(pair: PairConfig | None) -> PairConfig | None:
    """Return the pair when its nodes back each other, None for a single one and until the peer has joined."""
    return pair if pair is not None and pair.state in {"paired", "leaving"} else None
