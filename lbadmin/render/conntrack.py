"""The size of the kernel's table of tracked connections, right from the moment that there is one."""

from lbadmin.model import NodeConfig

SYSCTL_CONF = "/etc/sysctl.d/70-lbva-conntrack.conf"
MODPROBE_CONF = "/etc/modprobe.d/lbva-conntrack.conf"
PER_BUCKET = 8
"""With a given hash size the kernel tracks eight times as many (net/netfilter/nf_conntrack_core.c)."""


def render_conntrack(node: NodeConfig) -> dict[str, str]:
    """Return what modprobe gives the module and what systemd-sysctl sets when it is there.

    The kernel rounds the hash up to whole pages, so the maximum is set as well: at boot, at a change, and by
    udev (70-lbva-conntrack.rules) when a firewall rule has loaded the module.
    """
    size = node.firewall_table_size
    buckets = -(-size // PER_BUCKET)
    return {
        MODPROBE_CONF: f"options nf_conntrack hashsize={buckets}\n",
        SYSCTL_CONF: f"-net.netfilter.nf_conntrack_buckets = {buckets}\n"
        f"-net.netfilter.nf_conntrack_max = {size}\n",
    }
