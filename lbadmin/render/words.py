"""Words of haproxy.cfg: addresses, and texts that stay one word whatever they hold (manual, 2.2)."""

from ipaddress import IPv6Address


def host_of(address: object) -> str:
    """Return the address as it stands before a colon and a port."""
    return f"[{address}]" if isinstance(address, IPv6Address) else str(address)


def quoted(text: str) -> str:
    """Return the text as one word that HAProxy takes literally."""
    return "'" + text.replace("'", r"'\''") + "'"


def quoted_escapes(line: str) -> str:
    """Return a line of a protocol, with its CRLF, as one word.

    HAProxy reads the line end in double quotes only; the line must hold none of the four special characters.
    """
    if set('"\\$`') & set(line):
        raise ValueError(f"line {line!r} can't be written within double quotes")
    return f'"{line}\\r\\n"'
