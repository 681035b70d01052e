"""The parts of the management plane that tell together how the appliance is."""

from dataclasses import dataclass

from lbadmin.access import Access
from lbadmin.change import Changes
from lbadmin.haproxy import HAProxy
from lbadmin.licensing.licensing import Licensing
from lbadmin.pair.parts import Pair
from lbadmin.system import System
from lbadmin.timekeeping import Clock


@dataclass(frozen=True)
class Parts:
    """What is asked for the status, the messages, the metrics and the alerts."""

    system: System
    changes: Changes
    haproxy: HAProxy
    access: Access
    pair: Pair
    licensing: Licensing
    clock: Clock
