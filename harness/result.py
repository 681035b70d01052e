"""How a command ended, wherever it ran."""

from dataclasses import dataclass

from harness.errors import LabError


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it wrote."""

    command: str
    status: int
    stdout: str
    stderr: str


class CommandFailedError(LabError):
    """A command ended with a status other than 0; `result` has what it wrote."""

    def __init__(self, result: Result) -> None:
        output = (result.stderr.strip() or result.stdout.strip())[-2000:]
        super().__init__(f"{result.command!r} ended with status {result.status}: {output}")
        self.result = result
