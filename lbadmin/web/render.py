"""Pages from templates: rendered on the server, every value escaped."""

import re
from datetime import UTC, datetime, timedelta
from functools import cache

from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse

from lbadmin.durations import show_ms

_OUR_PAGE = re.compile(r"https://[A-Za-z0-9.:\[\]-]{1,80}/lbadmin/[a-z0-9/-]*", re.ASCII)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("lbadmin"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["uptime"] = lambda seconds: str(timedelta(seconds=seconds))
    environment.filters["bytes"] = show_bytes
    environment.filters["duration"] = show_ms
    environment.filters["utc"] = show_utc
    environment.filters["fingerprint"] = show_fingerprint
    environment.filters["linked"] = linked
    return environment


def render(template: str, code: int = 200, /, **values: object) -> HTMLResponse:
    """Return the answer that a template makes of values."""
    return HTMLResponse(_environment().get_template(template).render(values), code)


def show_bytes(count: int) -> str:
    """Return a number of bytes for people, in binary units."""
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:  # noqa: PLR2004 - the step between binary units, IEC 80000-13
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def show_utc(when: str) -> str:
    """Return a time (ISO 8601) for people: UTC, to the second."""
    return f"{datetime.fromisoformat(when).astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def show_fingerprint(digest: str) -> str:
    """Return a fingerprint (hexadecimal) in groups of four, as people compare it."""
    return " ".join(digest[place : place + 4] for place in range(0, len(digest), 4)).upper()


def linked(text: str) -> Markup:
    """Return a sentence where the addresses of our own pages, here or on the peer, are links."""
    # What the pattern matches is the same escaped, and can't end an attribute.
    return Markup(_OUR_PAGE.sub(r'<a href="\g<0>">\g<0></a>', str(escape(text))))  # noqa: S704
