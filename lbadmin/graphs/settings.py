"""What lbadmind tells lbva-graphs by files, and where the two meet HAProxy."""

GRAPHS_CONF = "/etc/lbadmin/graphs.conf"
"""Rendered; empty when nothing is to be measured."""
WITH_SERVERS = "real-servers yes\n"
WITHOUT_SERVERS = "real-servers no\n"

GRAPHS_SOCKET = "/run/haproxy/graphs.sock"
"""HAProxy's statistics, and nothing else of it, for the group of lbva-graphs."""
LAYER4_FILE = "/run/lbadmin/layer4.json"
"""What layer 4 carries, by the ids of graphs: written by lbadmind, read with each sample."""
GRAPHS_GROUP = "lbva-graphs"
