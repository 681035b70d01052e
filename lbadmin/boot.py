"""Runs at boot before the network, HAProxy and keepalived: puts the state's files into /etc.

The quick ways come first, and need only the standard library: the cache that the last change left, or, when
nothing was ever changed, the files that the image was built with. A damaged state never prevents the boot.
"""

import logging
import os
import socket
import sys
from ipaddress import ip_interface
from pathlib import Path

from lbadmin.certificate import ensure_certificate
from lbadmin.errors import LbadminError
from lbadmin.files import CACHE, DOCUMENTS, FACTORY, install, pack, stamp_of, unpack
from lbadmin.reset import carry_out
from lbadmin.store import Store
from lbadmin.system import System
from lbadmin.unattended import deploy
from lbadmin.unconfirmed import take_back
from lbadmin.unixlogin import put_stored

HOSTNAME = "/etc/hostname"

log = logging.getLogger(__name__)


def files_for(system: System) -> dict[str, str]:
    """Return the files to boot with, whatever condition the state is in."""
    try:
        if not any(Store(system.state / name).numbers() for name in DOCUMENTS):
            files = unpack(system.path(FACTORY), None)
        else:
            files = unpack(system.state / CACHE, stamp_of(system))
        return files if files is not None else rendered(system)
    except Exception:
        log.critical("the state could not be rendered; booting with factory settings", exc_info=True)
        return unpack(system.path(FACTORY), None) or {}


def rendered(system: System) -> dict[str, str]:
    """Render the newest good documents: slow, because it needs the models."""
    from lbadmin.change import Changes  # noqa: PLC0415 - seconds under software emulation
    from lbadmin.haproxy import HAProxy  # noqa: PLC0415 - as above

    return Changes(system, HAProxy(system)).current.rendering.files


def make_factory(system: System, folder: Path) -> None:
    """Write the rendering of an untouched appliance, for the image to carry."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / Path(FACTORY).name).write_bytes(pack(rendered(system), {}))


def own_addresses(files: dict[str, str]) -> list[str]:
    """Return the addresses in rendered networkd units, without their prefixes."""
    lines = [line for name, text in files.items() if name.endswith(".network") for line in text.splitlines()]
    return [str(ip_interface(line[8:]).ip) for line in lines if line.startswith("Address=")]


def boot(system: System) -> None:
    """Reset, take back, take credentials, then put files, host name, password and certificate in place.

    Each goes as far as it can, and none keeps the next from being done.
    """
    try:
        carry_out(system)
    except OSError:
        log.critical("the factory reset could not be finished", exc_info=True)
    try:
        take_back(system)
    except (LbadminError, OSError):
        log.critical("an unconfirmed change could not be taken back", exc_info=True)
    deploy(system, os.environ.get("CREDENTIALS_DIRECTORY"))
    files = files_for(system)
    hostname = files.get(HOSTNAME, "lbva").strip()
    try:
        install(system, files)
        socket.sethostname(hostname)
    except OSError:
        log.critical("the configuration could not be put in place", exc_info=True)
    try:
        put_stored(system)
    except (OSError, ValueError, KeyError, TypeError):
        log.critical("the password of the console could not be put in place", exc_info=True)
    try:
        ensure_certificate(system, hostname, own_addresses(files))
    except (LbadminError, OSError):
        log.critical("the WebUI has no certificate", exc_info=True)


def main(arguments: list[str]) -> None:
    """Boot, or with `--make-factory DIR` write the factory rendering of an image that is being built."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    match arguments:
        case []:
            boot(System())
        case ["--make-factory", folder]:
            make_factory(System(root=Path("/nonexistent")), Path(folder))
        case _:
            sys.exit("usage: python3 -m lbadmin.boot [--make-factory DIR]")


if __name__ == "__main__":
    main(sys.argv[1:])
