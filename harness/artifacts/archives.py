"""Tar and zip archives of plain files, unpacked with suspicion."""

import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from harness.errors import LabError

_DAMAGES = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError)


@contextmanager
def reading(archive: Path) -> Iterator[None]:
    """Turn what the libraries raise over a damaged archive into LabError."""
    try:
        yield
    except _DAMAGES as error:
        raise LabError(f"{archive.name} is damaged: {error}", "copy or build it again") from error


def extract_tar(archive: Path, folder: Path) -> list[str]:
    """Unpack a tar archive, compressed or not, into `folder`; returns its members' names in order.

    Holes of its sparse files become holes.
    """
    names = []
    with reading(archive), tarfile.open(archive) as tar:
        # Without filters (before Python 3.11.4), the check below is the only one.
        tar.extraction_filter = getattr(tarfile, "data_filter", None)
        for member in tar:
            if not member.isfile():
                raise LabError(f"{member.name} in {archive.name} is no plain file", "build it again")
            check_name(member.name, archive)
            tar.extract(member, folder, set_attrs=False)
            names.append(member.name)
    return names


def extract_zip(archive: Path, folder: Path) -> list[str]:
    """Unpack a zip archive into `folder`; returns its files' names in order."""
    names = []
    with reading(archive), zipfile.ZipFile(archive) as packed:
        for member in packed.infolist():
            check_name(member.filename, archive)
            if member.is_dir():
                continue
            target = folder / member.filename
            target.parent.mkdir(parents=True, exist_ok=True)
            with packed.open(member) as source, target.open("xb") as sink:
                shutil.copyfileobj(source, sink, 2**20)
            names.append(member.filename)
    return names


def check_name(name: str, archive: Path) -> None:
    """Raise LabError when a member's name leads out of the folder that it is unpacked into."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name:
        raise LabError(
            f"{name!r} in {archive.name} leads out of the folder it is unpacked into", "don't use it"
        )
