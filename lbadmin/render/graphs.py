"""graphs.conf: what lbva-graphs measures; empty when it is not to run."""

from lbadmin.graphs.settings import GRAPHS_CONF, WITH_SERVERS, WITHOUT_SERVERS
from lbadmin.model import NodeConfig


def render_graphs(node: NodeConfig) -> dict[str, str]:
    """Return graphs.conf by its path."""
    text = WITH_SERVERS if node.graphing.real_servers else WITHOUT_SERVERS
    return {GRAPHS_CONF: text if node.graphing.enabled else ""}
