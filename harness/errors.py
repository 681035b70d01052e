"""The lab's one exception and the way a command ends on it."""

import sys
from typing import NoReturn


class LabError(Exception):
    """What went wrong in one sentence, and what to do about it.

    `message` names the thing and the value, `hint` the remedy ("" when there is none to give).
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message}: {hint}" if hint else message)
        self.message = message
        self.hint = hint


def die(message: str, hint: str = "") -> NoReturn:
    """End the command with status 1 and one line on standard error: what, and what to do."""
    sys.exit(f"lab: {message}" + (f" - {hint}" if hint else ""))
