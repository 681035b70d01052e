"""Webhooks: events as JSON, signed, by HTTP or HTTPS to where the administrator says, and nowhere else."""

import hashlib
import hmac
import http.client
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from lbadmin.alerts.courier import DeliveryError
from lbadmin.alerts.event import Event
from lbadmin.node.alerts import Alerts
from lbadmin.node.proxy import Proxy

TIMEOUT_S = 10.0
"""For the connection and for each part of the answer."""
MAX_ANSWER = 65_536
SIGNATURE = "X-LBVA-Signature"
"""The header with "sha256=" and HMAC-SHA-256 (RFC 2104) of the body, by the secret, in hexadecimal."""

_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect leads elsewhere than the administrator said."""

    def redirect_request(self, *_: Any) -> None:  # noqa: ANN401 - urllib's own
        return None


def body_of(appliance: str, events: Sequence[Event]) -> bytes:
    """Return the JSON that is sent: {"appliance": HOSTNAME, "events": [Event, …]}."""
    listed = [each.model_dump(mode="json") for each in events]
    return json.dumps({"appliance": appliance, "events": listed}).encode()


def signature_of(body: bytes, secret: str) -> str:
    """Return the signature of a body."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def post(alerts: Alerts, proxy: Proxy, secret: str | None, body: bytes) -> None:
    """Send a body to the webhook, if there is one; return when it was taken. Raises DeliveryError."""
    if alerts.webhook is None:
        return
    headers = {"Content-Type": "application/json", "User-Agent": "LBVA"}
    if secret is not None:
        headers[SIGNATURE] = signature_of(body, secret)
    request = urllib.request.Request(alerts.webhook, body, headers, method="POST")  # noqa: S310 - http(s) alone
    try:
        with _opener(alerts, proxy).open(request, timeout=TIMEOUT_S) as answer:
            answer.read(MAX_ANSWER)
    except urllib.error.HTTPError as error:
        lasting = error.code < HTTPStatus.INTERNAL_SERVER_ERROR and error.code not in _AGAIN
        error.close()
        raise DeliveryError(f"the webhook answered {error.code}", again=not lasting) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise DeliveryError(f"the webhook can't be reached: {reason}") from error


def _opener(alerts: Alerts, proxy: Proxy) -> urllib.request.OpenerDirector:
    # The factory's store; an authority of the administrator's own stands alone.
    context = ssl.create_default_context(cadata=alerts.webhook_authority)
    proxies = {}
    if proxy.host is not None:
        host = f"[{proxy.host}]" if ":" in proxy.host else proxy.host
        proxies = dict.fromkeys(("http", "https"), f"http://{host}:{proxy.port}")
    opener = urllib.request.OpenerDirector()
    for handler in (
        # Without any of the environment's own, and without file:, ftp: and data:.
        urllib.request.ProxyHandler(proxies),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=context),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _NoRedirect(),
    ):
        opener.add_handler(handler)
    return opener
