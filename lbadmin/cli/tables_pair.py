"""What lbcli prints of the pair."""

from typing import Any, TypeAlias

from lbadmin.catalogue_pair import HA_SETTINGS
from lbadmin.cli.tables import clean, show_fields, table

Json: TypeAlias = Any

MS_PER_S = 1000


def show_pair(pair: Json) -> str:
    """Return both nodes as a table, what there is to tell of the pair, and its failovers."""
    if pair["state"] == "single":
        return "single: this node has no peer"
    lines = [_sync(pair), table(("", "this node", "peer"), _rows(pair))]
    for whose, name in (("this node", "fingerprint"), ("the peer", "peer_fingerprint")):
        lines.append(f"certificate of {whose} (SHA-256): {pair[name]}")
    if pair["restart_heartbeat"]:
        lines.insert(0, "heartbeat has to be restarted: lbcli restart-heartbeat")
    if pair["failovers"]:
        lines += ["", table(("when", "from", "to", "without service", "cause"), _failovers(pair))]
    return "\n".join(lines)


def show_ha(settings: Json) -> str:
    """Return the settings of high availability as a table."""
    return show_fields(settings, HA_SETTINGS.fields)


def _sync(pair: Json) -> str:
    detail = f": {pair['sync_detail']}" if pair["sync_detail"] else ""
    return clean(f"{pair['state']}, {pair['sync']}{detail}")


def _rows(pair: Json) -> list[list[object]]:
    peer = pair["peer"] or {}
    rows = [
        ["address", pair["local_ip"], pair["peer_ip"]],
        ["hostname", "", peer.get("hostname", "")],
        ["role", pair["role"], peer.get("role", "unknown")],
        ["since", pair["role_since"] or "", peer.get("role_since") or ""],
        ["not ready", "; ".join(pair["not_ready"]), "; ".join(peer.get("not_ready", []))],
    ]
    return [row for row in rows if row[1] or row[2]]


def _failovers(pair: Json) -> list[list[object]]:
    return [
        [each["when"], each["from"] or "", each["to"], _duration(each), each["cause"]]
        for each in pair["failovers"]
    ]


def _duration(failover: Json) -> str:
    if failover["duration_ms"] is None:
        return "unknown"
    about = "" if failover["measured"] else "about "
    return f"{about}{failover['duration_ms'] / MS_PER_S:.2f} s"
