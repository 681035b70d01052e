"""Where the WebUI goes when the address that the browser is connected to changes."""

from typing import Any

import pytest
from starlette.requests import Request

from lbadmin.web.views.network import new_url

NODE = {
    "interfaces": [
        {"name": "eth0", "addresses": ["192.168.2.21/24", "2001:db8::21/64"]},
        {"name": "eth1", "addresses": []},
    ]
}


def request(server: str) -> Request:
    return Request(
        {
            "type": "http",
            "scheme": "https",
            "server": (server, 9443),
            "path": "/lbadmin/local/interfaces",
            "headers": [(b"host", b"lb1.example.com:9443")],
            "query_string": b"",
        }
    )


def rows(**addresses: list[str]) -> list[dict[str, Any]]:
    return [{"name": name, "addresses": held} for name, held in addresses.items()]


@pytest.mark.parametrize(
    ("server", "after", "url"),
    [
        ("192.168.2.21", rows(eth0=["192.168.2.22/24"], eth1=["10.0.0.1/8"]), "https://192.168.2.22:9443/lbadmin/"),
        ("192.168.2.21", rows(eth0=[], eth1=["10.0.0.1/8"]), "https://10.0.0.1:9443/lbadmin/"),
        ("::ffff:192.168.2.21", rows(eth0=["192.168.2.22/24"]), "https://192.168.2.22:9443/lbadmin/"),
        ("2001:db8::21", rows(eth0=["2001:db8::22/64"]), "https://[2001:db8::22]:9443/lbadmin/"),
    ],
)  # fmt: skip
def test_the_new_url_is_told_when_the_address_of_the_page_goes(server: str, after: Any, url: str) -> None:  # noqa: ANN401 - JSON is any shape
    assert new_url(request(server), NODE, after) == url


@pytest.mark.parametrize(
    ("server", "after"),
    [
        ("192.168.2.21", rows(eth0=["192.168.2.21/16"], eth1=["10.0.0.1/8"])),
        ("192.168.2.21", rows(eth0=[], eth1=["192.168.2.21/24"])),
        # A virtual service's address, or one behind address translation: this form does not take it away.
        ("192.168.10.30", rows(eth0=["192.168.2.22/24"])),
        # Nothing is left at all: that is refused, so nothing moves.
        ("192.168.2.21", rows(eth0=[], eth1=[])),
    ],
)
def test_nobody_is_asked_when_the_address_of_the_page_stays(server: str, after: Any) -> None:  # noqa: ANN401 - JSON is any shape
    assert new_url(request(server), NODE, after) == ""
