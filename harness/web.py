"""HTTP from inside a lab: an httpx client whose sockets are made by the lab."""

import ssl
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpcore
import httpx

# Runs an action where sockets are to be made.
Inside = Callable[[Callable[[], httpcore.NetworkStream]], httpcore.NetworkStream]


class _Backend(httpcore.SyncBackend):
    """httpcore's own backend, with the making of the socket moved inside."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect from inside the lab."""
        make = super().connect_tcp
        return self._inside(lambda: make(host, port, timeout, local_address, socket_options))


class _Transport(httpx.HTTPTransport):
    """httpx's own transport over a pool with our backend, which httpx has no argument for."""

    def __init__(self, tls: ssl.SSLContext, inside: Inside, source: str | None) -> None:
        super().__init__(verify=tls)
        self._pool = httpcore.ConnectionPool(
            ssl_context=tls, network_backend=_Backend(inside), local_address=source
        )


def tls_context(certificate: Path | None) -> ssl.SSLContext:
    """Trust one certificate whatever name it bears or, for None, anybody: first contact in a lab."""
    context = ssl.create_default_context(cafile=str(certificate) if certificate else None)
    context.check_hostname = False
    if not certificate:
        context.verify_mode = ssl.CERT_NONE
    return context


def client(
    base_url: str, inside: Inside, *, certificate: Path | None, source: str | None, timeout_s: float
) -> httpx.Client:
    """An httpx client for `base_url` (further options: harness.lab.Lab.http)."""
    transport = _Transport(tls_context(certificate), inside, source)
    # trust_env: a proxy named in the environment is of the world outside.
    return httpx.Client(base_url=base_url, transport=transport, timeout=timeout_s, trust_env=False)
