"""virt-v2v and libguestfs, which import virtual appliances for a living, in a tree of their own."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from harness.errors import LabError
from harness.state import REPOSITORY
from image.build import Build, mkosi_command, mkosi_major, run_logged, write_sources
from image.errors import BuildError

_CONFIG = Path(__file__).parent
_OUT = REPOSITORY / "build" / "guestfs"
INSIDE = Path("/mnt")
"""Where the programs find the folder that they work on."""


def tree() -> Path:
    """The tree with the programs; it is built when it is missing, which takes a minute or two."""
    made, stamp = _OUT / "tree", _OUT / "stamp"
    wanted = (_CONFIG / "mkosi.conf").read_text(encoding="utf-8")
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        _OUT.mkdir(parents=True, exist_ok=True)
        build = Build(REPOSITORY, _OUT, "0", 0)
        try:
            write_sources(build)
            command = mkosi_command(build, mkosi_major(), _CONFIG, incremental=False)
            run_logged(command, _OUT / "mkosi.log", cwd=_CONFIG)
        except BuildError as error:
            raise LabError(f"the tree with virt-v2v can't be built: {error}", "see its log") from error
        stamp.write_text(wanted, encoding="utf-8")
    return made


def run(argv: Sequence[str], folder: Path, timeout_s: float) -> str:
    """Run a program of the tree on what lies in `folder`, which it may read at INSIDE; returns its output.

    Raises LabError when it fails.
    """
    # No libvirt there, and no KVM that can be trusted (see harness.accelerator).
    settings = {"LIBGUESTFS_BACKEND": "direct", "LIBGUESTFS_BACKEND_SETTINGS": "force_tcg", "HOME": "/root"}
    sandbox = ["bwrap", "--bind", str(tree()), "/", "--proc", "/proc", "--dev", "/dev"]
    sandbox += ["--tmpfs", "/tmp"]  # noqa: S108 - nobody else's
    sandbox += ["--ro-bind", str(folder), str(INSIDE), "--unshare-pid", "--die-with-parent"]
    sandbox += [word for name, value in settings.items() for word in ("--setenv", name, value)]
    try:
        result = subprocess.run(
            [*sandbox, *argv], capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{argv[0]} took longer than {timeout_s:g} s") from error
    if result.returncode:
        raise LabError(f"{argv[0]} refuses {folder.name}: {result.stderr.strip() or result.stdout.strip()}")
    return result.stdout
