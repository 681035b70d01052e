"""The clock: chronyd's configuration, and the time zone as a link into the tz database."""

from lbadmin.model import NodeConfig

CHRONY_CONF = "/etc/chrony/chrony.conf"
LOCALTIME = "/etc/localtime"


def render_time(node: NodeConfig) -> dict[str, str]:
    """Return chronyd's file, empty without time servers, and what /etc/localtime points to."""
    return {
        CHRONY_CONF: _chrony(node) if node.time.ntp_servers else "",
        LOCALTIME: f"/usr/share/zoneinfo/{node.time.time_zone}",
    }


def _chrony(node: NodeConfig) -> str:
    """chrony.conf(5): nobody is served, and the clock steps with chronyd's first updates alone.

    After that it is slewed, leap seconds too: it neither jumps nor goes back while clients are served.
    """
    lines = [
        *(f"server {server} iburst" for server in node.time.ntp_servers),
        "driftfile /var/lib/chrony/chrony.drift",
        "makestep 1 3",
        "leapsecmode slew",
        "rtcsync",
        "port 0",
        "cmdport 0",
    ]
    return "".join(f"{line}\n" for line in lines)
