"""The first boot's network settings, handed in from outside: by systemd credentials or as OVF properties.

A hypervisor passes credentials through SMBIOS type 11 strings or fw_cfg (systemd(1), "System Credentials").
VMware passes what was filled in when the appliance was deployed (`ovf`); nobody looks for it when there are
credentials. Either is taken once, while the node has no document of its own; what an administrator changes
afterwards stays. A bad value leaves the factory default, and the console says what was refused. Needs nothing
but the standard library until there is a value: boot's fast path asks here.
"""

import contextlib
import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lbadmin.errors import Fault, LbadminError, RefusedError
from lbadmin.store import Store
from lbadmin.system import System

PREFIX = "lbva."
INTERFACE = "eth0"
"""The interface that the address is for: the first one, which the factory default is on, too."""

NAMES = ("address", "prefix", "gateway", "dns", "hostname")
MAX_BYTES = 4096
AUTHOR = "unattended"
VMWARE = "VMware"
REFUSED_FILE = "/run/lbadmin/deployment-refused"
"""The sentence, for lbadmind to tell for as long as the factory default stays."""

log = logging.getLogger(__name__)


def deploy(system: System, folder: str | None) -> None:
    """Commit what was handed in as the first NodeConfig; nothing happens without anything, or later on.

    `folder` holds the credentials. What is refused, or can't be written, is told in one sentence in the
    journal and on the console.
    """
    if Store(system.state / "node").numbers():
        return
    try:
        values = _given(system, folder)
        if values:
            _commit(system, values)
    except (LbadminError, OSError) as error:
        sentence = f"unattended deployment: {error}; the factory default stays"
        log.error(sentence)  # noqa: TRY400 - the sentence says it
        with contextlib.suppress(OSError), system.path("/dev/console").open("w", encoding="utf-8") as console:
            console.write(f"\r\n{sentence}\r\n")
        with contextlib.suppress(OSError):
            system.path(REFUSED_FILE).write_text(sentence, encoding="utf-8")


def _given(system: System, folder: str | None) -> dict[str, str]:
    """Return the values of the first source that has any; raises RefusedError or OSError."""
    if folder is not None and (values := _values("credential", _credentials(Path(folder)))):
        return values
    if not _vendor(system).startswith(VMWARE):
        return {}
    from lbadmin.ovf import properties  # noqa: PLC0415 - hardly any boot needs it

    return _values("OVF property", properties(system))


def _vendor(system: System) -> str:
    """Return who made the machine, as its firmware says it."""
    try:
        return system.path("/sys/class/dmi/id/sys_vendor").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _credentials(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield names and texts, one character too long at the most; raises OSError."""
    for file in os.listdir(folder):  # noqa: PTH208 - as in store
        if file.startswith(PREFIX):
            with (folder / file).open("rb") as content:
                yield file, content.read(MAX_BYTES + 1).decode("utf-8", errors="replace")


def _values(kind: str, texts: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return ours of the texts by their names without the prefix, none empty; raises RefusedError."""
    values: dict[str, str] = {}
    for key, text in texts:
        if not key.startswith(PREFIX):
            continue
        name, value = key.removeprefix(PREFIX), " ".join(text.split())
        if name not in NAMES:
            names = ", ".join(PREFIX + known for known in NAMES)
            raise _refused(name, f"there is no {kind} {_show(key)}; use {names}")
        if len(text) > MAX_BYTES or not value.isascii() or not value.isprintable():
            raise _refused(name, f"{kind} {key} is not plain text of up to {MAX_BYTES} bytes; correct it")
        if values.get(name, value) != value:
            raise _refused(name, f"{kind} {key} is given twice, with different values; give it once")
        values[name] = value
    return {name: value for name, value in values.items() if value}


def _show(value: str) -> str:
    from lbadmin.sentences import show  # noqa: PLC0415 - only for what is refused

    return show(value)


def _refused(name: str, sentence: str) -> RefusedError:
    return RefusedError([Fault(name, None, sentence)])


def _document(values: dict[str, str]) -> dict[str, Any]:
    """Return the values as a NodeConfig's raw document; what was not given keeps its default."""
    document: dict[str, Any] = {name: values[name] for name in ("hostname", "gateway") if name in values}
    if "dns" in values:
        document["dns"] = values["dns"].replace(",", " ").split()
    if address := _address(values):
        document["interfaces"] = [{"name": INTERFACE, "addresses": [address]}]
    return document


def _address(values: dict[str, str]) -> str | None:
    """Return the address with its prefix, wherever that was given; raises RefusedError for two of them."""
    address, prefix = values.get("address"), values.get("prefix")
    if prefix is None:
        return address
    shown = f"prefix {_show(prefix)}"
    if address is None:
        raise _refused("prefix", f"{shown} is given without an address; give both or none")
    host, _slash, own = address.partition("/")
    if own not in {"", prefix}:
        raise _refused("prefix", f"{shown} is not the one of address {_show(address)}; give it once")
    return f"{host}/{prefix}"


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
