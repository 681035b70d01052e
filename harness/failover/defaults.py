"""keepalived as a person sets it up by its defaults, on the appliances themselves: the yardstick.

The same machines, HAProxy and clients; of keepalived.conf only what keepalived's own samples have
(doc/samples/keepalived.conf.sample: multicast, advertisements once a second, nothing tracked).
"""

from harness import topology
from harness.at_once import at_once
from harness.clients import clients
from harness.deadline import Deadline
from harness.libvirt_machine import LibvirtMachine
from harness.pair import NAMES, Pair

SNAPSHOT = "defaults"
_PRIORITIES = dict(zip(NAMES, (("MASTER", 101), ("BACKUP", 100)), strict=True))
_APPLY = "cat > /etc/keepalived/keepalived.conf && systemctl restart keepalived"


def configuration(name: str) -> str:
    """keepalived.conf of a node."""
    state, priority = _PRIORITIES[name]
    return f"""vrrp_instance VI_1 {{
    state {state}
    interface eth{topology.MACHINE_NETWORKS.index(topology.SERVICE)}
    virtual_router_id 51
    priority {priority}
    advert_int 1
    virtual_ipaddress {{
        {topology.VIP}
    }}
}}
"""


def set_up(pair: Pair, deadline: Deadline) -> None:
    """Put keepalived's defaults on both nodes and keep them as a snapshot.

    lbadmind does not notice: it writes keepalived.conf at changes only. Any other snapshot of the pair brings
    the appliance's own configuration back.
    """
    at_once(lambda machine: _apply(machine, deadline), pair.machines)
    deadline.wait_until(lambda: holders(pair) == [NAMES[0]], "the defaults to elect their master")
    clients(pair.lab, 1)[0].wait_until_served(deadline)
    for machine in reversed(pair.machines):
        machine.freeze()
    at_once(lambda machine: machine.keep(SNAPSHOT), pair.machines)


def _apply(machine: LibvirtMachine, deadline: Deadline) -> None:
    machine.run(_APPLY, data=configuration(machine.name), timeout_s=deadline.remaining())


def holders(pair: Pair) -> list[str]:
    """The machines that have the virtual address."""
    command = f"ip -brief address show to {topology.VIP}"
    return [machine.name for machine in pair.machines if machine.run(command).stdout.strip()]
