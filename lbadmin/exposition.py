"""Prometheus' text format 0.0.4: the few lines of it that it takes; see docs/dependencies.md."""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Kind = Literal["counter", "gauge"]
Labels = Mapping[str, str]
Samples = Iterable[tuple[Labels, float]]


class Family(NamedTuple):
    """A metric with all its samples; a counter's name ends in "_total"."""

    name: str
    kind: Kind
    help: str
    samples: Samples


def one_of(labels: Labels, name: str, now: str, words: Iterable[str]) -> Samples:
    """Return a sample for each word of a label: 1 for the one that holds."""
    return [({**labels, name: word}, float(word == now)) for word in words]


def text_of(families: Iterable[Family]) -> str:
    """Return metrics in Prometheus' text format (prometheus.io, "Exposition formats")."""
    lines: list[str] = []
    for family in families:
        lines += [
            f"# HELP {family.name} {_escaped(family.help)}",
            f"# TYPE {family.name} {family.kind}",
            *(f"{family.name}{_labels(labels)} {_number(value)}" for labels, value in family.samples),
        ]
    return "".join(f"{line}\n" for line in lines)


def _labels(labels: Labels) -> str:
    pairs = ",".join(f'{name}="{_quoted(value)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
