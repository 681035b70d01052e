"""The daemons of layer 4: whether those run that have something to do."""

from collections.abc import Iterator

from lbadmin.activate import Rendering
from lbadmin.errors import UnavailableError
from lbadmin.messages import Message
from lbadmin.render.layer4 import LAYER4_CONF, layer4_services
from lbadmin.render.layer4_checks import CHECKS_CFG, CHECKS_SOCKET
from lbadmin.statistics import ask
from lbadmin.system import System

LAYER4_PID = "/run/lbva-layer4/keepalived.pid"
ANSWER_TIMEOUT_S = 5.0

_REMEDY = "It is started again by itself; if this stays, see the logs of layer 4, then restart the appliance."


def layer4_messages(system: System, rendering: Rendering) -> Iterator[Message]:
    """Yield what is wrong, by what is in effect: nothing as a rule, and without layer 4 services."""
    files = rendering.files
    marked = [each.label for each in layer4_services(rendering.cluster) if each.protocol == "mark"]
    if marked and rendering.node.firewall.script is None:
        text = f"No firewall script marks packets on this node, so it serves nobody by {', '.join(marked)}."
        yield Message(level="warning", text=f"{text} Save one in Local Configuration, Firewall Script.")
    if files[LAYER4_CONF] and not system.runs(LAYER4_PID):
        text = "lbva-layer4 does not run, so layer 4 goes on with real servers that fail."
        yield Message(level="danger", text=f"{text} {_REMEDY}")
    if files[CHECKS_CFG] and not _answers(system):
        text = "lbva-checks does not answer, so all checked real servers of layer 4 count as down."
        yield Message(level="danger", text=f"{text} {_REMEDY}")


def _answers(system: System) -> bool:
    try:
        ask(str(system.path(CHECKS_SOCKET)), "show version", ANSWER_TIMEOUT_S)
    except UnavailableError:
        return False
    return True
