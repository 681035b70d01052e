"""What users and API keys may do, by their role: the one place that decides it, closed by default.

Reading is for every role; every other request is for administrators, unless its operation is named here. So
a route that nobody thought of here is an administrator's.
"""

from typing import Literal, get_args

Role = Literal["administrator", "operator", "read-only"]
ROLES: tuple[Role, ...] = get_args(Role)

OPEN = frozenset({"openSession", "isMember"})
"""Operations that need no login: they are the login, or ask for a secret of their own."""

EVERYBODY = frozenset({"closeSession", "putPassword"})
"""Operations that change something and are for every role; the password is one's own (api/users.py)."""

OPERATORS = frozenset(
    f"put{layer}{what}State" for layer in ("", "Layer4") for what in ("RealServer", "VirtualService")
)
"""Operations that change something and are for operators, too."""

SAFE_METHODS = frozenset({"GET", "HEAD"})
"""Methods that change nothing (RFC 9110, 9.2.1), of those that there are routes for."""


def may(role: Role, method: str, operation: str | None) -> bool:
    """Tell whether a role may carry out a request, by its method and its route's `operation_id`."""
    if role == "administrator" or method in SAFE_METHODS or operation in EVERYBODY:
        return True
    return role == "operator" and operation in OPERATORS
