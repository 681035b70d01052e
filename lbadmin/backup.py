"""The backup: both documents and the private keys that they name, as one JSON file.

Passwords, API keys, sessions and the WebUI's own certificate are not in it: who may come in is not part of
the configuration, and restoring an old backup must not bring a revoked key or an old password back. The hash
tells a damaged file from a whole one; it is no signature.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lbadmin.certificates import leaf_of
from lbadmin.change import Changes
from lbadmin.errors import LbadminError, RefusedError
from lbadmin.migrations import read_cluster
from lbadmin.model import ClusterConfig, NodeConfig
from lbadmin.openssl import read_key, refused
from lbadmin.rules import parse_node
from lbadmin.secret import ids_in, is_secret
from lbadmin.sentences import show
from lbadmin.system import System

KIND = "backup"
FORMAT = 2
"""2 has the secrets that the NodeConfig names; 1 was written by versions whose NodeConfig had none."""
MAX_BYTES = 1024 * 1024
"""Size of a backup: 250 virtual services of 4 real servers each, and their certificates, take a third."""

_TEXT_MAX = 64
"""Characters of the texts about a backup, which end up in the history and the log."""

_FIELDS = {"lbva", "format", "version", "created", "hostname", "cluster", "node", "keys", "secrets", "hash"}


@dataclass(frozen=True)
class Backup:
    """A backup that was read: whole, of a known format, its documents good by themselves."""

    version: str
    created: str
    cluster: ClusterConfig
    node: NodeConfig
    keys: Mapping[str, str]
    secrets: Mapping[str, str]


def make_backup(changes: Changes) -> dict[str, Any]:
    """Return the backup of what is in effect.

    Raises OSError when a key can't be read, RefusedError when no restore would take what it became.
    """
    current = changes.current
    content = {
        "lbva": KIND,
        "format": FORMAT,
        "version": changes.system.version(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "hostname": current.node.hostname,
        "cluster": current.cluster.model_dump(mode="json"),
        "node": current.node.model_dump(mode="json"),
        "keys": {each.key: changes.keys.read(each.key) for each in current.cluster.certificates},
        "secrets": {kept: changes.secrets.read(kept) for kept in ids_in(current.node)},
    }
    backup = {**content, "hash": hash_of(content)}
    if _size(backup) > MAX_BYTES:
        raise refused(
            "backup",
            "backup would be larger than 1 MiB, which can't be restored; "
            "shorten manual configurations and check scripts, or remove services",
        )
    return backup


def _size(backup: Mapping[str, Any]) -> int:
    return len(json.dumps(backup))


def hash_of(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a backup's other fields, however they are spaced and ordered."""
    others = {name: value for name, value in content.items() if name != "hash"}
    return hashlib.sha256(json.dumps(others, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read_backup(system: System, file: dict[str, Any] | str) -> Backup:
    """Return the backup of a file's text or of the JSON object in it. Raises RefusedError in one sentence."""
    content = _content(file)
    if _size(content) > MAX_BYTES:
        raise refused("backup", "backup is larger than 1 MiB; choose a file that this appliance has made")
    hash_now = hash_of(content)
    _recognise(content)
    if content["hash"] != hash_now:
        raise refused("backup", "backup is damaged: its hash does not fit; choose another copy of the file")
    try:
        cluster, node = read_cluster(content["cluster"]), parse_node(content["node"])
    except RefusedError as error:
        raise refused("backup", f"backup can't be restored: {error.sentence}") from None
    keys = _keys(system, content["keys"], {each.key for each in cluster.certificates})
    for each in cluster.certificates:
        if leaf_of(system, each.chain).key != each.key:
            raise refused(
                "backup",
                f"backup has a private key that does not fit certificate {each.label}; choose another backup",
            )
    secrets = _secrets(content["secrets"], set(ids_in(node)))
    return Backup(content["version"], content["created"], cluster, node, keys, secrets)


def _content(file: dict[str, Any] | str) -> dict[str, Any]:
    if isinstance(file, dict):
        return file
    if len(file) > 2 * MAX_BYTES:
        raise refused("backup", "backup is larger than 1 MiB; choose a file that this appliance has made")
    try:
        content = json.loads(file)
    except (ValueError, RecursionError):
        raise refused(
            "backup", "backup is not JSON; choose a backup file, whole as it was downloaded"
        ) from None
    return content if isinstance(content, dict) else {}


def _recognise(content: dict[str, Any]) -> None:
    """Raise RefusedError unless this is a backup in a format that we know."""
    if content.get("lbva") != KIND:
        raise refused("backup", "backup is not one of this appliance; choose a file that Backup has made")
    found = content.get("format")
    if type(found) is not int or found < 1:
        raise refused(
            "backup", f"backup has format {show(found)}, which never was; choose another copy of it"
        )
    if found > FORMAT:
        raise refused(
            "backup",
            f"backup has format {found}, and this appliance knows up to {FORMAT}; update the appliance first",
        )
    if found == 1:
        content.setdefault("secrets", {})
    missing, unknown = sorted(_FIELDS - content.keys()), sorted(content.keys() - _FIELDS)
    if missing or unknown:
        what = f"lacks {missing[0]}" if missing else f"has the unknown field {show(unknown[0])}"
        raise refused("backup", f"backup is damaged: it {what}; choose another copy of the file")
    for name in ("version", "created"):
        text = content[name]
        if not isinstance(text, str) or not text.isprintable() or len(text) > _TEXT_MAX:
            raise refused("backup", f"backup is damaged: its {name} is no short text; choose another copy")


def _secrets(secrets: object, needed: Iterable[str]) -> dict[str, str]:
    """Return the secrets that are needed."""
    found = secrets if isinstance(secrets, dict) else {}
    read = {kept: found.get(kept) for kept in sorted(needed)}
    for kept, text in read.items():
        if not isinstance(text, str) or not is_secret(text):
            raise refused("backup", f"backup lacks the secret {kept[:16]}…; choose another backup")
    return {kept: str(text) for kept, text in read.items()}


def _keys(system: System, keys: object, needed: Iterable[str]) -> dict[str, str]:
    """Return the keys that are needed, each checked to be the one of its name."""
    found = keys if isinstance(keys, dict) else {}
    read = {}
    for key_id in sorted(needed):
        pem = found.get(key_id)
        if not isinstance(pem, str):
            raise refused("backup", f"backup lacks the private key {key_id[:16]}…; choose another backup")
        try:
            key = read_key(system, pem, None, "backup")
        except LbadminError:
            raise refused(
                "backup", f"backup has a damaged private key {key_id[:16]}…; choose another"
            ) from None
        if key.id != key_id:
            raise refused(
                "backup", f"backup has another private key as {key_id[:16]}…; choose another backup"
            )
        read[key_id] = key.pem
    return read
