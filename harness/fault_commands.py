"""`lab fault VERB …` and `lab mend`: breaking things by hand. Arguments are the fields of the faults."""

import argparse
import dataclasses

from harness.fault_kinds import KINDS, Fault
from harness.faults import Faults
from harness.lab import Lab

# What a fault notes for its end, which nobody types.
_NOTED = {"boot"}


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", named: argparse.ArgumentParser
) -> None:
    """Add the two to the `lab` command; `named` is the parser of the lab's name."""
    fault = commands.add_parser("fault", help="break something, until `lab mend`: fault crash lb1")
    verbs = fault.add_subparsers(required=True, metavar="VERB")
    for verb, kind in KINDS.items():
        parser = verbs.add_parser(verb, parents=[named], help=(kind.__doc__ or "").strip().partition("\n")[0])
        for field in dataclasses.fields(kind):  # type: ignore[arg-type]
            _add_argument(parser, field)
        parser.set_defaults(action=_fault, verb=verb)
    mend = commands.add_parser("mend", parents=[named], help="undo all faults that are active")
    mend.set_defaults(action=_mend)


def _add_argument(parser: argparse.ArgumentParser, field: "dataclasses.Field[object]") -> None:
    if field.name in _NOTED:
        return
    if field.type is bool:
        option = f"--{field.name.replace('_', '-')}"
        parser.add_argument(option, action=argparse.BooleanOptionalAction, default=field.default)
    elif field.default is dataclasses.MISSING:
        parser.add_argument(field.name, type=field.type)
    else:
        parser.add_argument(field.name, type=field.type, nargs="?", default=field.default)


def _fault(options: argparse.Namespace) -> int:
    kind = KINDS[options.verb]
    names = [field.name for field in dataclasses.fields(kind) if field.name not in _NOTED]  # type: ignore[arg-type]
    fault: Fault = kind(**{name: getattr(options, name) for name in names})
    Faults(Lab.attach(options.name)).begin(fault)
    print(f"{options.verb}: active until `lab mend`")
    return 0


def _mend(options: argparse.Namespace) -> int:
    verbs = Faults(Lab.attach(options.name)).mend()
    print("\n".join(f"{verb}: undone" for verb in verbs) or "no fault is active")
    return 0
