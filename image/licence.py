"""The vendor's side of licences: makes the key pair, signs licence files, shows what one says.

An image takes the licences of the public key that it was made with (`make image LICENCE_KEY=FILE`).
"""

import argparse
import base64
import binascii
import json
import os
import re
import secrets
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NoReturn

from image import ed25519, licence_key
from image.errors import BuildError

FORMAT = 1
LONGEST = 200
"""Characters of a customer's name, a serial number and an edition."""

_SERIAL_CHARACTERS = 12
_APPLIANCE = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Licence:
    """What a licence says; dates are YYYY-MM-DD.

    It never ends when `expires` is empty, and is for any appliance when `appliances` is.
    """

    customer: str
    serial: str
    edition: str
    issued: str
    expires: str = ""
    appliances: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises `BuildError` for what no appliance would take."""
        for name, text in (("customer", self.customer), ("serial", self.serial), ("edition", self.edition)):
            _check_text(name, text)
        _check_date("issued", self.issued)
        if self.expires:
            _check_date("expires", self.expires)
            if self.expires < self.issued:
                raise BuildError(
                    f"expires, {self.expires}, is before issued, {self.issued}", hint="give a later day"
                )
        for appliance in self.appliances:
            if not _APPLIANCE.fullmatch(appliance):
                raise BuildError(
                    f"{appliance!r} is not an appliance's id",
                    hint="an id has 16 of 0123456789abcdef, as the appliance's licence page shows it",
                )

    @property
    def signed(self) -> bytes:
        """The bytes that the signature is over."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return text.encode("utf-8")


def _check_text(name: str, text: str) -> None:
    if not (0 < len(text) <= LONGEST and text.isprintable() and text == text.strip()):
        raise BuildError(
            f"{name} {text[:LONGEST]!r} cannot stand in a licence",
            hint=f"give 1 to {LONGEST} printable characters, no blanks around them",
        )


def _check_date(name: str, text: str) -> None:
    try:
        if date.fromisoformat(text).isoformat() == text:
            return
    except ValueError:
        pass
    raise BuildError(f"{name} {text[:LONGEST]!r} is not a date", hint="give YYYY-MM-DD, such as 2030-12-31")


def sign(licence: Licence, private: str) -> str:
    """Return the text of a licence file. Raises `BuildError`."""
    signature = ed25519.sign(private, licence.signed)
    document = {
        "lbva_licence": FORMAT,
        "licence": asdict(licence),
        "signature": base64.b64encode(signature).decode(),
    }
    # ASCII alone: the file survives any mail.
    return json.dumps(document, indent=2) + "\n"


def verify(text: str, public: str, name: str) -> Licence:
    """Return what a licence file says, which is called `name` in errors.

    Raises `BuildError` unless it is whole and its signature is of the public key.
    """
    try:
        document = json.loads(text)
        signature = base64.b64decode(document["signature"], validate=True)
        licence = _licence(document)
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error) as error:
        raise BuildError(
            f"{name} is not a licence file, or not whole", hint="it is JSON, as `sign` has written it"
        ) from error
    if len(signature) != ed25519.SIGNATURE_BYTES or not ed25519.verify(public, signature, licence.signed):
        raise BuildError(
            f"the signature of {name} does not hold",
            hint="it was signed with another key, or changed afterwards",
        )
    return licence


def _licence(document: dict[str, Any]) -> Licence:
    """Return the licence in a file's document. Raises `ValueError` and the like when it has another form."""
    said, kind = document["licence"], document["lbva_licence"]
    if set(document) != {"lbva_licence", "licence", "signature"} or type(kind) is not int or kind != FORMAT:
        raise ValueError("another format")
    appliances = said["appliances"]
    texts = {name: text for name, text in said.items() if name != "appliances"}
    if set(said) != {field.name for field in fields(Licence)} or not isinstance(appliances, list):
        raise ValueError("other fields")
    if not all(isinstance(text, str) for text in (*texts.values(), *appliances)):
        raise TypeError("no text")
    return Licence(**texts, appliances=tuple(appliances))


def _key(options: argparse.Namespace) -> str:
    """Return the key that a command is to use, in PEM."""
    return licence_key.development() if options.development else licence_key.read(options.key)


def _make_key(options: argparse.Namespace) -> str:
    file: Path = options.file
    try:
        # Nobody else can read it, not for a moment, and none that is there is lost.
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise BuildError(
            f"{file} is there already", hint="no key is overwritten: give another name"
        ) from error
    try:
        with os.fdopen(descriptor, "w") as opened:
            opened.write(ed25519.private_key(secrets.token_bytes(ed25519.SEED_BYTES)))
            opened.flush()
            os.fsync(descriptor)
    except BaseException:
        file.unlink()
        raise
    return (
        f"{file} is a new private key. Keep it safe: whoever has it can sign licences.\n"
        f"`python3 -m image.licence public-key {file} > licence.pem` writes the public key for images.\n"
    )


def _public_key(options: argparse.Namespace) -> str:
    return ed25519.public_key(_key(options), str(options.key))


def _sign(options: argparse.Namespace) -> str:
    private = _key(options)
    if not ed25519.is_private(private):
        raise BuildError(f"{options.key} is not a private key", hint="licences are signed with a private key")
    ed25519.public_key(private, str(options.key))
    licence = Licence(
        customer=options.customer,
        serial=options.serial,
        edition=options.edition,
        issued=options.issued,
        expires=options.expires,
        appliances=tuple(dict.fromkeys(options.appliance)),
    )
    return sign(licence, private)


def _show(options: argparse.Namespace) -> str:
    public = ed25519.public_key(_key(options), str(options.key))
    licence = verify(licence_key.read(options.file), public, str(options.file))
    development = public == licence_key.development_public()
    lines = {
        **asdict(licence),
        "expires": licence.expires or "never",
        "appliances": " ".join(licence.appliances) or "any",
        "signature": "of the development key" if development else "of this key",
    }
    return "".join(f"{name:12}{text}\n" for name, text in lines.items())


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with arguments as all else is said."""

    def error(self, message: str) -> NoReturn:
        raise BuildError(message, hint=f"`{self.prog} --help` lists what it takes")


def _parser() -> _Parser:
    parser = _Parser(prog="python3 -m image.licence", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    make = commands.add_parser("make-key", help="make a key pair: FILE is the private key")
    make.add_argument("file", type=Path, metavar="FILE")
    make.set_defaults(run=_make_key)

    public = commands.add_parser("public-key", help="print the public key of a private one")
    which = public.add_mutually_exclusive_group(required=True)
    which.add_argument("key", type=Path, metavar="KEY", nargs="?", help="the private key")
    _add_development(which)
    public.set_defaults(run=_public_key)

    signing = commands.add_parser("sign", help="print a licence file")
    which = signing.add_mutually_exclusive_group(required=True)
    which.add_argument("--key", type=Path, metavar="KEY", help="the private key")
    _add_development(which)
    signing.add_argument("--customer", required=True, metavar="NAME", help="who has the licence")
    serial = base64.b32encode(secrets.token_bytes(_SERIAL_CHARACTERS)).decode()[:_SERIAL_CHARACTERS]
    signing.add_argument("--serial", default=serial, help="its number (12 random characters)")
    signing.add_argument("--edition", required=True, help="what was sold")
    signing.add_argument("--expires", default="", metavar="YYYY-MM-DD", help="when it ends (never)")
    today = datetime.now(UTC).date().isoformat()
    signing.add_argument("--issued", default=today, metavar="YYYY-MM-DD", help="when it was issued (today)")
    appliance_help = "an appliance that it is for, once or more (any)"
    signing.add_argument("--appliance", action="append", default=[], metavar="ID", help=appliance_help)
    signing.set_defaults(run=_sign)

    show = commands.add_parser("show", help="verify a licence file and print what it says")
    show.add_argument("file", type=Path, metavar="FILE")
    which = show.add_mutually_exclusive_group(required=True)
    which.add_argument("--key", type=Path, metavar="KEY", help="the public key, or the private one")
    _add_development(which)
    show.set_defaults(run=_show)
    return parser


def _add_development(group: argparse._MutuallyExclusiveGroup) -> None:
    group.add_argument("--development", action="store_true", help="use the key of development builds")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command, or say in one line why not."""
    try:
        options = _parser().parse_args(arguments)
        text: str = options.run(options)
        # The same whatever the terminal's language.
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    except (BuildError, OSError) as error:
        sys.exit(f"licence: {error}")


if __name__ == "__main__":
    main()
