"""Visits as by a browser without JavaScript: it keeps cookies and sends forms as they were shown."""

import html
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from lbadmin.client import Client
from tests.image.conftest import Appliance
from tests.image.servers import trusting

USER, PASSWORD = "loadbalancer", "loadbalancer"


class Visitor:
    """A browser: it keeps cookies, and sends forms as they were shown with some fields typed over."""

    def __init__(self, base: str, certificate: Path) -> None:
        context = trusting(certificate)
        origin = {"Sec-Fetch-Site": "same-origin"}
        self.http = httpx.Client(base_url=base, verify=context, headers=origin, timeout=30)

    def login(self, where: str = "/lbadmin/") -> httpx.Response:
        form = {"user": USER, "password": PASSWORD, "next": where}
        return self.http.post("/lbadmin/login", data=form)

    def get(self, path: str) -> str:
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def fill(self, path: str, *, shown: str | None = None, **typed: str | None) -> httpx.Response:
        """Send the form of a page (or of one that was shown before); None leaves a field out."""
        fields = form_fields(shown if shown is not None else self.get(path))
        changes = {name.replace("__", "."): value for name, value in typed.items()}
        sent = {name: value for name, value in {**fields, **changes}.items() if value is not None}
        return self.http.post(path, data=sent)

    def upload(
        self, path: str, name: str, content: bytes, *, shown: str | None = None, **typed: str
    ) -> httpx.Response:
        """Send the form of a page (or of one that was shown before) with a file in the field of that name."""
        fields = {**form_fields(shown if shown is not None else self.get(path)), **typed}
        fields.pop(name, None)
        return self.http.post(path, data=fields, files={name: ("file", content)})


def form_fields(page: str) -> dict[str, str]:
    """Return the fields of the page's last form as a browser would send them."""
    form = page[page.rindex("<form") :]
    fields = {}
    for tag in re.findall(r"<input [^>]*>", form):
        attributes = dict(re.findall(r'([a-z-]+)="([^"]*)"', tag))
        if attributes.get("type") != "checkbox" or " checked" in tag:
            fields[attributes["name"]] = html.unescape(attributes.get("value", ""))
    for name, options in re.findall(r'<select [^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option(?: value="([^"]*)")? selected>([^<]*)', options)
        fields[name] = (chosen[1] if chosen[1] is not None else chosen[2]) if chosen else ""
    for name, text in re.findall(r'<textarea [^>]*name="([^"]*)"[^>]*>\n?(.*?)</textarea>', form, re.DOTALL):
        fields[name] = html.unescape(text)
    return fields


Arrive = Callable[[], Visitor]


@pytest.fixture
def arrive(appliance: Appliance, website: int) -> Iterator[Arrive]:
    visitors: list[Visitor] = []

    def make() -> Visitor:
        certificate = appliance.root / "var/lib/lbadmin/tls/web.pem"
        visitors.append(Visitor(f"https://127.0.0.1:{website}", certificate))
        return visitors[-1]

    yield make
    for visitor in visitors:
        visitor.http.close()


@pytest.fixture
def admin(arrive: Arrive) -> Visitor:
    visitor = arrive()
    assert visitor.login().status_code == 303
    return visitor


@pytest.fixture
def lbadmin(daemon: str) -> Client:
    return Client(daemon)
