"""Locust's users: a person at Office Communicator, and machines that ask the pool's other services.

Each has an address of its own, and notices when another front end answers it than before.
"""

import contextlib
import random
import ssl
import time
from dataclasses import dataclass
from functools import cached_property

import gevent
import h11
from gevent.pool import Group
from locust import User, task

from harness.ocs import DOMAIN, rpc
from harness.ocs.answers import EXPIRES_S
from harness.ocs.back_off import back_off_s
from harness.ocs.sip import Request, Response, SipError
from harness.ocs.web_server import ADDRESS_BOOK, FOCUS_PATH, FOCUS_TYPE
from loadtests import events
from loadtests.journal import Journal, Writer
from loadtests.line import AnswerError, Line, accepted, dial, secure, words_of
from loadtests.profiles import (
    CONTACTS,
    MESSAGE_BYTES,
    MESSAGES_PER_SESSION,
    SESSIONS_PER_HOUR,
    Order,
)

SIP_PORT, WEB_PORT, FOCUS_PORT, RPC_PORT = 5061, 443, 444, 135
TYPING_S = 20.0
"""Between the messages of a conversation, on average."""

VISIT_S = 10.0
"""Between two visits of a machine that asks another service, on average."""

_ERRORS = (OSError, AnswerError, SipError, rpc.RpcError, h11.RemoteProtocolError)
_PIECE = 16 * 1024
_chance = random.Random()  # noqa: S311 - spreads users, no secret


@dataclass
class Stage:
    """What the users of this process have in common: where they go, what they do, who is signed in."""

    order: Order
    target: str
    journal: Journal
    context: ssl.SSLContext
    host: int
    started: int = 0

    def __post_init__(self) -> None:
        self.present: set[str] = set()
        self.inboxes: dict[str, set[bytes]] = {}

    def next_number(self) -> int:
        """The number of a new user, counted from 1."""
        self.started += 1
        return self.started

    def address(self, number: int) -> str:
        """The address of a user's own (harness.topology.crowd_of): 10.HOST.x.y."""
        return f"10.{self.host}.{number >> 8 & 0xFF}.{number & 0xFF}"

    def name(self, number: int) -> str:
        """The name of a user; another process's users have others."""
        return f"u{self.host}-{number}"

    def contacts(self, number: int) -> list[str]:
        """The users whom one has as contacts: those whose numbers follow, round the circle."""
        users = max(self.order.users, 1)
        return [self.name((number + step) % users + 1) for step in range(min(CONTACTS, users - 1))]


class Member(User):
    """Anybody who uses the pool."""

    abstract = True

    @cached_property
    def stage(self) -> Stage:
        """What all users of the process share; the locustfile has put it there."""
        stage: Stage = self.environment.stage
        return stage

    def on_start(self) -> None:
        """Take a number, and with it a name and an address."""
        self.number = self.stage.next_number()
        self.name = self.stage.name(self.number)
        self.address = self.stage.address(self.number)
        self.front_end = ""
        self.writer = Writer(self.stage.journal, type(self).__name__, self.name, words_of)

    def met(self, front_end: str) -> None:
        """Note who answered; another one than before is a failure."""
        if not front_end:
            return
        if self.front_end not in {"", front_end}:
            error = f"from {self.front_end} to {front_end}"
            self.writer.note(events.AFFINITY, error=error, front_end=front_end)
        self.front_end = front_end

    def connect(self, port: int) -> ssl.SSLSocket:
        """A TLS connection to a port of the virtual address. Raises OSError."""
        with self.writer.timed(events.CONNECT):
            connection = dial(self.address, (self.stage.target, port))
        with self.writer.timed(events.TLS):
            return secure(connection, self.stage.context)


class OcsClient(Member):
    """A person: signs in, watches contacts, talks as the model does, and comes back when disconnected."""

    def on_start(self) -> None:
        """Begin to be there."""
        super().on_start()
        self.line: Line | None = None
        self.failures = 0
        self.lost_at: float | None = None
        self.not_before_s = 0.0
        self.inbox = self.stage.inboxes[self.name] = set()
        self.beside = Group()

    @task
    def be_there(self) -> None:
        """Sign in and stay until the connection is lost; then wait as RFC 5626 says, and do so again."""
        try:
            line = self.sign_in()
        except _ERRORS as error:
            self.failures += 1
            pause = back_off_s(self.failures, _chance.random())
            if isinstance(error, AnswerError) and error.retry_after_s:
                pause = max(pause, error.retry_after_s * (1 + _chance.random() / 4))
            gevent.sleep(pause)
            return
        self.failures = 0
        reason = self.stay(line)
        self.leave(line)
        self.lose(reason)

    def sign_in(self) -> Line:
        """Connect, sign in, subscribe. Raises what the connection or the pool has against it."""
        self.line = line = Line(self.connect(SIP_PORT), self.name, self.answer)
        signed_in = False
        try:
            with self.writer.timed(events.SIGN_IN) as met:
                met.front_end = accepted("REGISTER", line.register(EXPIRES_S)).get("server")
            signed_in = True
            self.met(met.front_end)
            self.stage.present.add(self.name)
            if self.lost_at is not None:
                self.writer.note(events.BACK, ms=(time.perf_counter() - self.lost_at) * 1000)
                self.lost_at = None
            if self.stage.order.talk:
                self.subscribe(line)
        except _ERRORS as error:
            self.leave(line)
            if signed_in:
                self.lose(error)
            raise
        return line

    def lose(self, reason: Exception) -> None:
        """Note that a connection is lost at which the user was signed in."""
        self.lost_at = time.perf_counter()
        self.writer.note(events.CONNECTION_LOST, error=words_of(reason))

    def subscribe(self, line: Line) -> None:
        """Ask for the presence of all contacts ([MS-PRES], batched subscription)."""
        contacts = self.stage.contacts(self.number)
        body = "".join(f'<resource uri="sip:{name}@{DOMAIN}"/>' for name in contacts).encode()
        kind = ("content-type", "application/msrtc-adrl-categorylist+xml")
        with self.writer.timed(events.SUBSCRIBE) as met:
            response = line.ask("SUBSCRIBE", ("event", "presence"), kind, body=body)
            met.front_end = accepted("SUBSCRIBE", response).get("server")

    def stay(self, line: Line) -> Exception:
        """Keep the connection alive, and talk, until it is lost; returns why it is."""
        self.beside.spawn(self.keep_alive, line)
        self.beside.spawn(self.renew, line)
        if self.stage.order.talk:
            self.beside.spawn(self.talk, line)
            self.beside.spawn(self.fetch_address_book)
        reason: Exception = line.broken.get()
        return reason

    def leave(self, line: Line) -> None:
        """Let go of a connection, and of all that was done over it."""
        self.stage.present.discard(self.name)
        self.beside.kill()
        line.close()

    def on_stop(self) -> None:
        """Sign out."""
        line = self.line
        if line is None or line.broken.ready():
            return
        with contextlib.suppress(*_ERRORS):  # the load is over
            line.register(0)
            self.writer.note(events.SIGNED_OUT)
        self.leave(line)

    def keep_alive(self, line: Line) -> None:
        """Send keep-alives, spread over their interval; a connection without a pong is dead."""
        interval_s = self.stage.order.keep_alive_s
        gevent.sleep(interval_s * _chance.random())
        while True:
            try:
                with self.writer.timed(events.KEEP_ALIVE) as met:
                    line.ping()
                    met.front_end = self.front_end
            except OSError as error:
                line.lose(error)
                return
            gevent.sleep(interval_s)

    def renew(self, line: Line) -> None:
        """Sign in anew before the binding expires, as clients do that stay for a night."""
        while True:
            gevent.sleep(EXPIRES_S * (0.5 + _chance.random() / 4))
            try:
                with self.writer.timed(events.RENEWAL) as met:
                    met.front_end = accepted("REGISTER", line.register(EXPIRES_S)).get("server")
                self.met(met.front_end)
            except _ERRORS as error:
                line.lose(error)
                return

    def talk(self, line: Line) -> None:
        """Have conversations, as many an hour as in the model."""
        pause_s = 3600 / (SESSIONS_PER_HOUR * self.stage.order.pace)
        while True:
            gevent.sleep(_chance.expovariate(1 / pause_s))
            others = sorted(self.stage.present - {self.name})
            if others:
                try:
                    self.converse(line, _chance.choice(others))
                except _ERRORS:
                    continue  # it is written down; whether the line is lost, the keep-alive finds out

    def converse(self, line: Line, other: str) -> None:
        """One conversation: an invitation, messages, an end. Raises what goes wrong."""
        with self.writer.timed(events.INVITATION) as met:
            met.front_end = accepted("INVITE", line.ask("INVITE", to=other)).get("server")
        line.ask("ACK", to=other)
        for number in range(MESSAGES_PER_SESSION):
            gevent.sleep(_chance.expovariate(1 / (TYPING_S / self.stage.order.pace)))
            self.send_message(line, other, number)
        accepted("BYE", line.ask("BYE", to=other))

    def send_message(self, line: Line, other: str, number: int) -> None:
        """Send one; that it was acknowledged and did not arrive is a failure. Raises what goes wrong."""
        body = f"{self.name} {time.time_ns()} {number} ".encode().ljust(MESSAGE_BYTES, b".")
        with self.writer.timed(events.MESSAGE) as met:
            response = line.ask("MESSAGE", ("content-type", "text/plain"), to=other, body=body)
            met.front_end = accepted("MESSAGE", response).get("server")
        inbox = self.stage.inboxes[other]
        if body not in inbox:
            self.writer.note(events.LOST, error=f"a message to {other} was acknowledged and did not arrive")
        inbox.discard(body)

    def answer(self, request: Request) -> None:
        """Take a message; all else is only answered."""
        if request.method == "MESSAGE":
            self.inbox.add(request.body)

    def fetch_address_book(self) -> None:
        """Fetch it once, within the first hour, as OCS's clients spread it."""
        gevent.sleep(3600 * _chance.random() / self.stage.order.pace)
        with contextlib.suppress(*_ERRORS):  # it is written down
            visit_web(self, events.ADDRESS_BOOK, WEB_PORT, ("GET", ADDRESS_BOOK))


class Visitor(Member):
    """A machine that asks a service again and again, over a connection of its own each time."""

    abstract = True

    @task
    def visit(self) -> None:
        """Ask once."""
        with contextlib.suppress(*_ERRORS):  # it is written down
            self.ask()
        gevent.sleep(_chance.expovariate(1 / VISIT_S))

    def ask(self) -> None:
        """Do what it does; raises what goes wrong."""
        raise NotImplementedError


class WebClient(Visitor):
    """Downloads the address book: port 443."""

    def ask(self) -> None:
        """Download it once."""
        visit_web(self, events.ADDRESS_BOOK, WEB_PORT, ("GET", ADDRESS_BOOK))


class FocusClient(Visitor):
    """Asks the focus for a conference: port 444."""

    def ask(self) -> None:
        """Ask once."""
        body = f'<request xmlns="urn:ietf:params:xml:ns:cccp" requestId="{self.number}"/>'.encode()
        visit_web(self, events.FOCUS, FOCUS_PORT, ("POST", FOCUS_PATH), body)


class RpcClient(Visitor):
    """Binds to the endpoint mapper: port 135."""

    def ask(self) -> None:
        """Bind once."""
        with self.writer.timed(events.CONNECT):
            connection = dial(self.address, (self.stage.target, RPC_PORT))
        with connection, self.writer.timed(events.ENDPOINT_MAP) as met:
            connection.sendall(rpc.bind(self.number).encode())
            data = b""
            while (answer := rpc.take(data)[0]) is None:
                piece = connection.recv(_PIECE)
                if not piece:
                    raise ConnectionError("connection closed")
                data += piece
            met.front_end = rpc.server_of(answer)
        self.met(met.front_end)


def visit_web(member: Member, kind: str, port: int, request: tuple[str, str], body: bytes = b"") -> None:
    """Ask one question by HTTPS. Raises OSError, AnswerError, h11.RemoteProtocolError."""
    with member.connect(port) as connection, member.writer.timed(kind) as met:
        http = h11.Connection(h11.CLIENT)
        headers = [("Host", DOMAIN), ("Content-Type", FOCUS_TYPE), ("Content-Length", str(len(body)))]
        head = h11.Request(method=request[0], target=request[1], headers=[*headers, ("Connection", "close")])
        for part in (head, h11.Data(data=body), h11.EndOfMessage()):
            connection.sendall(http.send(part) or b"")
        while not isinstance(event := http.next_event(), h11.EndOfMessage):
            if event is h11.NEED_DATA:
                http.receive_data(connection.recv(_PIECE))
            elif isinstance(event, h11.Response):
                met.front_end = dict(event.headers).get(b"server", b"").decode()
                if event.status_code != 200:  # noqa: PLR2004 - RFC 9110, 15.3.1
                    raise AnswerError(request[0], Response((), status=event.status_code, reason=""))
            elif isinstance(event, h11.ConnectionClosed):
                raise ConnectionError("connection closed")
    member.met(met.front_end)
