"""Alerts: a real server goes down before the HAProxy that ships; an HTTPS receiver and a relay hear of it."""

import contextlib
import hashlib
import hmac
import json
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from lbadmin import cli
from lbadmin.alerts import alerts as looking
from lbadmin.alerts import courier
from lbadmin.api import create_app
from lbadmin.client import Client
from lbadmin.daemon import PeerProtocol, build, listen
from lbadmin.errors import LbadminError
from tests.image.conftest import JAVASCRIPT, Appliance
from tests.image.servers import FrontEnd, lbadmin_web, served, wait_until
from tests.image.visiting import Visitor

SECRET = "a shared secret"
SERVICE = {
    "label": "OCS",
    "ip": "192.168.10.30",
    "ports": [5060],
    "health_check": {"type": "connect", "interval_ms": 200},
    "real_servers": [{"label": "FE-1", "ip": "192.168.10.31"}, {"label": "FE-2", "ip": "192.168.10.32"}],
}


class Receiver:
    """An HTTPS server that keeps what is posted, and answers as it is told."""

    def __init__(self, folder: Path) -> None:
        self.posted: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        self.location = ""
        key, certificate = folder / "key.pem", folder / "cert.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-keyout", str(key), "-out", str(certificate), "-subj", "/CN=receiver", "-days", "2",
             "-addext", "subjectAltName=IP:192.168.10.100"],
            check=True, capture_output=True,
        )  # fmt: skip
        self.certificate = certificate.read_text()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.posted.append((dict(self.headers), body))
                self.send_response(receiver.status)
                if receiver.location:
                    self.send_header("Location", receiver.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                receiver.posted.append(({"method": "GET"}, b""))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:  # noqa: ANN401 - http.server's own
                pass

        self._server = ThreadingHTTPServer(("192.168.10.100", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"https://192.168.10.100:{self.port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()

    def events(self) -> list[dict[str, str]]:
        """Return all events that were taken."""
        return [event for _, body in self.posted if body for event in json.loads(body)["events"]]

    def names(self) -> list[tuple[str, str]]:
        """Return the events' names and objects."""
        return [(each["event"], each["object"]) for each in self.events()]


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    made = Receiver(tmp_path)
    yield made
    made.stop()


class _Smtp(socketserver.StreamRequestHandler):
    """As much of a relay as takes a mail (RFC 5321)."""

    def handle(self) -> None:
        self._say(b"220 relay")
        mails: list[str] = self.server.mails  # type: ignore[attr-defined] # ours
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"QUIT":
                self._say(b"221 bye")
                return
            if verb == b"DATA":
                self._say(b"354 go on")
                mails.append(b"".join(iter(self.rfile.readline, b".\r\n")).decode())
            self._say(b"250 ok")

    def _say(self, text: bytes) -> None:
        self.wfile.write(text + b"\r\n")


@pytest.fixture
def mails() -> Iterator[list[str]]:
    """What a relay on 192.168.10.101 port 2525 has taken."""
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    server = socketserver.ThreadingTCPServer(("192.168.10.101", 2525), _Smtp)
    server.mails = []  # type: ignore[attr-defined] # ours
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server.mails  # type: ignore[attr-defined] # ours
    server.shutdown()
    server.server_close()


@contextlib.contextmanager
def alerting(appliance: Appliance) -> Iterator[Client]:
    """Run lbadmind with its alerts."""
    path = appliance.system.path("/run/lbadmin/lbadmind.sock")
    context = build(appliance.system)
    context.changes.reconcile()
    config = uvicorn.Config(
        create_app(context), http=PeerProtocol, ws="none", log_config=None, proxy_headers=False
    )
    with served(config, listen(path)):
        context.alerts.start()
        yield Client(str(path))
        context.alerts.stop()


@pytest.fixture
def api(
    appliance: Appliance, front_ends: dict[str, FrontEnd], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Client]:
    """lbadmind that looks five times a second and bundles for half a second, before two real servers."""
    assert front_ends
    monkeypatch.setattr(looking, "LOOK_S", 0.2)
    monkeypatch.setattr(courier, "BUNDLE_S", 0.5)
    with alerting(appliance) as client:
        client.call("POST", "/layer7/virtual-services", SERVICE)
        yield client


def hooked(api: Client, receiver: Receiver, **more: object) -> None:
    settings = {"webhook": receiver.url, "webhook_authority": receiver.certificate, "webhook_secret": SECRET}
    api.call("PATCH", "/node", {"alerts": {**settings, **more}})


def healthy(api: Client) -> list[str]:
    (service,) = api.call("GET", "/status")["virtual_services"]
    return [each["label"] for each in service["real_servers"] if each["health"] == "up"]


def test_a_real_server_that_goes_down_and_up_is_told_by_a_signed_webhook(
    api: Client, receiver: Receiver, front_ends: dict[str, FrontEnd]
) -> None:
    hooked(api, receiver, warnings=False)
    front_ends["FE-1"].stop()
    wait_until(lambda: ("real-server-down", "OCS/FE-1") in receiver.names(), 20, "the webhook")
    headers, body = receiver.posted[0]
    signed = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    found = {name.lower(): value for name, value in headers.items()}
    assert found["x-lbva-signature"] == f"sha256={signed}"
    assert json.loads(body)["appliance"] == "lbva"
    (event,) = json.loads(body)["events"]
    assert event["text"] == "Real server FE-1 of OCS is down."
    assert event["severity"] == "critical"
    # A change reloads HAProxy, which takes all servers for up until it has checked them: nothing is told.
    api.call("PATCH", "/layer7/settings", {"client_timeout_ms": "30m"})
    front_ends["FE-1"].start()
    wait_until(lambda: len(receiver.names()) > 1, 20, "that it is up")
    assert receiver.names() == [("real-server-down", "OCS/FE-1"), ("real-server-up", "OCS/FE-1")]
    assert [each["event"] for each in api.call("GET", "/alerts")["alerts"]][:2] == [
        "real-server-up",
        "real-server-down",
    ]
    assert SECRET not in json.dumps(api.call("GET", "/node"))


def test_many_at_once_are_one_mail_and_one_post(
    api: Client, receiver: Receiver, mails: list[str], front_ends: dict[str, FrontEnd]
) -> None:
    mail = {"host": "192.168.10.101", "port": 2525, "security": "none", "sender": "lb@example.com",
            "recipients": ["admin@example.com"]}  # fmt: skip
    api.call("PATCH", "/node", {"mail": mail, "alerts": {"email": True, "warnings": False}})
    hooked(api, receiver)
    for each in front_ends.values():
        each.stop()
    wait_until(lambda: mails, 30, "the mail")
    wait_until(lambda: len(receiver.names()) >= 2, 20, "the webhook")
    assert "Real server FE-1 of OCS is down." in mails[0]
    assert "Real server FE-2 of OCS is down." in mails[0]
    assert "To: admin@example.com" in mails[0]
    assert len(mails) == 1


def test_an_outage_of_the_receiver_is_bridged(
    api: Client, receiver: Receiver, front_ends: dict[str, FrontEnd], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "PAUSES_S", (0.3,))
    hooked(api, receiver, warnings=False)
    receiver.status = 503
    front_ends["FE-2"].stop()
    wait_until(lambda: len(receiver.posted) > 2, 20, "another try")
    tried = {body for _, body in receiver.posted}
    receiver.status = 204
    count = len(receiver.posted)
    wait_until(lambda: len(receiver.posted) > count, 20, "the last try")
    assert {body for _, body in receiver.posted} == tried


def test_the_test_says_what_the_other_side_answered(
    api: Client, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(LbadminError, match="alerts go nowhere yet"):
        api.call("POST", "/alerts/test")
    hooked(api, receiver)
    assert api.call("POST", "/alerts/test") == {"results": [{"way": "webhook", "problem": None}]}
    assert receiver.names() == [("test", "lbva")]
    monkeypatch.setenv(cli.SOCKET_VARIABLE, api._path)
    assert cli.main(["test-alert"]) == 0
    assert capsys.readouterr().out == "webhook: taken\n"
    assert cli.main(["alerts"]) == 0
    receiver.status, receiver.location = 302, "file:///etc/passwd"
    (redirected,) = api.call("POST", "/alerts/test")["results"]
    assert redirected["problem"] == "the webhook answered 302"
    receiver.status, receiver.location = 307, f"{receiver.url}/elsewhere"
    count = len(receiver.posted)
    (redirected,) = api.call("POST", "/alerts/test")["results"]
    assert redirected["problem"] == "the webhook answered 307"
    assert len(receiver.posted) == count + 1
    receiver.status, receiver.location = 204, ""
    api.call("PATCH", "/node", {"alerts": {"webhook_authority": None}})
    (unknown,) = api.call("POST", "/alerts/test")["results"]
    assert "CERTIFICATE_VERIFY_FAILED" in unknown["problem"]
    api.call("PATCH", "/node", {"alerts": {"webhook": "http://192.168.10.100:1/"}})
    (nobody,) = api.call("POST", "/alerts/test")["results"]
    assert "can't be reached" in nobody["problem"]


class _Connect(socketserver.StreamRequestHandler):
    """A proxy that notes where it is asked to connect, and refuses."""

    def handle(self) -> None:
        asked: list[bytes] = self.server.asked  # type: ignore[attr-defined] # ours
        asked.append(self.rfile.readline())
        self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")


def test_the_proxy_is_asked_to_connect(api: Client, receiver: Receiver) -> None:
    with socketserver.ThreadingTCPServer(("192.168.10.102", 0), _Connect) as proxy:
        proxy.asked = []  # type: ignore[attr-defined] # ours
        threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True).start()
        hooked(api, receiver)
        api.call("PATCH", "/node", {"proxy": {"host": "192.168.10.102", "port": proxy.server_address[1]}})
        (refused,) = api.call("POST", "/alerts/test")["results"]
        proxy.shutdown()
    assert "403" in refused["problem"]
    assert proxy.asked[0].startswith(f"CONNECT 192.168.10.100:{receiver.port} ".encode())  # type: ignore[attr-defined]
    assert receiver.posted == []


def test_what_was_told_is_kept_and_not_told_again_after_a_restart(
    appliance: Appliance,
    front_ends: dict[str, FrontEnd],
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(looking, "LOOK_S", 0.2)
    monkeypatch.setattr(courier, "BUNDLE_S", 0.3)
    with alerting(appliance) as api:
        api.call("POST", "/layer7/virtual-services", SERVICE)
        hooked(api, receiver)
        front_ends["FE-1"].stop()
        wait_until(lambda: ("real-server-down", "OCS/FE-1") in receiver.names(), 20, "the webhook")
        kept = api.call("GET", "/alerts")["alerts"]
        assert any("factory password" in each["text"] for each in kept)
        told = len(receiver.events())
    (appliance.root / "run/lbadmin/lbadmind.sock").unlink()
    with alerting(appliance) as api:
        front_ends["FE-1"].start()
        wait_until(lambda: ("real-server-up", "OCS/FE-1") in receiver.names(), 20, "that it is up")
        assert len(receiver.events()) == told + 1
        assert api.call("GET", "/alerts")["alerts"][1:] == kept


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("ftp://example.com/", "is not the address of a webhook"),
        ("file:///etc/passwd", "is not the address of a webhook"),
        ("https://user:secret@example.com/", "is not the address of a webhook"),
        ("https://", "is not the address of a webhook"),
        ("https://exa mple.com/", "is not the address of a webhook"),
        ("https://example.com:99999/", "is not the address of a webhook"),
        (7, "is not the address of a webhook"),
    ],
)
def test_an_address_that_is_none_is_refused_in_a_sentence(api: Client, value: object, words: str) -> None:
    with pytest.raises(LbadminError, match=words):
        api.call("PATCH", "/node", {"alerts": {"webhook": value}})


def test_mails_need_a_relay(api: Client) -> None:
    with pytest.raises(LbadminError, match="email needs an SMTP relay"):
        api.call("PATCH", "/node", {"alerts": {"email": True}})


def test_the_page_sets_tests_and_shows_alerts(appliance: Appliance, api: Client, receiver: Receiver) -> None:
    with lbadmin_web(appliance.system, api._path, JAVASCRIPT) as port:
        admin = Visitor(f"https://127.0.0.1:{port}", appliance.root / "var/lib/lbadmin/tls/web.pem")
        assert admin.login().status_code == 303
        page = "/lbadmin/local/alerts"
        shown = admin.get(page)
        form = shown[: shown.index('action="/lbadmin/local/alerts/test"')].rpartition("<form")[0]
        wrong = admin.fill(page, shown=form, alerts__webhook="nowhere")
        assert "is not the address of a webhook" in wrong.text
        typed = {
            "alerts__webhook": receiver.url,
            "alerts__webhook_secret": SECRET,
            "alerts__webhook_authority": receiver.certificate,
        }
        assert admin.fill(page, shown=form, **typed).status_code == 303
        assert SECRET not in admin.get(page)
        assert admin.fill("/lbadmin/local/alerts/test", shown=admin.get(page)).status_code == 303
        assert "The test was taken (webhook)" in admin.get(page)
        assert receiver.names()[0] == ("test", "lbva")
        wait_until(lambda: "The factory password is in use" in admin.get("/lbadmin/overview/monitoring"), 10)
        admin.http.close()
