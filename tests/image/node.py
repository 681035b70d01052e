"""A whole appliance natively, in namespaces of its own: the shipped systemd starts the shipped daemons.

Run as root in the network that the appliance is to be in, which has a bridge for each of its interfaces:

    python -m tests.image.node --root DIR --software LAYER --name lb2 \\
        --nic management=192.168.2.22/24 --nic service=192.168.10.22/24

DIR holds what the appliance's data partition does, and stays; all else is in memory and ends with this
process. The addresses are its first configuration; one that DIR holds already is left as it is.
"""

import argparse
import os
import uuid
from ipaddress import ip_interface
from pathlib import Path

from lbadmin.store import Store
from tests.image.software import ROOTFS

CGROUPS = Path("/sys/fs/cgroup/unified")
OUTER = 9

# In the node's namespaces. $1 DIR, $2 the layer, $3 build/rootfs, then outer name, bridge and MAC address of
# each interface; the outer network is open as 9. /sys is read-only, so systemd leaves devices alone.
_ENTER = r"""
root=$1 layer=$2 rootfs=$3; shift 3
outer=/proc/self/fd/9
number=0
while [ $# -gt 0 ]; do
    ip link add "eth$number" address "$3" type veth peer name "$1" netns "$outer"
    nsenter --net="$outer" ip link set "$1" master "$2" up
    number=$((number + 1)); shift 3
done
exec 9>&-
tree=$root/tree
mount --make-rprivate /
mount -t tmpfs -o mode=755 none "$root/memory"
cd "$root/memory"; mkdir upper work
mount -t overlay overlay -o "lowerdir=$layer:$rootfs,upperdir=upper,workdir=work" "$tree"
mkdir -p "$tree/var/lib/lbadmin"
mount --bind "$root/lbadmin" "$tree/var/lib/lbadmin"; mount --bind "$root/log" "$tree/var/log"
cp "$root/machine-id" "$tree/etc/machine-id"
mount -t proc proc "$tree/proc"; mount -t sysfs -o ro sys "$tree/sys"
mount -t cgroup2 cgroup "$tree/sys/fs/cgroup"
# A boot of its own: journald and the pair tell boots apart by it.
cat /proc/sys/kernel/random/uuid > boot-id; mount --bind boot-id "$tree/proc/sys/kernel/random/boot_id"
mount -t tmpfs -o mode=755 none "$tree/run"
mount -t tmpfs -o mode=755 none "$tree/dev"
for device in null zero full random urandom tty; do
    touch "$tree/dev/$device"; mount --bind "/dev/$device" "$tree/dev/$device"
done
mkdir "$tree/dev/pts" "$tree/dev/shm"; ln -s /proc/self/fd "$tree/dev/fd"; ln -s pts/ptmx "$tree/dev/ptmx"
mount -t devpts -o newinstance,ptmxmode=666 none "$tree/dev/pts"; mount -t tmpfs none "$tree/dev/shm"
cd "$tree"
# Those of a network alone: all others are the build machine's own. A kernel without IPv6 has fewer.
sed -n 's/^\(net[.][^ ]*\) *= */\1=/p' usr/lib/sysctl.d/*lbva*.conf | while IFS='=' read -r key value; do
    file=proc/sys/$(echo "$key" | tr . /)
    [ ! -e "$file" ] || echo "$value" > "$file" || echo "$key could not be set" >&2
done
pivot_root . mnt; umount -l /mnt
# As systemd has it on a machine: what it mounts for a service, like credentials, is seen here, too.
mount --make-rshared /
exec env -i container=lbva PATH=/usr/sbin:/usr/bin chroot . /usr/lib/systemd/systemd --log-target=console
"""


def prepare(root: Path, name: str, addresses: list[str]) -> None:
    """Make what the data partition of a new appliance with these addresses holds; keep what is there."""
    for folder in ("tree", "memory", "log"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    # As tmpfiles.d has it: the daemons' own folders below it are closed one by one.
    (root / "lbadmin").mkdir(mode=0o711, exist_ok=True)
    machine_id = root / "machine-id"
    if not machine_id.exists():
        machine_id.write_text(f"{uuid.uuid4().hex}\n")
    nodes = Store(root / "lbadmin/node")
    if not nodes.numbers():
        interfaces = [{"name": f"eth{n}", "addresses": [each]} for n, each in enumerate(addresses)]
        nodes.commit({"hostname": name, "interfaces": interfaces}, "root", "addresses")


def _mac(address: str) -> str:
    """Return the interface's own, as a machine keeps it when its power is cut: others remember it."""
    return ":".join(f"{byte:02x}" for byte in (0x02, 0, *ip_interface(address).ip.packed[:4]))


def main() -> None:
    """Enter the namespaces and become the node's systemd."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--software", type=Path, required=True, help="made by tests.image.software")
    parser.add_argument("--name", required=True)
    parser.add_argument("--nic", action="append", required=True, metavar="BRIDGE=ADDRESS/PREFIX")
    options = parser.parse_args()
    nics = [nic.partition("=") for nic in options.nic]
    prepare(options.root, options.name, [address for _, _, address in nics])
    group = CGROUPS / f"lbva-{options.name}-{os.getpid()}"
    group.mkdir()
    (group / "cgroup.procs").write_text(str(os.getpid()))
    os.dup2(os.open("/proc/self/ns/net", os.O_RDONLY), OUTER)
    links = [
        word
        for n, (bridge, _, address) in enumerate(nics)
        for word in (f"{options.name}-eth{n}", bridge, _mac(address))
    ]
    namespaces = ("--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup")
    os.execvp(  # noqa: S606 - an argument list needs no shell
        "unshare",
        [
            "unshare", *namespaces, "--fork", "--kill-child=KILL",
            "sh", "-ec", _ENTER, "node",
            str(options.root), str(options.software), str(ROOTFS), *links,
        ],
    )  # fmt: skip


if __name__ == "__main__":
    main()
