"""Archives whose bytes depend on nothing but what is put in."""

import tarfile
import time
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from typing import IO

_CHUNK = 2**20


@dataclass(frozen=True)
class Text:
    """A small file of an archive: its name there and its text."""

    name: str
    text: str


@dataclass(frozen=True)
class Copy:
    """A file of an archive: its name there, and where it lies. A `packed` one is not packed again."""

    name: str
    path: Path
    packed: bool = False


def write_zip(target: Path, members: Iterable[Text | Copy], epoch: int) -> None:
    """Write a zip of `members`, in their order, all dated `epoch` (UTC)."""
    date = time.gmtime(epoch)[:6]
    with zipfile.ZipFile(target, "w") as archive:
        for member in members:
            info = zipfile.ZipInfo(member.name, date)
            info.external_attr = 0o100644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            if isinstance(member, Text):
                archive.writestr(info, member.text)
                continue
            if member.packed:
                info.compress_type = zipfile.ZIP_STORED
            info.file_size = member.path.stat().st_size
            with member.path.open("rb") as source, archive.open(info, "w") as sink:
                copyfileobj(source, sink, _CHUNK)


def add_to_tar(archive: tarfile.TarFile, name: str, source: IO[bytes], size: int, epoch: int) -> None:
    """Add a plain file of nobody in particular to a tar archive, `size` bytes read from `source`."""
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, epoch, 0o644
    archive.addfile(info, source)
