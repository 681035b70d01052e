"""Words of haproxy.cfg: addresses, and texts that stay one word whatever they hold (manual, 2.2)."""

from ipaddress import IPv6Address


def host_of(address: object) -> str:
    """Return the address as it stands before a colon and a port."""
    return f"[{address}]" if isinstance(address, IPv6Address) else str(address)


def quoted(text: str) -> str:
    """Return the text as one word that HAProxy takes literally."""
    return "'" + text.replace("'", r"'\''") + "'"


def quoted_line(line: str) -> str:
    """Return a line of a protocol, with its CRLF, as one word.

    HAProxy reads the line end outside single quotes only, and nothing else of the line.
    """
    return quoted(line) + r"\r\n"
