"""Texts of others on a terminal: what a host name or a message holds must not steer it."""

WIDTH = 79
"""Columns that are used of a terminal's 80: a line that fills the last one wraps on some of them."""


def plain(text: str) -> str:
    """Return a text as any terminal shows it: ASCII on one line, everything else as a question mark."""
    return "".join(char if " " <= char <= "~" else " " if char.isspace() else "?" for char in text)


def cut(text: str, width: int = WIDTH) -> str:
    """Return a plain text of at most `width` characters, of which the last ones say that it goes on."""
    shown = plain(text)
    return shown if len(shown) <= width else f"{shown[: width - 3].rstrip()}..."
