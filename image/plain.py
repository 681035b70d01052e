"""Builds the yardstick of `make bench`: the same daemons in an image as mkosi makes it untuned."""

import sys
from pathlib import Path

from image.build import Build, mkosi_command, mkosi_major, run_logged, write_sources


def build_plain(out: Path) -> Path:
    """Build the plain image anew into `out` and return its disk. Raises `BuildError`."""
    tree = Path(__file__).resolve().parent
    build = Build(tree.parent, out, "0", 0)
    out.mkdir(parents=True, exist_ok=True)
    write_sources(build)
    command = mkosi_command(build, mkosi_major(), tree / "plain", incremental=False)
    run_logged(command, out / "mkosi.log", cwd=tree / "plain")
    return out / "plain.raw"


if __name__ == "__main__":
    build_plain(Path(sys.argv[1]).resolve())
