"""How a front end behaves: as it should, or one of the ways in which real ones fail."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["normal", "slow", "overloaded", "hang", "reset", "refuse"]
"""`slow`: each answer comes late. `overloaded`: SIP and HTTP requests get 503. `hang`: connections are
accepted, and nothing is said. `reset`: connections are reset, new ones right after they were accepted.
`refuse`: no port is listened on; connections that are open go on. What ends a process is not among them:
harness.front_ends has that."""


@dataclass(frozen=True)
class Behaviour:
    """A way to behave; `delay_s` is for slow, `retry_after_s` for overloaded (RFC 3261 section 20.33)."""

    kind: Kind = "normal"
    delay_s: float = 2.0
    retry_after_s: int = 30


NORMAL = Behaviour()
