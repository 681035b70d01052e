"""SIP on a stream: framing and messages, RFC 3261 sections 7 and 18.3. Pure."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Self

MAX_HEADER = 16 * 1024
MAX_BODY = 256 * 1024
CRLF = b"\r\n"

# RFC 3261 section 20 and the registry of header fields (RFC 3515, 3892, 4028, 6665).
_COMPACT = {
    "b": "referred-by",
    "c": "content-type",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
}
_NEEDED = ("via", "from", "to", "call-id", "cseq")


class SipError(ValueError):
    """Bytes that are no SIP message; the text fits behind a status code."""


class KeepAlive:
    """One CRLF between messages; RFC 5626 section 4.4.1: two are a ping, one is the pong."""


@dataclass(frozen=True)
class Message(ABC):
    """What requests and responses share. Header names are in lower case and in their long form."""

    headers: tuple[tuple[str, str], ...]
    body: bytes = field(default=b"", kw_only=True)

    def all(self, name: str) -> list[str]:
        """The values of all header fields of that name, in their order."""
        return [value for key, value in self.headers if key == name]

    def get(self, name: str) -> str:
        """The value of the first header field of that name, or ""."""
        return next(iter(self.all(name)), "")

    def with_first(self, name: str, value: str) -> Self:
        """The same message with one more header field before all others."""
        return replace(self, headers=((name, value), *self.headers))

    def without_first(self, name: str) -> Self:
        """The same message without the first header field of that name."""
        place = next(number for number, (key, _value) in enumerate(self.headers) if key == name)
        return replace(self, headers=self.headers[:place] + self.headers[place + 1 :])

    def with_only(self, name: str, value: str) -> Self:
        """The same message with this as the only header field of that name."""
        others = tuple(header for header in self.headers if header[0] != name)
        return replace(self, headers=(*others, (name, value)))

    @abstractmethod
    def _start_line(self) -> str:
        """The line that tells a request from a response."""

    def encode(self) -> bytes:
        """The message as bytes, with its Content-Length."""
        lines = [self._start_line()]
        lines += [f"{name.title()}: {value}" for name, value in self.headers if name != "content-length"]
        lines += [f"Content-Length: {len(self.body)}", "", ""]
        return "\r\n".join(lines).encode() + self.body


@dataclass(frozen=True)
class Request(Message):
    """A request, RFC 3261 section 7.1."""

    method: str = field(kw_only=True)
    uri: str = field(kw_only=True)

    def _start_line(self) -> str:
        return f"{self.method} {self.uri} SIP/2.0"


@dataclass(frozen=True)
class Response(Message):
    """A response, RFC 3261 section 7.2."""

    status: int = field(kw_only=True)
    reason: str = field(kw_only=True)

    def _start_line(self) -> str:
        return f"SIP/2.0 {self.status} {self.reason}"


def _parse_headers(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Header fields with folded lines joined and short names made long (sections 7.3.1, 7.3.3)."""
    unfolded: list[str] = []
    for line in lines:
        if line[:1] in {" ", "\t"}:
            if not unfolded:
                raise SipError("Folded Line Before The First Header")
            unfolded[-1] += " " + line.strip()
        else:
            unfolded.append(line)
    for line in unfolded:
        name, colon, value = line.partition(":")
        name = name.rstrip().lower()
        if not colon or not name or " " in name:
            raise SipError("Header Without A Name")
        yield _COMPACT.get(name, name), value.strip()


def _content_length(headers: tuple[tuple[str, str], ...]) -> int:
    """The body's length, which messages on a stream must carry (section 18.3)."""
    values = {value for name, value in headers if name == "content-length"}
    if len(values) != 1:
        raise SipError("Missing Or Contradicting Content-Length")
    value = values.pop()
    # isdecimal alone would let other scripts' digits pass.
    if not (value.isascii() and value.isdecimal() and len(value) < len(str(MAX_BODY)) + 1):
        raise SipError("Bad Content-Length")
    if (length := int(value)) > MAX_BODY:
        raise SipError("Body Too Large")
    return length


def _parse_head(head: bytes) -> Message:
    """A message without its body."""
    try:
        first, *rest = head.decode("utf-8").split("\r\n")
    except UnicodeDecodeError as error:
        raise SipError("Header Is Not UTF-8") from error
    headers = tuple(_parse_headers(rest))
    words = first.split(" ", 2)
    if len(words) != 3:  # noqa: PLR2004 - a start line has three parts, section 7.1
        raise SipError("Bad Start Line")
    if words[0] == "SIP/2.0":
        if not (words[1].isascii() and words[1].isdecimal() and len(words[1]) == len("200")):
            raise SipError("Bad Status Code")
        return Response(headers, status=int(words[1]), reason=words[2])
    if words[2] != "SIP/2.0":
        raise SipError("Bad SIP Version")
    # Only of requests: the answer to what is no SIP message has nothing to copy these from.
    missing = [name for name in _NEEDED if name not in dict(headers)]
    if missing:
        raise SipError(f"Missing {missing[0].title()}")
    if dict(headers)["cseq"].split()[-1:] != [words[0]]:
        raise SipError("CSeq Does Not Match The Method")
    return Request(headers, method=words[0], uri=words[1])


class Framer:
    """Cuts a stream into messages and keep-alives, holding at most one message's worth of bytes."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = b""

    @property
    def has_part(self) -> bool:
        """Whether a message has begun that is not complete."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> Iterator[Message | KeepAlive]:
        """Yield what is complete; raises SipError at what can never become a message."""
        buffer, place = self._buffer + data, 0
        try:
            while (found := _next(buffer, place)) is not None:
                item, place = found
                yield item
        finally:
            self._buffer = buffer[place:]


def _next(buffer: bytes, place: int) -> tuple[Message | KeepAlive, int] | None:
    """What begins there, and where the next one does; None while it is incomplete."""
    if buffer.startswith(CRLF, place):
        return KeepAlive(), place + len(CRLF)
    end = buffer.find(CRLF * 2, place, place + MAX_HEADER + len(CRLF * 2))
    if end < 0 and len(buffer) - place > MAX_HEADER:
        raise SipError("Header Too Large")
    if end < 0:
        return None
    message = _parse_head(buffer[place:end])
    start = end + len(CRLF * 2)
    stop = start + _content_length(message.headers)
    if len(buffer) < stop:
        return None
    return replace(message, body=buffer[start:stop]), stop
