"""Builds the yardstick of `make bench`: the same daemons in an image as mkosi makes it untuned."""

import sys
from pathlib import Path

from image.build import Build, mkosi_command, mkosi_major, run_logged, write_sources
from image.disk import digest
from image.formats import convert


def build_plain(out: Path) -> None:
    """Build plain.raw and plain.vmdk anew in `out`, packed as the appliance is. Raises `BuildError`."""
    tree = Path(__file__).resolve().parent
    build = Build(tree.parent, out, "0", 0)
    out.mkdir(parents=True, exist_ok=True)
    write_sources(build)
    command = mkosi_command(build, mkosi_major(), tree / "plain", incremental=False)
    run_logged(command, out / "mkosi.log", cwd=tree / "plain")
    convert.vmdk(out / "plain.raw", out / "plain.vmdk", digest(out / "plain.raw"))


if __name__ == "__main__":
    build_plain(Path(sys.argv[1]).resolve())
