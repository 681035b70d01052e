"""A person at a terminal of 80 columns and 24 rows: types, and reads what stands on its screen."""

import os
import re
import select
from collections.abc import Callable, Iterator

from harness.deadline import Deadline, DeadlineExceededError
from harness.errors import LabError

COLUMNS, ROWS = 80, 24
ENTER, ESCAPE, UP, DOWN, RIGHT = "\r", "\x1b", "\x1b[A", "\x1b[B", "\x1b[C"
BACK_TAB, CTRL_U = "\x1b[Z", "\x15"

_SEQUENCE = re.compile(r"\x1b(?:\[([?>=]?)([0-9;]*)([A-Za-z@`])|[()]([A-Za-z0-9])|([78=>cDMEH]))")
_HALF = re.compile(r"\x1b(?:\[[?>=]?[0-9;]*|[()])?$")


class Screen:
    """What a VT100 shows of all that was written to it; colours and modes are passed over."""

    def __init__(self) -> None:
        self._rows = [[" "] * COLUMNS for _ in range(ROWS)]
        self._row = self._column = 0
        self._left = ""

    @property
    def text(self) -> str:
        """The rows as they stand, without blanks at their ends."""
        return "\n".join("".join(row).rstrip() for row in self._rows)

    def write(self, text: str) -> None:
        """Show a text; a sequence that is not whole waits for the rest."""
        text = self._left + text
        half = _HALF.search(text)
        self._left = text[half.start() :] if half else ""
        for part in _parts(text[: len(text) - len(self._left)]):
            if isinstance(part, str):
                self._put(part)
            else:
                self._obey(part)

    def _put(self, char: str) -> None:
        match char:
            case "\r":
                self._column = 0
            case "\n":
                self._line_feed()
            case "\b":
                self._column = max(0, self._column - 1)
            case _ if char.isprintable():
                if self._column == COLUMNS:
                    self._column = 0
                    self._line_feed()
                self._rows[self._row][self._column] = char
                self._column += 1

    def _line_feed(self) -> None:
        if self._row < ROWS - 1:
            self._row += 1
        else:
            self._rows = [*self._rows[1:], [" "] * COLUMNS]

    def _obey(self, sequence: re.Match[str]) -> None:
        private, given, command = sequence[1], sequence[2], sequence[3]
        if private or command is None:
            return
        numbers = [int(each or 0) for each in given.split(";")]
        first = max(1, numbers[0])
        match command:
            case "H" | "f":
                second = numbers[1] if len(numbers) > 1 else 1
                self._row, self._column = min(first, ROWS) - 1, min(max(1, second), COLUMNS) - 1
            case "A":
                self._row = max(0, self._row - first)
            case "B":
                self._row = min(ROWS - 1, self._row + first)
            case "C":
                self._column = min(COLUMNS - 1, self._column + first)
            case "D":
                self._column = max(0, self._column - first)
            case "J" if numbers[0] == 2:  # noqa: PLR2004 - ECMA-48, ED: all of the screen
                self._rows = [[" "] * COLUMNS for _ in range(ROWS)]
            case "J":
                self._erase_line()
                self._rows[self._row + 1 :] = [[" "] * COLUMNS for _ in range(ROWS - self._row - 1)]
            case "K":
                self._erase_line()

    def _erase_line(self) -> None:
        self._rows[self._row][self._column :] = [" "] * (COLUMNS - self._column)


def _parts(text: str) -> Iterator[str | re.Match[str]]:
    """Yield the text's characters and control sequences."""
    at = 0
    while at < len(text):
        sequence = _SEQUENCE.match(text, at)
        yield sequence or text[at]
        at = sequence.end() if sequence else at + 1


class Terminal:
    """A keyboard and a screen on an open file or socket."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._screen = Screen()

    @property
    def text(self) -> str:
        """What stands on the screen now."""
        self._read(0.0)
        return self._screen.text

    def type(self, text: str) -> None:
        """Type, as fast as the line takes it."""
        os.write(self._descriptor, text.encode())

    def wait_for(self, text: str, deadline: Deadline) -> str:
        """Wait until a text stands on the screen, and return all of it."""
        self._wait(lambda: text in self._look(), f"{text!r} on the terminal", deadline)
        return self._screen.text

    def wait_for_none(self, text: str, deadline: Deadline) -> None:
        """Wait until a text has gone from the screen."""
        self._wait(lambda: text not in self._look(), f"{text!r} to go from the terminal", deadline)

    def _wait(self, condition: Callable[[], bool], what: str, deadline: Deadline) -> None:
        try:
            deadline.wait_until(condition, what, interval_s=0.0)
        except DeadlineExceededError as error:
            raise LabError(f"{error.message}; on it stands:\n{self._screen.text}") from error

    def _look(self) -> str:
        self._read(0.1)
        return self._screen.text

    def _read(self, timeout_s: float) -> None:
        while select.select([self._descriptor], [], [], timeout_s)[0]:
            try:
                data = os.read(self._descriptor, 65536)
            except OSError:  # a closed pseudo-terminal
                return
            if not data:
                return
            self._screen.write(data.decode("ascii", "replace"))
            timeout_s = 0.0
