"""lbcli: everything that the pages can do, from the command line, as a client of lbadmind's socket."""

import json
import os
import sys
from collections.abc import Iterator, Sequence

from lbadmin.cli.grammar import Json, Options, Verb, overview
from lbadmin.cli.terminal import UsageError
from lbadmin.cli.verbs import GROUPS, verb_of
from lbadmin.client import SOCKET, Client
from lbadmin.errors import LbadminError

SOCKET_VARIABLE = "LBADMIN_SOCKET"
"""Environment variable that names another socket than the appliance's own."""

DONE, REFUSED, MISUSED, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one verb; return 0, 1 when it was refused, 2 for misuse: one line on stderr tells why."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    path = os.environ.get(SOCKET_VARIABLE, SOCKET)
    if "_ARGCOMPLETE" in os.environ:
        # Only here: argcomplete costs as much as all of lbcli.
        from lbadmin.cli.completion import complete  # noqa: PLC0415

        complete(path)
    try:
        return _main(Client(path), words)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has seen enough; what is left must not fail at exit (Python's manual, signal).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED


def _main(client: Client, words: list[str]) -> int:
    name = next((word for word in words if not word.startswith("-")), None)
    if name is None:
        unknown = [word for word in words if word not in {"-h", "--help", "--json"}]
        if unknown:
            return _complain("lbcli", f"there is no option {unknown[0]}; see lbcli --help", MISUSED)
        print(overview(GROUPS), flush=True)
        return DONE
    verb = verb_of(name)
    if verb is None:
        return _complain("lbcli", f"there is no verb {name}; lbcli --help lists them", MISUSED)
    words.remove(name)
    return _run(client, verb, verb.parser().parse_args(words))


def _run(client: Client, verb: Verb, options: Options) -> int:
    try:
        result = verb.run(client, options)
        for answer in result if isinstance(result, Iterator) else (result,):
            _say(verb, answer, as_json=options.json)
    except UsageError as error:
        return _complain(f"lbcli {verb.name}", error.sentence, MISUSED)
    except LbadminError as error:
        return _complain("lbcli", error.sentence, REFUSED)
    return DONE


def _say(verb: Verb, answer: Json, *, as_json: bool) -> None:
    text = json.dumps(answer, indent=2) if as_json else "" if answer is None else verb.show(answer)
    if text:
        print(text)
    sys.stdout.flush()


def _complain(who: str, sentence: str, status: int) -> int:
    print(f"{who}: {sentence}", file=sys.stderr)
    return status
