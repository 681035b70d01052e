"""What the administrator should know on every page: sentences with a level, some with the button to press."""

from typing import Literal

from pydantic import BaseModel

from lbadmin.errors import UnavailableError
from lbadmin.haproxy import HAProxy
from lbadmin.reset import is_requested
from lbadmin.system import System

Level = Literal["info", "warning", "danger"]
Action = Literal["restart-haproxy", "change-password"]


class Message(BaseModel):
    """One sentence; `action` names what mends it, where one click can."""

    level: Level
    text: str
    action: Action | None = None


FACTORY_PASSWORD = Message(
    level="danger",
    text="The factory password is in use: anybody who knows this product can log in. Change the password.",
    action="change-password",
)


RESET = Message(
    level="danger",
    text="A factory reset was asked for: with the next start, configuration, passwords and keys are removed.",
)


def messages_of(system: System, haproxy: HAProxy, *, factory_password: bool) -> list[Message]:
    """Return what there is to tell now, the gravest first."""
    messages = [FACTORY_PASSWORD] if factory_password else []
    messages += [RESET] if is_requested(system) else []
    try:
        haproxy.worker("show version")
        messages += _old_workers(haproxy)
    except UnavailableError as error:
        messages.append(Message(level="danger", text=f"{error.sentence}.", action="restart-haproxy"))
    order: tuple[Level, ...] = ("danger", "warning", "info")
    return sorted(messages, key=lambda message: order.index(message.level))


def _old_workers(haproxy: HAProxy) -> list[Message]:
    connections = sum(worker.connections for worker in haproxy.old_workers())
    if not connections:
        return []
    many = "1 connection still uses" if connections == 1 else f"{connections} connections still use"
    text = f"{many} the previous settings; Restart HAProxy to end what is left of them."
    return [Message(level="info", text=text, action="restart-haproxy")]
