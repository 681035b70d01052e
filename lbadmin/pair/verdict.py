"""How the ClusterConfigs of two nodes stand to each other."""

from typing import Literal, NamedTuple

from lbadmin.change import Point

SyncWord = Literal["single", "in sync", "behind", "unreachable", "conflict"]
Verdict = Literal["in sync", "ahead", "behind", "conflict", "unknown"]


class SyncState(NamedTuple):
    """The word for programs, and the sentence for people where there is something to say."""

    word: SyncWord
    detail: str | None = None


def decide(ours: Point, theirs: Point, *, theirs_known: bool, ours_known: bool | None) -> Verdict:
    """Return how this node stands to the peer; unknown until the peer was asked whether it knows ours.

    A node's revisions are a chain. `theirs_known`: theirs is in this node's chain, so ours was made from it;
    `ours_known`: the same for the peer. A node may keep a newer revision that it could not read, and has to
    be given it anew: so being known is not enough, the newer one leads.
    """
    if ours == theirs:
        return "in sync"
    if theirs_known and ours.revision > theirs.revision:
        return "ahead"
    if ours_known is None:
        return "unknown"
    return "behind" if ours_known and theirs.revision > ours.revision else "conflict"


def describe(verdict: Verdict, ours: int, theirs: int, peer: str, refused: str | None) -> SyncState:
    """Return the verdict in words; `refused` is why whoever is behind did not take the newer revision."""
    match verdict:
        case "in sync":
            return SyncState("in sync")
        case "conflict":
            return SyncState(
                "conflict",
                f"this node has revision {ours} and {peer} has revision {theirs}, and neither was made from "
                "the other; choose which of them both keep",
            )
        case "ahead":
            detail = f"{peer} has revision {theirs} and is to get revision {ours}"
            return SyncState("behind", f"{peer} refused revision {ours}: {refused}" if refused else detail)
        case "behind" | "unknown":
            detail = f"this node has revision {ours} and is to get revision {theirs} of {peer}"
            refusal = f"this node refused revision {theirs} of {peer}: {refused}"
            return SyncState("behind", refusal if refused else detail)
