"""What a console shows while nobody uses it: a text, which lbadmind keeps in a file.

overlay/usr/lib/lbva/console shows it, so no program stays in memory but a shell of a few hundred kilobytes.
"""

import binascii
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lbadmin.certificate import TLS_FOLDER
from lbadmin.console.place import url_of
from lbadmin.console.plain import WIDTH, cut
from lbadmin.model import NodeConfig
from lbadmin.status import NodeMessages
from lbadmin.system import System

SCREEN_FILE = "/run/lbadmin/console"
ROWS = 23
"""Rows that are used of a terminal's 24; the last one would scroll on some of them."""
REFRESH_S = 10.0

_MAX_ADDRESSES = 5
_PROMPT = "Press Enter for the menu: network set-up, password, reboot, shut down, log in"
_REVERSE, _BOLD, _NORMAL = "\033[7m", "\033[1m", "\033[0m"
"""SGR sequences of a VT100; all else in the text is filtered."""

_ROLES = {
    "single": "single appliance",
    "master": "master of a pair (active)",
    "slave": "slave of a pair (passive)",
    "fault": "out of order in its pair",
    "unknown": "in a pair, not known yet",
}


@dataclass(frozen=True)
class View:
    """What the screen tells."""

    hostname: str
    version: str
    role: str
    addresses: tuple[str, ...]
    url: str
    fingerprint: str
    messages: tuple[str, ...]


def view_of(told: NodeMessages, node: NodeConfig, fingerprint: str) -> View:
    """Return what there is to tell of a node."""
    held = [(each.name, address) for each in node.interfaces for address in each.addresses]
    host = str(held[0][1].ip) if held else ""
    return View(
        hostname=told.node.hostname,
        version=told.node.version,
        role=_ROLES[told.node.role],
        addresses=tuple(f"{name}  {address}" for name, address in held),
        url=url_of(host) if host else "no address",
        fingerprint=fingerprint,
        messages=tuple(message.text for message in told.messages),
    )


def render_screen(view: View) -> str:
    """Return the screen's lines, ROWS of them."""
    title, version = " LBVA load balancer appliance", f"version {cut(view.version, 30)} "
    lines = [f"{_REVERSE}{title}{version:>{WIDTH - len(title)}}{_NORMAL}", ""]
    lines += _labelled("Name", [view.hostname])
    lines += _labelled("Role", [view.role])
    lines += _labelled("Addresses", _bounded(view.addresses, _MAX_ADDRESSES))
    lines += _labelled("Web interface", [view.url])
    lines += _labelled("Certificate", _fingerprint_lines(view.fingerprint))
    lines.append("")
    left = ROWS - len(lines) - 2
    messages = [cut(f"* {text}", WIDTH - 1) for text in _bounded(view.messages, left - 1)]
    lines += [f" {_BOLD}What needs attention{_NORMAL}" if messages else " Nothing needs attention."]
    lines += [f" {text}" for text in messages]
    lines += [""] * (ROWS - len(lines) - 1)
    return "\n".join([*lines, f"{_REVERSE}{f' {_PROMPT}':{WIDTH}}{_NORMAL}"])


def _labelled(label: str, values: Sequence[str]) -> list[str]:
    labels = [f"{_BOLD}{label:14}{_NORMAL}", *[f"{'':14}"] * len(values)]
    return [f" {name}{cut(value, WIDTH - 15)}" for name, value in zip(labels, values, strict=False)]


def _bounded(texts: Sequence[str], most: int) -> list[str]:
    if len(texts) <= most:
        return list(texts)
    return [*texts[: most - 1], f"and {len(texts) - most + 1} more: see the web interface"]


def _fingerprint_lines(fingerprint: str) -> list[str]:
    """SHA-256 in two lines of 16 bytes, as browsers show it."""
    if not fingerprint:
        return ["none"]
    half = 16 * 3
    return [f"SHA-256 {fingerprint[:half]}", f"        {fingerprint[half:]}"]


def fingerprint_of(system: System) -> str:
    """Return the SHA-256 of the WebUI's certificate in upper-case pairs, "" when there is none."""
    try:
        text = (system.path(TLS_FOLDER) / "web.pem").read_text(encoding="ascii")
        body = text.partition("-----BEGIN CERTIFICATE-----")[2].partition("-----END")[0]
        certificate = binascii.a2b_base64(body)
    except (OSError, ValueError):
        return ""
    if not certificate:
        return ""
    digest = hashlib.sha256(certificate).hexdigest().upper()
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


class Screen:
    """The file with the screen; written when it is another than before."""

    def __init__(
        self, system: System, told: Callable[[], NodeMessages], node: Callable[[], NodeConfig]
    ) -> None:
        self._system = system
        self._told = told
        self._node = node
        self._shown = ""

    def tick(self) -> float:
        """Bring the file up to date; return the seconds until the next time. Raises OSError."""
        text = render_screen(view_of(self._told(), self._node(), fingerprint_of(self._system)))
        if text != self._shown:
            file = self._system.path(SCREEN_FILE)
            new = file.with_name(".console.new")
            new.write_text(text, encoding="ascii")
            new.rename(file)
            self._shown = text
        return REFRESH_S
