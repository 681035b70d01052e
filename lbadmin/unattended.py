"""The first boot's network settings, handed in from outside as systemd credentials.

A hypervisor passes them through SMBIOS type 11 strings or fw_cfg (systemd(1), "System Credentials"). They are
taken once, while the node has no document of its own; what an administrator changes afterwards stays. A bad
value leaves the factory default, and the console says what was refused. Needs nothing but the standard
library until there is a credential: boot's fast path asks here.
"""

import contextlib
import logging
import os
from pathlib import Path
from typing import Any

from lbadmin.errors import Fault, LbadminError, RefusedError
from lbadmin.store import Store
from lbadmin.system import System

PREFIX = "lbva."
INTERFACE = "eth0"
"""The interface that the address is for: the first one, which the factory default is on, too."""

NAMES = ("address", "gateway", "dns", "hostname")
MAX_BYTES = 4096
AUTHOR = "unattended"

log = logging.getLogger(__name__)


def deploy(system: System, folder: str | None) -> None:
    """Commit the credentials in `folder` as the first NodeConfig; nothing happens without any, or later on.

    What is refused, or can't be written, is told in one sentence in the journal and on the console.
    """
    if folder is None or Store(system.state / "node").numbers():
        return
    try:
        values = _read(Path(folder))
        if values:
            _commit(system, values)
    except (LbadminError, OSError) as error:
        sentence = f"unattended deployment: {error}; the factory default stays"
        log.error(sentence)  # noqa: TRY400 - the sentence says it
        with contextlib.suppress(OSError), system.path("/dev/console").open("w", encoding="utf-8") as console:
            console.write(f"\r\n{sentence}\r\n")


def _read(folder: Path) -> dict[str, str]:
    """Return the values by their names without the prefix, none empty; raises RefusedError or OSError."""
    values = {}
    for file in os.listdir(folder):  # noqa: PTH208 - as in store
        if not file.startswith(PREFIX):
            continue
        name = file.removeprefix(PREFIX)
        if name not in NAMES:
            raise _refused(name, f"there is no credential {file}; use {', '.join(PREFIX + n for n in NAMES)}")
        with (folder / file).open("rb") as content:
            data = content.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES or not data.isascii():
            raise _refused(
                name, f"credential {file} is not plain text of up to {MAX_BYTES} bytes; correct it"
            )
        if text := data.decode("ascii").strip():
            values[name] = text
    return values


def _refused(name: str, sentence: str) -> RefusedError:
    return RefusedError([Fault(name, None, sentence)])


def _document(values: dict[str, str]) -> dict[str, Any]:
    """Return the values as a NodeConfig's raw document; what was not given keeps its default."""
    document: dict[str, Any] = {name: values[name] for name in ("hostname", "gateway") if name in values}
    if "dns" in values:
        document["dns"] = values["dns"].split()
    if "address" in values:
        document["interfaces"] = [{"name": INTERFACE, "addresses": [values["address"]]}]
    return document


def _commit(system: System, values: dict[str, str]) -> None:
    """Commit the node's first document and keep its rendering; raises LbadminError or OSError."""
    from lbadmin.activate import Rendering  # noqa: PLC0415 - the models take seconds under software emulation
    from lbadmin.change import read_document  # noqa: PLC0415 - as above
    from lbadmin.files import save_cache  # noqa: PLC0415 - as above
    from lbadmin.migrations import read_cluster  # noqa: PLC0415 - as above
    from lbadmin.rules import check_rules, parse_node  # noqa: PLC0415 - as above

    cluster, _revision = read_document(Store(system.state / "cluster"), read_cluster)
    node = parse_node(_document(values))
    check_rules(cluster, node)
    what = "deployed with " + ", ".join(f"{name} {values[name]}" for name in NAMES if name in values)
    Store(system.state / "node").commit(node.model_dump(mode="json"), AUTHOR, what)
    log.info("%s", what)
    save_cache(system, Rendering.of(cluster, node).files)
