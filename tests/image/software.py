"""The appliance's software for nodes: the working tree over build/rootfs, as the image has it over Debian.

A copy, made once: what is edited while a test runs does not reach its nodes.
"""

import argparse
import shutil
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
ROOTFS = REPOSITORY / "build/rootfs"
PACKAGES = "usr/lib/python3/dist-packages"

NOT_HERE = (
    "lbva-grow-data.service",
    "lbva-coldplug.service",
    "systemd-udevd.service",
    "systemd-udev-trigger.service",
    "getty@tty1.service",
    "console-getty.service",
    "ssh.socket",
    "lbadmin-hostkey.service",
    # It would set what is the build machine's own; a node's network has its values from node.py.
    "systemd-sysctl.service",
)
"""Units for a machine's hardware and logins, of which a namespace has none."""

_DROP_INS = {
    # The build machine may not allow the 80,000 file descriptors of the factory's 40,000 connections.
    "haproxy": """[Service]
Environment="EXTRAOPTS=-n 1000 -S /run/haproxy-master.sock"
""",
    # keepalived hears of processes through a socket that the kernel has in its first network alone, and takes
    # all tracked ones for dead without it. That lbadmind watches HAProxy, too, holds here as well.
    "keepalived": """[Service]
ExecStart=
ExecStartPre=/bin/sh -c "sed '/track_process/,/}/d' /etc/keepalived/keepalived.conf > /run/keepalived.native"
ExecStart=/usr/sbin/keepalived --dont-fork --use-file=/run/keepalived.native
ExecReload=
ExecReload=/bin/sh -c "sed '/track_process/,/}/d' /etc/keepalived/keepalived.conf > /run/keepalived.native"
ExecReload=/bin/sh -c "kill -HUP $MAINPID"
""",
}

_FINISH = """
mount -t overlay overlay -o "lowerdir=$3,upperdir=$1,workdir=$2" "$4"
mount -t proc proc "$4/proc"; mount --rbind /dev "$4/dev"
rm -rf "$4/$6/lbadmin"; cp -r "$5/lbadmin" "$4/$6"; find "$4/$6/lbadmin" -name __pycache__ -exec rm -r {} +
chroot "$4" systemd-sysusers
chroot "$4" systemctl preset-all
chroot "$4" python3 -m compileall -q --invalidation-mode unchecked-hash /usr/lib/python3/dist-packages/lbadmin
chroot "$4" python3 -I -m lbadmin.boot --make-factory /usr/lib/lbadmin/factory
"""
"""What image/mkosi.finalize and mkosi itself do to the tree, for what nodes need of it."""


def make(folder: Path, source: Path = REPOSITORY) -> Path:
    """Lay overlay/ and lbadmin/ of `source` out in `folder`; return the layer that goes over build/rootfs."""
    layer, work, mounted = folder / "layer", folder / "work", folder / "mounted"
    shutil.copytree(source / "overlay", layer, symlinks=True)
    for unit in NOT_HERE:
        mask = layer / "etc/systemd/system" / unit
        mask.unlink(missing_ok=True)
        mask.symlink_to("/dev/null")
    for service, text in _DROP_INS.items():
        place = layer / f"etc/systemd/system/{service}.service.d"
        place.mkdir()
        (place / "native.conf").write_text(text)
    for made in (work, mounted):
        made.mkdir()
    places = [str(layer), str(work), str(ROOTFS), str(mounted), str(source), PACKAGES]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", _FINISH, "software", *places],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the software of {source} could not be laid out: {done.stdout}")
    return layer


def main() -> None:
    """Make the software in an empty folder and say where the layer is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--source", type=Path, default=REPOSITORY)
    options = parser.parse_args()
    options.folder.mkdir(parents=True)
    print(make(options.folder, options.source))


if __name__ == "__main__":
    main()
