"""From the documents to the files that the daemons read: pure functions, same input, same text."""

from lbadmin.model import ClusterConfig, NodeConfig
from lbadmin.pair.model import PairConfig, joined
from lbadmin.render.conntrack import render_conntrack
from lbadmin.render.firewall import render_firewall
from lbadmin.render.graphs import render_graphs
from lbadmin.render.haproxy import render_beside, render_haproxy
from lbadmin.render.keepalived import render_keepalived
from lbadmin.render.layer4 import render_layer4
from lbadmin.render.layer4_checks import render_layer4_checks
from lbadmin.render.layer4_rules import render_layer4_rules
from lbadmin.render.layer4_sync import render_layer4_sync
from lbadmin.render.network import render_network
from lbadmin.render.peer import render_peer
from lbadmin.render.snmp import render_snmp
from lbadmin.render.ssh import render_ssh
from lbadmin.render.syslog import render_syslog
from lbadmin.render.time import render_time

HAPROXY_CFG = "/etc/haproxy/haproxy.cfg"
KEEPALIVED_CONF = "/etc/keepalived/keepalived.conf"


def render(cluster: ClusterConfig, node: NodeConfig, pair: PairConfig | None = None) -> dict[str, str]:
    """Return the text of every rendered file by its absolute path on the appliance."""
    return {
        HAPROXY_CFG: render_haproxy(cluster, joined(pair)),
        **render_beside(cluster),
        KEEPALIVED_CONF: render_keepalived(cluster, node, joined(pair)),
        **render_layer4(cluster),
        **render_layer4_checks(cluster),
        **render_layer4_rules(cluster, node, joined(pair)),
        **render_layer4_sync(cluster, node, joined(pair)),
        **render_network(node),
        **render_graphs(node),
        **render_peer(pair),
        **render_time(node),
        **render_syslog(node),
        **render_conntrack(node),
        **render_firewall(node.firewall, pair),
        **render_ssh(node.ssh),
        **render_snmp(node),
    }
