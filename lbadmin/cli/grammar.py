"""The words of lbcli's command line: verbs in groups, options from the catalogue, and help.

Only the parser of the verb that is asked for is ever made: there are fifty, and argparse takes its time.
"""

import argparse
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn, TypeAlias

from lbadmin.catalogue import Field, Section, fields_of
from lbadmin.cli.terminal import read_text
from lbadmin.client import Client
from lbadmin.durations import show_ms

Json: TypeAlias = Any
Options: TypeAlias = argparse.Namespace
Run = Callable[[Client, Options], Json]
Show = Callable[[Json], str]

_METAVARS = {
    "address": "ADDRESS", "number": "NUMBER", "ports": "PORTS", "duration": "DURATION", "label": "LABEL",
    "block": "FILE", "file": "FILE", "lines": "FILE", "secret": "FILE", "list": "LIST",
}  # fmt: skip
_FILES = {"block", "lines", "file", "secret"}


ABOUT = """\
`lbcli VERB --help` tells a verb's options, with an example. Every verb takes --json, which prints the
API's answer for scripts. The exit status is 0 when it was done, 1 when it was refused, with the reason
on standard error, and 2 when the command line is not right."""


class Parser(argparse.ArgumentParser):
    """The options of one verb; `completed` says what the values of some of them complete to."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - argparse's own
        # Abbreviations that a script uses today could mean two options tomorrow.
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options)
        self.completed: list[tuple[argparse.Action, str]] = []

    def take(
        self,
        *names: str,
        completes: str = "",
        group: argparse._ArgumentGroup | None = None,
        **options: Any,  # noqa: ANN401 - argparse's own
    ) -> None:
        """Add an option; `completes` names a completer of `completion`."""
        action = (group or self).add_argument(*names, **options)
        if completes:
            self.completed.append((action, completes))

    def error(self, message: str) -> NoReturn:
        """End with status 2 and one line."""
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def no_options(_: Parser) -> None:
    """Take no options."""


def nothing(_: Json) -> str:
    """Show nothing: what was asked for is done."""
    return ""


class Verb(NamedTuple):
    """What can be asked for: `run` returns the API's answer, or an iterator of answers, `show` prints one."""

    name: str
    about: str
    run: Run
    show: Show = nothing
    options: Callable[[Parser], None] = no_options
    example: str = ""

    def parser(self) -> Parser:
        """Return the parser of what follows the verb."""
        made = Parser(
            prog=f"lbcli {self.name}",
            description=f"{self.about[:1].upper()}{self.about[1:]}.",
            epilog=f"example:\n  lbcli {self.example or self.name}",
        )
        self.fill(made)
        return made

    def fill(self, made: Parser) -> None:
        """Give a parser the verb's options."""
        made.take("--json", action="store_true", help="print the API's answer instead of a table")
        self.options(made)


class Group(NamedTuple):
    """Verbs that belong together."""

    title: str
    verbs: tuple[Verb, ...]


def overview(groups: Sequence[Group]) -> str:
    """Return the help of lbcli itself: all verbs."""
    width = max(len(verb.name) for group in groups for verb in group.verbs) + 4
    lines = ["usage: lbcli VERB [OPTIONS]", ""]
    for group in groups:
        lines.append(f"{group.title}:")
        lines += [f"  {verb.name:<{width}}{verb.about}" for verb in group.verbs]
        lines.append("")
    return "\n".join([*lines, ABOUT])


def take_sections(
    parser: Parser, *sections: Section, new: bool, without: Sequence[str] = (), secrets: bool = False
) -> None:
    """Add the options of the catalogue's fields; only a `new` thing has defaults and must have some.

    With `secrets` those have options as well, which name files.
    """
    parser.epilog = f"{parser.epilog}\n\nBlank is written as ''."
    for section in sections:
        group = parser.add_argument_group(section.title) if section.title else None
        for field in fields_of(section):
            if field.path not in without and (secrets or field.kind != "secret"):
                take_field(parser, field, group=group, new=new)


def take_field(
    parser: Parser,
    field: Field,
    *,
    new: bool,
    group: argparse._ArgumentGroup | None = None,
) -> None:
    """Add the option of one field."""
    words = [field.help]
    if field.kind in _FILES:
        words.append("FILE holds it; - is standard input.")
    elif field.kind in {"list", "lines"}:
        words.append("Separated by commas.")
    if new and field.default:
        words.append(f"(default: {_default(field)})")
    options: dict[str, Any] = {"help": " ".join(words).replace("%", "%%"), "dest": field.path}
    if field.kind == "flag":
        options["choices"] = ("true", "false")
    elif field.kind == "choice":
        words[1:1] = _meanings(field)
        options["choices"] = tuple(value for value, _ in field.choices)
    else:
        options["metavar"] = _METAVARS.get(field.kind, "TEXT")
    completes = "files" if field.kind in _FILES else field.choices_from
    parser.take(
        f"--{field.option_name}", completes=completes, group=group, required=new and field.required, **options
    )


def texts_given(options: Options, *sections: Section) -> dict[str, str]:
    """Return the texts of the fields that were given; those of files are read from them."""
    values = vars(options)
    return {
        field.path: _text_of(text, field)
        for field in fields_of(*sections)
        if isinstance(text := values.get(field.path), str)
    }


def _text_of(given: str, field: Field) -> str:
    if field.kind == "secret":
        return read_text(given).rstrip("\r\n")
    return read_text(given) if field.kind in {"block", "lines"} and given else given


def _meanings(field: Field) -> list[str]:
    told = [f"{value}: {label}" for value, label in field.choices if value != label]
    return [f"{', '.join(told)}."] if told else []


def _default(field: Field) -> str:
    if field.kind == "duration":
        return show_ms(int(field.default))
    return f"{field.default} {field.unit}".rstrip()
