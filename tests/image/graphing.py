"""lbva-graphs as it ships, natively: as its own user, over the image's tree, on an appliance's state."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from lbadmin.graphs.protocol import SOCKET
from tests.image.conftest import ROOTFS, Appliance
from tests.image.servers import wait_until

SOURCE = Path(__file__).parents[2] / "lbadmin"

# A layer over the tree, in memory: it goes when the program ends.
_ENTER = """
mount -t tmpfs none "$2"; mkdir "$2/upper" "$2/work" "$2/all"
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/all"
for folder in run etc/haproxy etc/lbadmin var/lib/lbadmin; do
    mkdir -p "$2/all/$folder" "$0/$folder"; mount --bind "$0/$folder" "$2/all/$folder"
done
packages=$2/all/usr/lib/python3/dist-packages; rm -rf "$packages/lbadmin"; cp -r "$3" "$packages/lbadmin"
chmod -R a+rX "$packages/lbadmin"
mount -t proc proc "$2/all/proc"; mount --rbind /dev "$2/all/dev"
tree=$2/all; shift 3; exec chroot "$tree" "$@"
"""
USER = "lbva-graphs"
_AS_USER = ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--no-new-privs")


def inside(root: Path, *command: str) -> list[str]:
    """Return the command that runs a program of the tree on the state below a root."""
    layer = root / "layer"
    layer.mkdir(exist_ok=True)
    return [
        "unshare",
        "--mount",
        "sh",
        "-ec",
        _ENTER,
        str(root),
        str(ROOTFS),
        str(layer),
        str(SOURCE),
        *command,
    ]


def python(root: Path, script: str) -> str:
    """Run a script with the tree's Python, and our source; return what it prints."""
    done = subprocess.run(
        inside(root, "python3", "-I", "-c", script), check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextlib.contextmanager
def lbva_graphs(appliance: Appliance) -> Iterator[subprocess.Popen[bytes]]:
    """Run lbva-graphs on the appliance until the block ends."""
    entry = (ROOTFS / "etc/passwd").read_text().partition(f"\n{USER}:")[2].split(":")
    for name in ("var/lib/lbadmin/graphs", "run/lbva-graphs"):
        folder = appliance.root / name
        folder.mkdir(exist_ok=True)
        for path in (folder, *folder.iterdir()):
            os.chown(path, int(entry[1]), int(entry[2]))
    command = inside(appliance.root, *_AS_USER, "python3", "-I", "-m", "lbadmin.graphs")
    with (appliance.root / "run/lbva-graphs.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until((appliance.root / SOCKET.lstrip("/")).exists, what="lbva-graphs")
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
