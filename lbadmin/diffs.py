"""What differs between two documents, as the lines of a unified diff that a person can read."""

import difflib
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

MAX_LINES = 2_000
"""Lines of a diff that are told: more than anybody reads, and less than 200 kB."""

CONTEXT = 3
"""Lines that stay the same around each difference."""

_FIRST_LABEL = 6
"""Indentation of the labels of a document's outermost objects."""

_HUNK = re.compile(r"@@ -([0-9]+)")
_LABEL = re.compile(r' *"(?:label|name)": "(.*)",?')


def diff(old: Any, new: Any, old_name: str, new_name: str) -> list[str]:  # noqa: ANN401 - JSON is any shape
    """Return the unified diff of two JSON values, no lines when they are the same.

    Each hunk's head names the virtual service or the like that it is in; beyond MAX_LINES lines are left out.
    """
    before, after = pretty(old), pretty(new)
    lines = list(itertools.islice(_unified(before, after, old_name, new_name), MAX_LINES + 1))
    return lines if len(lines) <= MAX_LINES else [*lines[:MAX_LINES], "… more differs than is shown here"]


def pretty(value: Any) -> list[str]:  # noqa: ANN401 - JSON is any shape
    """Return a JSON value line by line; texts of several lines become lists, so that their lines compare."""
    return json.dumps(_unfolded(value), indent=2, ensure_ascii=False).splitlines()


def _unfolded(value: Any) -> Any:  # noqa: ANN401 - JSON is any shape
    if isinstance(value, dict):
        return {name: _unfolded(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_unfolded(part) for part in value]
    return value.splitlines() if isinstance(value, str) and "\n" in value else value


def _unified(before: Sequence[str], after: Sequence[str], old_name: str, new_name: str) -> Iterator[str]:
    for line in difflib.unified_diff(before, after, old_name, new_name, n=CONTEXT, lineterm=""):
        hunk = _HUNK.match(line)
        yield line if hunk is None else f"{line} {_place(before, int(hunk[1]) + CONTEXT)}".rstrip()


def _place(lines: Sequence[str], number: int) -> str:
    """Return the labels of the objects around the line of that number, such as "OCS-Front-End FE-1"."""
    labels: list[str] = []
    around = min(number, len(lines))
    depth = _indent(lines[around - 1]) + 1 if around else 0
    for line in reversed(lines[:around]):
        if depth <= _FIRST_LABEL or _indent(line) < _FIRST_LABEL - 2:
            break
        found = _LABEL.fullmatch(line) if _indent(line) < depth else None
        if found is not None:
            labels.append(found[1])
            depth = _indent(line)
    return " ".join(reversed(labels))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
