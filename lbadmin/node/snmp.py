"""Who may read the counters by SNMP."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from lbadmin.document import Document, Flag
from lbadmin.errors import Fault
from lbadmin.node.firewall import Network
from lbadmin.secret import Secret

MIN_PASSPHRASE = 8
"""Characters of a passphrase (RFC 3414, section 11.2)."""
MAX_USER = 32
"""Characters of a user's name (RFC 3414, SnmpAdminString of usmUserName)."""
MAX_TEXT = 255
"""Characters of contact and location (RFC 3418, DisplayString)."""

_USER = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{MAX_USER - 1}}}", re.ASCII)
_TEXT = re.compile(rf"[!-~]([ -~]{{0,{MAX_TEXT - 2}}}[!-~])?", re.ASCII)
_COMMUNITY = re.compile(r"[A-Za-z0-9].*", re.ASCII)


def _user(value: object) -> str:
    if not isinstance(value, str) or _USER.fullmatch(value) is None:
        raise ValueError(
            f"is not the name of an SNMP user; use 1 to {MAX_USER} letters, digits, dots, dashes and "
            "underscores, beginning with a letter or digit"
        )
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or _TEXT.fullmatch(value) is None:
        raise ValueError(f"is not a line of 1 to {MAX_TEXT} ASCII characters")
    return value


def _passphrase(value: str) -> str:
    if len(value) < MIN_PASSPHRASE:
        raise ValueError(f"has less than {MIN_PASSPHRASE} characters; SNMPv3 wants a longer passphrase")
    return value


def _community(value: str) -> str:
    # snmpd takes a first dash for an option.
    if _COMMUNITY.fullmatch(value) is None:
        raise ValueError("is not a community; begin it with a letter or digit")
    return value


UserName = Annotated[
    str,
    BeforeValidator(_user),
    WithJsonSchema({"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$"}),
]
SystemText = Annotated[str, BeforeValidator(_text), WithJsonSchema({"type": "string", "maxLength": MAX_TEXT})]
Passphrase = Annotated[Secret, AfterValidator(_passphrase)]
Community = Annotated[Secret, AfterValidator(_community)]


class Snmp(Document):
    """Who may read the counters by SNMP: nobody, until it is enabled with networks and credentials.

    A community (v2c) and the user (v3) may be there while only one of the two versions is answered.
    """

    enabled: Flag = False
    versions: Literal["v3", "v2c", "both"] = "v3"
    networks: Annotated[tuple[Network, ...], Field(max_length=64)] = ()
    community: Community | None = None
    user: UserName | None = None
    auth_algorithm: Literal["SHA-256", "SHA-512"] = "SHA-512"
    auth_password: Passphrase | None = None
    privacy_algorithm: Literal["AES", "AES-256"] = "AES"
    privacy_password: Passphrase | None = None
    contact: SystemText | None = None
    location: SystemText | None = None

    @property
    def by_community(self) -> bool:
        """Tell whether version 2c is answered."""
        return self.versions in {"v2c", "both"}

    @property
    def by_user(self) -> bool:
        """Tell whether version 3 is answered."""
        return self.versions in {"v3", "both"}


def snmp_faults(snmp: Snmp) -> Iterator[Fault]:
    """Yield what is there twice, and what an agent that is enabled lacks."""
    for index, network in enumerate(snmp.networks):
        if network in snmp.networks[:index]:
            message = f"network {network} is there twice; name each once"
            yield Fault(f"snmp.networks.{index}", str(network), message)
    if not snmp.enabled:
        return
    if not snmp.networks:
        message = "networks is empty; name those that may ask, such as 192.168.2.0/24"
        yield Fault("snmp.networks", None, message)
    if snmp.by_community and snmp.community is None:
        yield Fault("snmp.community", None, "community is missing; SNMP version 2c needs one")
    if snmp.by_user:
        for name in ("user", "auth_password", "privacy_password"):
            if getattr(snmp, name) is None:
                yield Fault(f"snmp.{name}", None, f"{name} is missing; SNMP version 3 needs it")
