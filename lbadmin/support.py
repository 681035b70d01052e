"""The support file: one archive with what it takes to understand an appliance from afar, and no secrets."""

import gzip
import io
import json
import os
import tarfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from pydantic import BaseModel

from lbadmin.change import Changes
from lbadmin.errors import UnavailableError
from lbadmin.haproxy import HAProxy
from lbadmin.store import Store
from lbadmin.system import System

PART_MAX = 4 * 1024 * 1024
"""Bytes of one file in the archive; of a longer one the end is kept, which is where journals are newest."""
JOURNAL_LINES = 5000

_README = """\
Support file of {hostname}, LBVA {version}, made {made}.

cluster.json, node.json   the two documents that are the whole configuration
history.json              who changed what, and when
files/                    the rendered files, as the daemons read them
status.json               health and traffic, as the WebUI shows them
haproxy/                  HAProxy's version, process information and statistics
layer4/                   IPVS' services and daemons, the rules of nftables, what the peer is told of
system/                   versions, addresses and routes, disk space
journal.txt               the last {lines} lines of the journal

No password, no private key, no API key and no session is in it. Addresses and host names are, and so is the
text of Manual Configurations, health check scripts and log messages as it is: read it before you pass the
file on, if somebody wrote a secret there.
"""

_PROGRAMS = {
    "haproxy/version.txt": ("haproxy", "-vv"),
    "layer4/services.txt": ("ipvsadm", "--list", "--numeric", "--stats"),
    "layer4/daemons.txt": ("ipvsadm", "--list", "--daemon"),
    "layer4/rules.txt": ("nft", "list", "ruleset"),
    "layer4/conntrackd.txt": ("conntrackd", "-s"),
    "system/packages.txt": ("dpkg-query", "--show", "--showformat=${Package} ${Version}\n"),
    "system/addresses.txt": ("ip", "address"),
    "system/routes.txt": ("ip", "route", "show", "table", "all"),
    "system/disks.txt": ("df", "-h"),
    "system/units.txt": ("systemctl", "list-units", "--all", "--no-pager", "--plain"),
    "journal.txt": (
        "journalctl", "--quiet", "--no-pager", "--output=short-iso-precise", f"--lines={JOURNAL_LINES}",
    ),
}  # fmt: skip
_WORKER_COMMANDS = {"haproxy/info.txt": "show info", "haproxy/statistics.csv": "show stat"}


def support_file(system: System, changes: Changes, haproxy: HAProxy, status: BaseModel) -> bytes:
    """Return the archive, a gzipped tar. What can't be found out is told in its place."""
    packed = io.BytesIO()
    with (
        # Level 1: under software emulation the default takes seconds for a few percent.
        gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as zipped,
        tarfile.open(fileobj=zipped, mode="w|") as archive,
    ):
        for name, text in _parts(system, changes, haproxy, status):
            data = text.encode("utf-8", "replace")[-PART_MAX:]
            info = tarfile.TarInfo(f"lbva-support/{name}")
            info.size, info.mtime = len(data), int(time.time())
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def file_name(system: System) -> str:
    """Return a name for the archive that tells of where and when it is."""
    return f"lbva-support-{system.hostname()}-{datetime.now(UTC):%Y%m%d-%H%M%S}.tar.gz"


def _parts(
    system: System, changes: Changes, haproxy: HAProxy, status: BaseModel
) -> Iterator[tuple[str, str]]:
    current = changes.current
    made = datetime.now(UTC).isoformat(timespec="seconds")
    yield (
        "README.txt",
        _README.format(hostname=system.hostname(), version=system.version(), made=made, lines=JOURNAL_LINES),
    )
    yield "cluster.json", current.cluster.model_dump_json(indent=2)
    yield "node.json", current.node.model_dump_json(indent=2)
    yield (
        "history.json",
        json.dumps({"cluster": _history(changes.clusters), "node": _history(changes.nodes)}, indent=2),
    )
    for path, text in current.rendering.files.items():
        yield f"files{path}", text
    yield "status.json", status.model_dump_json(indent=2)
    for name, command in _WORKER_COMMANDS.items():
        yield name, _worker(haproxy, command)
    yield "system/kernel.txt", " ".join(os.uname()) + "\n"
    yield "system/os-release.txt", _release(system)
    for name, program in _PROGRAMS.items():
        yield name, system.run(program).output


def _history(store: Store) -> list[dict[str, object]]:
    return [vars(each) for each in store.headings()]


def _worker(haproxy: HAProxy, command: str) -> str:
    try:
        return haproxy.worker(command)
    except UnavailableError as error:
        return f"{error.sentence}\n"


def _release(system: System) -> str:
    try:
        return system.path("/usr/lib/os-release").read_text(encoding="utf-8")
    except OSError as error:
        return f"{error.strerror}\n"
