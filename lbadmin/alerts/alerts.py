"""Alerts put together for lbadmind: looks every few seconds, keeps what happened, and has it delivered."""

import json
import logging
import threading
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from lbadmin.alerts.courier import Courier, DeliveryError
from lbadmin.alerts.event import Event, Name
from lbadmin.alerts.tracking import Look, Server, State, Tracker, layer4_states_of, states_of
from lbadmin.alerts.webhook import body_of, post
from lbadmin.errors import Fault, LbadminError, RefusedError, UnavailableError
from lbadmin.mailing import send
from lbadmin.node.alerts import Alerts as Settings
from lbadmin.parts import Parts
from lbadmin.secret import id_of
from lbadmin.status import node_messages_of
from lbadmin.status_layer4 import layer4_status
from lbadmin.store import write_durably
from lbadmin.worker import Worker

LOOK_S = 5.0
KEEP = 50
"""The latest alerts, which are shown."""
MAIL_REST_S = 60.0
"""What happens within a minute of a mail is one more mail."""
FILE = "alerts.json"

_EVENTS = TypeAdapter(list[Event])
_KINDS: dict[Name, str] = {
    "real-server-down": "real_servers",
    "real-server-up": "real_servers",
    "real-server-flapping": "real_servers",
    "master": "roles",
    "fault": "roles",
    "warning": "warnings",
    "warning-over": "warnings",
}
"""The flag of the settings that an event goes by."""

log = logging.getLogger(__name__)


class Outcome(NamedTuple):
    """How the test of one way ended: None, or why not."""

    way: str
    problem: str | None


class Alerts:
    """What has happened on this node. Safe to use from several threads."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._changes = parts.changes
        self._file = parts.system.state / FILE
        self._lock = threading.Lock()
        self._latest: deque[Event] = deque(maxlen=KEEP)
        self._tracker = Tracker()
        self._load()
        self._worker = Worker("alerts", self.look)
        self._mails = Courier("alerts by mail", self._mail, rest_s=MAIL_REST_S)
        self._webhooks = Courier("alerts by webhook", self._post)

    def start(self) -> None:
        """Begin to look and to deliver."""
        for each in (self._mails, self._webhooks, self._worker):
            each.start()

    def stop(self) -> None:
        """Look and deliver no more."""
        for each in (self._worker, self._mails, self._webhooks):
            each.stop()

    def latest(self) -> list[Event]:
        """Return the latest alerts, newest first."""
        with self._lock:
            return list(reversed(self._latest))

    def look(self) -> float:
        """See what has happened since the last look; return the seconds until the next."""
        told = node_messages_of(self._parts)
        seen = Look(datetime.now(UTC), told.node.hostname, told.node.role, self._servers(), told.messages)
        before = (dict(self._tracker.servers), dict(self._tracker.active))
        events = self._tracker.look(seen)
        if events or before != (self._tracker.servers, self._tracker.active):
            self._note(events)
        return LOOK_S

    def _servers(self) -> dict[Server, State | None]:
        """Return the states of the real servers of both layers; without HAProxy those told of are unknown."""
        try:
            layer7 = states_of(self._parts.haproxy.statistics())
        except UnavailableError:
            layer7 = dict.fromkeys(self._tracker.servers)
        services = self._changes.current.cluster.layer4_services
        return {**layer7, **layer4_states_of(layer4_status(self._parts.system, services))}

    def test(self) -> list[Outcome]:
        """Send a test by each way that is set up, and wait for its end. Raises RefusedError without any."""
        settings = self._settings
        ways = [("email", self._mail)] if settings.email else []
        ways += [("webhook", self._post)] if settings.webhook else []
        if not ways:
            message = "alerts go nowhere yet; switch on email or name a webhook first"
            raise RefusedError([Fault("alerts", None, message)])
        hostname = self._changes.current.node.hostname
        text = f"This is a test of the alerts of {hostname}."
        event = Event(event="test", severity="info", object=hostname, text=text, time=datetime.now(UTC))
        outcomes = []
        for way, deliver in ways:
            try:
                deliver([event])
                outcomes.append(Outcome(way, None))
            except DeliveryError as error:
                outcomes.append(Outcome(way, str(error)))
        return outcomes

    @property
    def _settings(self) -> Settings:
        return self._changes.current.node.alerts

    def _note(self, events: Sequence[Event]) -> None:
        for each in events:
            log.info("alert %s: %s", each.event, each.text)
        with self._lock:
            self._latest.extend(events)
        self._save()
        settings = self._settings
        wanted = [each for each in events if getattr(settings, _KINDS[each.event])]
        if wanted and settings.email:
            self._mails.take(wanted)
        if wanted and settings.webhook:
            self._webhooks.take(wanted)

    def _mail(self, events: Sequence[Event]) -> None:
        node = self._changes.current.node
        lines = [f"{each.time:%Y-%m-%d %H:%M:%S} UTC  {each.severity}: {each.text}" for each in events]
        more = f" (and {len(events) - 1} more)" if len(events) > 1 else ""
        subject = f"{node.hostname}: {events[0].text}{more}"
        try:
            send(
                self._changes.system,
                node.mail,
                self._secret(node.mail.password),
                subject,
                "\n".join(lines) + "\n",
            )
        except LbadminError as error:
            raise DeliveryError(error.sentence) from error

    def _post(self, events: Sequence[Event]) -> None:
        node = self._changes.current.node
        secret = self._secret(node.alerts.webhook_secret)
        post(node.alerts, node.proxy, secret, body_of(node.hostname, events))

    def _secret(self, name: str | None) -> str | None:
        kept = id_of(name) if name is not None else None
        if kept is None:
            return None
        try:
            return self._changes.secrets.read(kept)
        except (OSError, LbadminError) as error:
            raise DeliveryError(f"a secret can't be read: {error}", again=False) from error

    def _load(self) -> None:
        """Go on where lbadmind ended; what can't be read is left, since the appliance is worth more."""
        try:
            stored = json.loads(self._file.read_bytes())
            self._latest.extend(_EVENTS.validate_python(stored["latest"]))
            self._tracker.active.update({str(key): str(text) for key, text in stored["active"].items()})
            for service, server in stored["down"]:
                self._tracker.servers[service, server] = "down"
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ValidationError):
            log.exception("%s can't be read; earlier alerts are lost", self._file)

    def _save(self) -> None:
        stored = {
            "latest": [each.model_dump(mode="json") for each in reversed(self.latest())],
            "active": self._tracker.active,
            "down": [list(server) for server, state in self._tracker.servers.items() if state == "down"],
        }
        try:
            write_durably(self._file, json.dumps(stored).encode(), mode=0o600)
        except OSError as error:
            log.warning("%s can't be written: %s", self._file, error)
