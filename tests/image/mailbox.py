"""A mail relay for tests: SMTP with STARTTLS or TLS from the start, AUTH PLAIN, and words of its own."""

import base64
import contextlib
import socket
import ssl
import threading
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class Received:
    """A mail: the envelope's sender and recipients, who signed in, and whether it came encrypted."""

    sender: str
    recipients: list[str]
    user: str | None
    encrypted: bool
    message: EmailMessage


@dataclass
class Relay:
    """Takes mails at a place; `user` and `password` must sign in where they are given.

    `refusal` answers each recipient, `silent` answers nothing at all.
    """

    place: tuple[str, int]
    tls: ssl.SSLContext | None = None
    from_the_start: bool = False
    user: str = ""
    password: str = ""
    refusal: str = ""
    silent: bool = False
    mails: list[Received] = field(default_factory=list)

    def __enter__(self) -> "Relay":
        self._listener = socket.create_server(self.place)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self.tls is not None and self.from_the_start:
                connection = self.tls.wrap_socket(connection, server_side=True)
            _Session(self, connection).run()
        connection.close()


class _Session:
    """One connection (RFC 5321)."""

    def __init__(self, relay: Relay, connection: socket.socket) -> None:
        self.relay = relay
        self.connection = connection
        self.lines = connection.makefile("rb")
        self.user: str | None = None
        self.sender, self.recipients = "", list[str]()

    def say(self, text: str) -> None:
        self.connection.sendall(f"{text}\r\n".encode())

    def run(self) -> None:
        if self.relay.silent:
            self.lines.readline()
            return
        self.say("220 relay ready")
        # The lines are others after STARTTLS.
        while line := self.lines.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            if verb.upper() == "QUIT":
                self.say("221 bye")
                return
            if verb.upper() in {"EHLO", "STARTTLS", "AUTH"}:
                self.begin(verb.upper(), rest)
            else:
                self.take(verb.upper(), rest)

    def begin(self, verb: str, rest: str) -> None:
        relay, encrypted = self.relay, isinstance(self.connection, ssl.SSLSocket)
        if verb == "EHLO":
            self.say("250-relay")
            if relay.tls is not None and not encrypted:
                self.say("250-STARTTLS")
            if relay.user:
                self.say("250-AUTH PLAIN")
            self.say("250 8BITMIME")
        elif verb == "STARTTLS" and relay.tls is not None:
            self.say("220 go on")
            self.connection = relay.tls.wrap_socket(self.connection, server_side=True)
            self.lines = self.connection.makefile("rb")
        elif verb == "AUTH":
            if " " not in rest:
                self.say("334 ")
                rest = f"{rest} {self.lines.readline().decode().strip()}"
            _, user, password = base64.b64decode(rest.split()[1]).decode().split("\0")
            right = (user, password) == (relay.user, relay.password)
            self.user = user if right else None
            self.say("235 welcome" if right else "535 5.7.8 these credentials are not right")

    def take(self, verb: str, rest: str) -> None:
        relay, encrypted = self.relay, isinstance(self.connection, ssl.SSLSocket)
        if relay.user and self.user is None:
            self.say("530 5.7.0 sign in first")
        elif verb == "MAIL":
            self.sender, self.recipients = rest[rest.index("<") + 1 : rest.index(">")], []
            self.say("250 ok")
        elif verb == "RCPT":
            self.recipients.append(rest[rest.index("<") + 1 : rest.index(">")])
            self.say(relay.refusal or "250 ok")
        elif verb == "DATA":
            self.say("354 go on")
            # A dot that begins a line was doubled on its way (section 4.5.2).
            text = b"".join(line.removeprefix(b".") for line in iter(self.lines.readline, b".\r\n"))
            message = message_from_bytes(text, policy=policy.default)
            relay.mails.append(Received(self.sender, self.recipients, self.user, encrypted, message))
            self.say("250 taken")
        else:
            self.say("250 ok")
