"""Builds the yardstick of `make bench`: the same daemons in an image as mkosi makes it untuned."""

import sys
from pathlib import Path

from image.build import Build, compress, mkosi_command, mkosi_major, run_logged, write_sources


def build_plain(out: Path) -> None:
    """Build plain.raw and plain.qcow2 anew in `out`, packaged as the appliance is. Raises `BuildError`."""
    tree = Path(__file__).resolve().parent
    build = Build(tree.parent, out, "0", 0)
    out.mkdir(parents=True, exist_ok=True)
    write_sources(build)
    command = mkosi_command(build, mkosi_major(), tree / "plain", incremental=False)
    run_logged(command, out / "mkosi.log", cwd=tree / "plain")
    compress(out / "plain.raw", out / "plain.qcow2")


if __name__ == "__main__":
    build_plain(Path(sys.argv[1]).resolve())
