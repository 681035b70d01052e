"""What differs between two documents, as the lines of a unified diff that a person can read."""

import difflib
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

MAX_LINES = 2_000
"""Lines of a diff that are told: more than anybody reads, and less than 200 kB."""

CONTEXT = 3
"""Lines that stay the same around each difference."""

_FIRST_LABEL = 6
"""Indentation of the labels of a document's outermost objects."""

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


class _ByObject(difflib.SequenceMatcher[str]):
    """Compares each outermost object with the one of its label.

    Line by line the time grows with the square of the differences: a weight changed in each of 250 virtual
    services takes seconds.
    """

    def __init__(self, old: Sequence[str], new: Sequence[str]) -> None:
        super().__init__(None, old, new)
        self._old, self._new = old, new

    def get_matching_blocks(self) -> list[difflib.Match]:
        """Return what difflib's own returns."""
        blocks: list[difflib.Match] = []
        for (a, b), (a_end, b_end) in itertools.pairwise(self._cuts()):
            inner = difflib.SequenceMatcher(None, self._old[a:a_end], self._new[b:b_end])
            found = inner.get_matching_blocks()
            blocks += (difflib.Match(a + i, b + j, size) for i, j, size in found if size)
        return [*_merged(blocks), difflib.Match(len(self._old), len(self._new), 0)]

    def _cuts(self) -> Iterator[tuple[int, int]]:
        """Yield the lines, of both sides, at which an object that both have begins."""
        old, new = _objects(self._old), _objects(self._new)
        labels = difflib.SequenceMatcher(
            None, [self._old[i] for i in old], [self._new[j] for j in new], False
        )
        yield 0, 0
        for first, other, size in labels.get_matching_blocks():
            yield from zip(old[first : first + size], new[other : other + size], strict=True)
        yield len(self._old), len(self._new)


def _objects(lines: Sequence[str]) -> list[int]:
    return [n for n, line in enumerate(lines) if _indent(line) == _FIRST_LABEL and _LABEL.fullmatch(line)]


def _merged(blocks: Iterable[difflib.Match]) -> Iterator[difflib.Match]:
    """Yield the blocks, those that follow each other without a gap as one."""
    last = difflib.Match(0, 0, 0)
    for block in blocks:
        if (last.a + last.size, last.b + last.size) == (block.a, block.b):
            last = difflib.Match(last.a, last.b, last.size + block.size)
        else:
            yield last
            last = block
    yield last


def _unified(before: Sequence[str], after: Sequence[str], old_name: str, new_name: str) -> Iterator[str]:
    """Yield what difflib.unified_diff would, with each hunk's place."""
    for number, hunk in enumerate(_ByObject(before, after).get_grouped_opcodes(CONTEXT)):
        if number == 0:
            yield from (f"--- {old_name}", f"+++ {new_name}")
        (_, a, _, b, _), (_, _, a_end, _, b_end) = hunk[0], hunk[-1]
        ranges = f"@@ -{_range(a, a_end)} +{_range(b, b_end)} @@"
        yield f"{ranges} {_place(before, a + 1 + CONTEXT)}".rstrip()
        for tag, i, i_end, j, j_end in hunk:
            if tag == "equal":
                yield from (f" {line}" for line in before[i:i_end])
            else:
                yield from (f"-{line}" for line in before[i:i_end])
                yield from (f"+{line}" for line in after[j:j_end])


def _range(start: int, end: int) -> str:
    """Return a hunk's lines as POSIX has them (diff, "Diff -u Output Format"), also where there are none."""
    size = end - start
    return f"{start + 1}" if size == 1 else f"{start + (size > 0)},{size}"


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
