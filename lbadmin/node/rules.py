"""What values of a NodeConfig must be to each other, and which changes could cut off who makes them."""

from collections.abc import Callable, Iterator

from lbadmin.addresses import Address, not_unicast
from lbadmin.errors import Fault
from lbadmin.model import NodeConfig


def node_faults(node: NodeConfig) -> Iterator[Fault]:
    """Yield what contradicts itself."""
    for rule in RULES:
        yield from rule(node)


def could_cut_off(old: NodeConfig, new: NodeConfig) -> bool:
    """Tell whether a change of the node could end the connection of the administrator who makes it.

    What is only added can't.
    """
    after = {each.name: each for each in new.interfaces}
    kept = all(
        each.name in after
        and set(each.addresses) <= set(after[each.name].addresses)
        and each.model_copy(update={"addresses": after[each.name].addresses}) == after[each.name]
        for each in old.interfaces
        if each.addresses
    )
    return (
        not kept
        or (old.gateway is not None and old.gateway != new.gateway)
        or old.routes != new.routes
        or old.firewall != new.firewall
    )


def _interfaces(node: NodeConfig) -> Iterator[Fault]:
    names: set[str] = set()
    owners: dict[Address, str] = {}
    for number, interface in enumerate(node.interfaces):
        if interface.name in names:
            yield Fault(
                f"interfaces.{number}.name",
                interface.name,
                f"interface {interface.name} is there twice; name each interface once",
            )
        names.add(interface.name)
        for index, address in enumerate(interface.addresses):
            field = f"interfaces.{number}.addresses.{index}"
            reason = not_unicast(address.ip)
            if reason is None and address.ip in owners:
                reason = f"is also on {owners[address.ip]}; give each address once"
            owners.setdefault(address.ip, interface.name)
            if reason is not None:
                yield Fault(field, str(address), f"address {address.ip} of {interface.name} {reason}")
    if not owners:
        yield Fault("interfaces", None, "interfaces has no address left; keep one to manage this node by")


def _gateway(node: NodeConfig) -> Iterator[Fault]:
    if node.gateway is None:
        return
    addresses = [address for interface in node.interfaces for address in interface.addresses]
    if any(node.gateway == address.ip for address in addresses):
        yield Fault(
            "gateway", str(node.gateway), f"gateway {node.gateway} is this node itself; name the next router"
        )
    elif not any(node.gateway in address.network for address in addresses):
        yield Fault(
            "gateway",
            str(node.gateway),
            f"gateway {node.gateway} is in no subnet of this node; choose one within "
            + (", ".join(str(address.network) for address in addresses) or "an interface's subnet"),
        )


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


def _alerts(node: NodeConfig) -> Iterator[Fault]:
    if node.alerts.email and (node.mail.host is None or node.mail.sender is None or not node.mail.recipients):
        message = "email needs an SMTP relay, a sender and a recipient; set up the SMTP relay first"
        yield Fault("alerts.email", None, message)


RULES: tuple[Callable[[NodeConfig], Iterator[Fault]], ...] = (_interfaces, _gateway, _mail, _alerts)
