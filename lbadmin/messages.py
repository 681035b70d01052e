"""What the administrator should know on every page: sentences with a level, some with the button to press."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import BaseModel, Field

from lbadmin.certificates import leaf_of
from lbadmin.change import Changes
from lbadmin.console.reset import reset_at
from lbadmin.console.taken import taken_of
from lbadmin.errors import RefusedError, UnavailableError
from lbadmin.firewall import refusal
from lbadmin.haproxy import HAProxy
from lbadmin.licensing.licensing import LicenceStatus
from lbadmin.model import ClusterConfig
from lbadmin.reset import is_requested
from lbadmin.system import System
from lbadmin.unattended import REFUSED_FILE
from lbadmin.unconfirmed import NOT_CONFIRMED

Level = Literal["info", "warning", "danger"]
Action = Literal[
    "restart-haproxy",
    "change-password",
    "restart-heartbeat",
    "resolve-conflict",
    "pair",
    "apply-licence",
    "confirm-node",
    "take-note-of-reset",
    "firewall-script",
]

LICENCE_WARNING_DAYS = 7

EXPIRY_WARNING = timedelta(days=30)
"""How long before its end a certificate is warned of: time to have a new one signed."""


class Message(BaseModel):
    """One sentence; `action` names what mends it, where one click can. Both nodes tell what is `shared`."""

    level: Level
    text: str
    action: Action | None = None
    shared: bool = Field(default=False, exclude=True)


FACTORY_PASSWORD = Message(
    level="danger",
    text="The factory password is in use: anybody who knows this product can log in. Change the password.",
    action="change-password",
)
RESET = Message(
    level="danger",
    text="A factory reset was asked for: with the next start, configuration, passwords and keys are removed.",
)


def licence_messages(licence: LicenceStatus) -> list[Message]:
    """Return what there is to tell of the trial or the licence: nothing while there is time."""
    texts: list[tuple[Level, str]] = []
    if licence.problem is not None:
        texts.append(("warning", f"{licence.problem[0].upper()}{licence.problem[1:]}."))
    days = licence.days_left
    if licence.state == "ended":
        ended = "The trial has ended: balancing goes on, but the configuration can't be changed any more."
        texts.append(("danger", ended))
    elif licence.state == "grace":
        stands = f"This appliance stands in for one of a licensed pair, for {_days(days or 0)} more: "
        texts.append(("warning", f"{stands}apply a licence of its own."))
    elif days is not None and days <= LICENCE_WARNING_DAYS:
        what = "trial" if licence.state == "trial" else "licence"
        texts.append(
            ("warning", f"The {what} ends in {_days(days)}; after that the configuration can't be changed.")
        )
    return [Message(level=level, text=text, action="apply-licence") for level, text in texts]


def clock_messages(silent: Sequence[str]) -> list[Message]:
    """Return a warning for each time server that does not answer."""
    text = "The time server {} does not answer: check its name and the way to it, or name another."
    return [Message(level="warning", text=text.format(name)) for name in silent]


def messages_of(
    changes: Changes, haproxy: HAProxy, others: Sequence[Message], *, factory_password: bool
) -> list[Message]:
    """Return what there is to tell now, with `others`' messages, the gravest first."""
    messages = [FACTORY_PASSWORD] if factory_password else []
    messages += _unconfirmed(changes)
    messages += _firewall(changes.system)
    messages += [_damaged(*each) for each in changes.damaged()]
    messages += _deployment(changes)
    messages += _taken(changes)
    messages += _password_reset(changes.system)
    messages += others
    messages += [RESET] if is_requested(changes.system) else []
    messages += _expiring(changes.system, changes.current.cluster, datetime.now(UTC))
    try:
        haproxy.worker("show version")
        messages += _old_workers(haproxy)
    except UnavailableError as error:
        messages.append(Message(level="danger", text=f"{error.sentence}.", action="restart-haproxy"))
    order: tuple[Level, ...] = ("danger", "warning", "info")
    return sorted(messages, key=lambda message: order.index(message.level))


def _unconfirmed(changes: Changes) -> list[Message]:
    waiting = changes.unconfirmed
    if waiting is None:
        return _taken_back(changes)
    text = f"{waiting.what} by {waiting.who} is taken back in {waiting.seconds_left()} s unless you keep it."
    return [Message(level="danger", text=f"{text[0].upper()}{text[1:]}", action="confirm-node")]


def _deployment(changes: Changes) -> list[Message]:
    """Return what was refused of the network settings that the machine was deployed with."""
    if changes.current.node_revision:
        return []
    try:
        sentence = changes.system.path(REFUSED_FILE).read_text(encoding="utf-8")
    except OSError:
        return []
    return [Message(level="danger", text=f"{sentence[0].upper()}{sentence[1:]}.")] if sentence else []


def _taken(changes: Changes) -> list[Message]:
    own = [str(address.ip) for each in changes.current.node.interfaces for address in each.addresses]
    return [Message(level="danger", text=each.sentence) for each in taken_of(changes.system, own)]


def _password_reset(system: System) -> list[Message]:
    when = reset_at(system)
    if when is None:
        return []
    text = (
        f"The password was reset at the console on {when:%Y-%m-%d at %H:%M} UTC: "
        "if none of you did that, somebody else has been at the machine."
    )
    return [Message(level="warning", text=text, action="take-note-of-reset")]


def _firewall(system: System) -> list[Message]:
    said = refusal(system)
    if said is None:
        return []
    text = f"The firewall script is not in force, as nft refuses it{said}: correct it."
    return [Message(level="danger", text=text, action="firewall-script")]


def _damaged(what: str, number: int, instead: int) -> Message:
    in_effect = f"revision {instead}" if instead else "the factory's"
    text = (
        f"Revision {number} of the {what} configuration is damaged or of a newer version: {in_effect} is in "
        "effect. Look at it; the next change takes the damaged one's place."
    )
    return Message(level="danger", text=text)


def _taken_back(changes: Changes) -> list[Message]:
    """Return what to tell when the node's newest revision is one that took back what nobody confirmed."""
    newest = changes.nodes.read(changes.current.node_revision)
    if newest is None or not newest.what.endswith(NOT_CONFIRMED):
        return []
    what = newest.what.removesuffix(NOT_CONFIRMED).partition(": ")[2]
    text = f"{what} was taken back: nobody kept it within a minute. Make it again, and keep it in time."
    return [Message(level="warning", text=f"{text[0].upper()}{text[1:]}")]


def _expiring(system: System, cluster: ClusterConfig, now: datetime) -> list[Message]:
    """Return a warning for each certificate in use that is over, or soon will be."""
    services: dict[str, list[str]] = {}
    for service in cluster.virtual_services:
        if service.tls_certificate is not None:
            services.setdefault(service.tls_certificate, []).append(service.label)
    messages = []
    for certificate in cluster.certificates:
        if certificate.label not in services:
            continue
        users = ", ".join(services[certificate.label])
        try:
            ends = leaf_of(system, certificate.chain).not_after
        except RefusedError:
            text = f"The certificate {certificate.label} of {users} can't be read: replace it."
            messages.append(Message(level="warning", text=text, shared=True))
            continue
        if ends - now < EXPIRY_WARNING:
            predicate = "expired" if ends < now else f"expires in {_days((ends - now).days)},"
            text = f"The certificate {certificate.label} of {users} {predicate} on {ends:%Y-%m-%d}: renew it."
            messages.append(Message(level="warning", text=text, shared=True))
    return messages


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number} days"


def _old_workers(haproxy: HAProxy) -> list[Message]:
    connections = sum(worker.connections for worker in haproxy.old_workers())
    if not connections:
        return []
    many = "1 connection still uses" if connections == 1 else f"{connections} connections still use"
    text = f"{many} the previous settings; Restart HAProxy to end what is left of them."
    return [Message(level="info", text=text, action="restart-haproxy")]
