"""What values of a NodeConfig must be to each other, and which changes could cut off who makes them."""

from collections.abc import Callable, Iterator

from lbadmin.errors import Fault
from lbadmin.model import NodeConfig
from lbadmin.node.reach import could_lose_reach
from lbadmin.node.rules_network import network_faults
from lbadmin.node.snmp import snmp_faults


def node_faults(node: NodeConfig) -> Iterator[Fault]:
    """Yield what contradicts itself."""
    for rule in RULES:
        yield from rule(node)


def could_cut_off(old: NodeConfig, new: NodeConfig) -> bool:
    """Tell whether a change of the node could end the connection of the administrator who makes it."""
    return could_lose_reach(old, new) or old.firewall != new.firewall


def _mail(node: NodeConfig) -> Iterator[Fault]:
    mail = node.mail
    if mail.host is not None and mail.sender is None:
        message = "sender of the SMTP relay is missing; name the address that the mails come from"
        yield Fault("mail.sender", None, message)
    if mail.user is None and mail.password is not None:
        message = "password of the SMTP relay has no user; name the user, or leave the password out"
        yield Fault("mail.password", None, message)
    if mail.user is not None and mail.password is None:
        message = f"password of {mail.user} at the SMTP relay is missing; give it, or leave the user out"
        yield Fault("mail.password", None, message)
    if mail.user is not None and mail.security == "none":
        message = (
            f"security none would send the password of {mail.user} in clear; choose starttls or tls, or "
            "leave the user out"
        )
        yield Fault("mail.security", mail.security, message)


def _snmp(node: NodeConfig) -> Iterator[Fault]:
    yield from snmp_faults(node.snmp)


def _alerts(node: NodeConfig) -> Iterator[Fault]:
    if node.alerts.email and (node.mail.host is None or node.mail.sender is None or not node.mail.recipients):
        message = "email needs an SMTP relay, a sender and a recipient; set up the SMTP relay first"
        yield Fault("alerts.email", None, message)


RULES: tuple[Callable[[NodeConfig], Iterator[Fault]], ...] = (
    network_faults,
    _mail,
    _snmp,
    _alerts,
)
