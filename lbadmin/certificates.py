"""Certificates for TLS termination: made, imported, renewed, and brought into order."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from lbadmin.document import Document
from lbadmin.errors import Fault, RefusedError
from lbadmin.fields import WireText
from lbadmin.keys import KeyStore
from lbadmin.model import ClusterConfig
from lbadmin.openssl import (
    Bench,
    Certificate,
    Key,
    bench,
    pem_blocks,
    read_certificate,
    read_key,
    read_pkcs12,
    refused,
)
from lbadmin.system import System

MAX_CHAIN = 10
"""Certificates of one chain: public ones have two or three."""

MAX_NAMES = 100
MAX_DAYS = 3650

MAX_NAME = 253
"""Characters of a DNS name (RFC 1035, 2.3.4, without length octets)."""

_PART = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME = re.compile(rf"(?:\*\.)?(?:{_PART}\.)*{_PART}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)


def _name(value: object) -> str:
    """Return a DNS name, also with a wildcard (RFC 6125, 6.4.3), or an address in its usual form."""
    text = value.strip() if isinstance(value, str) and len(value) <= MAX_NAME else ""
    try:
        # A scope (%eth0) may hold anything.
        return str(ip_address(text.replace("%", "/")))
    except ValueError:
        if _NAME.fullmatch(text):
            return text
    raise ValueError(
        "is neither a DNS name nor an IP address; write it such as ocs.example.com, *.example.com or 10.0.0.1"
    )


def _country(value: object) -> str:
    if not isinstance(value, str) or _COUNTRY.fullmatch(value) is None:
        raise ValueError("is not a country's code; write its two capital letters (ISO 3166), such as GB")
    return value


# X.520's bound of a common name and an organisation's name is 64 characters (RFC 5280, appendix A.1).
ShortText = Annotated[WireText, Field(max_length=64)]
Name = Annotated[
    str,
    BeforeValidator(_name),
    WithJsonSchema({"type": "string", "examples": ["ocs.example.com", "10.0.0.1"]}),
]
Country = Annotated[
    str, BeforeValidator(_country), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{2}$"})
]


class Subject(Document):
    """Whom a certificate is for; clients look at `names` alone, and the common name is one of them."""

    common_name: Name = Field(max_length=64)
    names: Annotated[tuple[Name, ...], Field(max_length=MAX_NAMES)] = ()
    organisation: ShortText | None = None
    country: Country | None = None

    def arguments(self) -> list[str]:
        """Return openssl's arguments that say this."""
        parts = (("C", self.country), ("O", self.organisation), ("CN", self.common_name))
        subject = "".join(f"/{kind}={_escaped(text)}" for kind, text in parts if text is not None)
        names = dict.fromkeys((self.common_name, *self.names))
        return ["-utf8", "-subj", subject, "-addext", f"subjectAltName={','.join(map(_alternative, names))}"]


def _escaped(text: str) -> str:
    return re.sub(r"([\\/+=])", r"\\\1", text)


def _alternative(name: str) -> str:
    try:
        return f"IP:{ip_address(name)}"
    except ValueError:
        return f"DNS:{name}"


@dataclass(frozen=True)
class Bundle:
    """A chain, the server's own certificate first, and its private key."""

    chain: str
    key: Key


def make_self_signed(system: System, subject: Subject, days: int) -> Bundle:
    """Return a new key (EC P-256, as the WebUI's) and a certificate for it that it has signed itself."""
    with bench(system) as work:
        _made(
            work,
            "req", "-x509", "-nodes", "-sha256",
            "-newkey", "ec",
            "-pkeyopt", "ec_paramgen_curve:P-256",
            "-days", str(days),
            *subject.arguments(),
            "-addext", "basicConstraints=critical,CA:FALSE",
            "-addext", "extendedKeyUsage=serverAuth",
            "-keyout", work.at("key.pem"),
            "-out", work.at("chain.pem"),
        )  # fmt: skip
        chain, key = work.get("chain.pem").decode(), work.get("key.pem").decode()
    return Bundle(chain, read_key(system, key, None, "key"))


def make_request(system: System, key: str, chain: str, subject: Subject | None) -> str:
    """Return a certificate signing request (PEM): for the chain's own subject and names, or for others."""
    with bench(system) as work:
        key_file, out = work.put("key.pem", key), work.at("request.pem")
        if subject is None:
            copy = ("-x509toreq", "-copy_extensions", "copy", "-ext", "subjectAltName")
            _made(work, "x509", *copy, "-in", work.put("chain.pem", chain), "-key", key_file, "-out", out)
        else:
            _made(work, "req", "-new", "-sha256", "-key", key_file, *subject.arguments(), "-out", out)
        # openssl x509 writes the names below the request once more, in words.
        return next(block for _, block in pem_blocks(work.get("request.pem").decode()))


def _made(work: Bench, *arguments: str) -> None:
    result = work.run(*arguments)
    if result.status != 0:
        raise refused("common_name", "common_name and names are not accepted by openssl; simplify them")


def read_bundle(system: System, content: bytes, passphrase: str | None) -> Bundle:
    """Return the chain and key of a file in PEM (in any order) or PKCS#12 form. Raises RefusedError."""
    field = "content"
    if b"-----BEGIN " in content:
        text = content.decode("utf-8", "replace")
    else:
        text = read_pkcs12(system, content, passphrase or "", field)
    keys = [block for kind, block in pem_blocks(text) if kind.endswith("PRIVATE KEY")]
    certificates = _certificates(system, text, field)
    if len(keys) != 1:
        has = "no private key" if not keys else f"{len(keys)} private keys"
        raise refused(field, f"{field} holds {has}; give the certificate and its one key in it")
    key = read_key(system, keys[0], passphrase, field)
    return Bundle(_in_order(certificates, key.id, field), key)


def read_chain(system: System, text: str, key_id: str) -> str:
    """Return a chain in order, whose server certificate has the key of that name. Raises RefusedError."""
    return _in_order(_certificates(system, text, "chain"), key_id, "chain")


def leaf_of(system: System, chain: str) -> Certificate:
    """Return the server's certificate, the first one of a chain. Raises RefusedError."""
    first = next((block for kind, block in pem_blocks(chain) if kind == "CERTIFICATE"), "")
    return _read(system, first, "chain")


def check_authorities(system: System, text: str, field: str) -> None:
    """Raise RefusedError unless all certificates of a text can be read."""
    try:
        _certificates(system, text, field.rpartition(".")[2])
    except RefusedError as error:
        raise refused(field, error.sentence) from None


def _certificates(system: System, text: str, field: str) -> list[Certificate]:
    blocks = list(dict.fromkeys(block for kind, block in pem_blocks(text) if kind == "CERTIFICATE"))
    if not blocks:
        raise refused(field, f"{field} holds no certificate; give the server's in PEM or PKCS#12 form")
    if len(blocks) > MAX_CHAIN:
        raise refused(
            field, f"{field} holds more than {MAX_CHAIN} certificates; give the server's and its chain"
        )
    return [_read(system, block, field) for block in blocks]


def _read(system: System, pem: str, field: str) -> Certificate:
    try:
        return read_certificate(system, pem)
    except ValueError:
        raise refused(field, f"{field} holds a certificate that can't be read; export it again") from None


def _in_order(certificates: Sequence[Certificate], key_id: str, field: str) -> str:
    """Return the chain: the certificate of the key, then each one's issuer, as far as they are there."""
    fitting = [each for each in certificates if each.key == key_id]
    if not fitting:
        names = ", ".join(each.subject for each in certificates[:3])
        raise refused(field, f"{field} holds no certificate that fits the private key, only {names}; give it")
    chain = [max(fitting, key=lambda each: each.not_after)]
    rest = [each for each in certificates if each is not chain[0]]
    while not chain[-1].self_signed:
        issuer = next((each for each in rest if each.subject == chain[-1].issuer), None)
        if issuer is None:
            break
        chain.append(issuer)
        rest.remove(issuer)
    if rest:
        raise refused(
            field,
            f"{field} holds {rest[0].subject}, which is not in the chain of {chain[0].subject}; "
            "remove it, or add the certificates between them",
        )
    return "".join(each.pem for each in chain)


def check_certificates(system: System, keys: KeyStore, old: ClusterConfig, new: ClusterConfig) -> None:
    """Raise RefusedError when a document's new certificate has no key here, or one that does not fit."""
    stored, known = keys.ids(), set(old.certificates)
    for number, each in enumerate(new.certificates):
        where = f"certificates.{number}"
        if each in known:
            continue
        if each.key not in stored:
            message = (
                f"key of certificate {each.label} is not on this appliance; import it with the certificate"
            )
            raise RefusedError([Fault(f"{where}.key", each.key, message)])
        if leaf_of(system, each.chain).key != each.key:
            message = (
                f"key of certificate {each.label} does not fit it; import the certificate with its own key"
            )
            raise RefusedError([Fault(f"{where}.key", each.key, message)])
