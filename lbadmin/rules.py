"""What values of the two documents must be to each other. What one value must be is in `model`."""

from lbadmin.document import parse_as
from lbadmin.errors import DuplicateError, RefusedError
from lbadmin.model import ClusterConfig, NodeConfig
from lbadmin.node.rules import node_faults
from lbadmin.rules_balancing import balancing_faults, duplicate_helpers
from lbadmin.rules_checks import check_faults
from lbadmin.rules_layer4 import duplicate_marks, layer4_faults
from lbadmin.rules_services import duplicate_services, service_faults


def parse_cluster(document: object) -> ClusterConfig:
    """Return the raw document as a ClusterConfig; raises RefusedError with a sentence per fault."""
    return parse_as(ClusterConfig, document)


def parse_node(document: object) -> NodeConfig:
    """Return the raw document as a NodeConfig; raises RefusedError with a sentence per fault."""
    return parse_as(NodeConfig, document)


def check_rules(cluster: ClusterConfig, node: NodeConfig) -> None:
    """Raise DuplicateError or RefusedError when the documents contradict themselves or each other."""
    duplicates = [*duplicate_services(cluster), *duplicate_helpers(cluster), *duplicate_marks(cluster)]
    if duplicates:
        raise DuplicateError(duplicates)
    faults = [
        *service_faults(cluster, node),
        *balancing_faults(cluster),
        *layer4_faults(cluster, node),
        *check_faults(cluster),
        *node_faults(node),
    ]
    if faults:
        raise RefusedError(faults)
