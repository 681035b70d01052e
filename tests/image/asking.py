"""Requests over HTTPS to the appliance's website and REST API, as a remote client makes them."""

import base64
import http.client
import json
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from lbadmin.client import PREFIX
from tests.image.conftest import Appliance
from tests.image.servers import trusting

USER, PASSWORD = "loadbalancer", "loadbalancer"


@dataclass(frozen=True)
class Answer:
    """An answer; its fields are those of its JSON body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def __getitem__(self, field: str) -> Any:  # noqa: ANN401 - JSON is any shape
        return json.loads(self.body)[field]


Ask = Callable[..., Answer]


@pytest.fixture
def ask(appliance: Appliance, website: int) -> Ask:
    """Send a request for a path; `basic` is USER:PASSWORD, `token` a session's or an API key."""
    context = trusting(appliance.root / "var/lib/lbadmin/tls/web.pem")
    context.minimum_version = ssl.TLSVersion.TLSv1_2

    def send(
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        basic: str | None = None,
        token: str | None = None,
    ) -> Answer:
        sent = dict(headers or {})
        if basic is not None:
            sent["Authorization"] = f"Basic {base64.b64encode(basic.encode()).decode()}"
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        data = body if isinstance(body, str | bytes) or body is None else json.dumps(body)
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPSConnection("127.0.0.1", website, context=context, timeout=30)
        try:
            connection.request(method, path, data, sent)
            response = connection.getresponse()
            answered = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, answered, response.read())
        finally:
            connection.close()

    return send


@pytest.fixture
def api(ask: Ask) -> Ask:
    """Send a request for a path below the API's, as the user with the factory password."""

    def send(method: str, path: str, body: object = None, **options: object) -> Answer:
        return ask(method, PREFIX + path, body, **{"basic": f"{USER}:{PASSWORD}", **options})

    return send
