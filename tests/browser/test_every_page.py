"""Every page that a link leads to, at two widths: it answers, fits, and explains each of its fields."""

import pytest

from harness.browser import NARROW, WIDE
from lbadmin.client import Client
from tests.browser.conftest import Visit
from tests.browser.crawling import PICTURES, crawl
from tests.image.servers import FrontEnd


@pytest.mark.parametrize(
    "size", [pytest.param(WIDE, id="1280"), pytest.param(NARROW, id="800", marks=pytest.mark.nightly)]
)
def test_every_page_answers_fits_and_explains_its_fields(
    visit: Visit, pool: dict[str, FrontEnd], api: Client, size: tuple[int, int]
) -> None:
    page = visit(size)
    api.call("POST", "/api-keys", {"name": "scripts", "role": "read-only"})
    api.call("POST", "/layer7/check-scripts", {"label": "always", "text": "#!/bin/sh\nexit 0\n"})
    certificate = {"label": "pool", "common_name": "pool.example.com", "names": [], "days": 20}
    api.call("POST", "/layer7/certificates/self-signed", certificate)
    vlan = {"name": "vlan20", "vlan": {"parent": "bond0", "id": 20}, "addresses": ["192.168.20.21/24"]}
    bond = {"name": "bond0", "bond": {"members": ["eth2", "eth3"], "mode": "802.3ad"}}
    interfaces = [*api.call("GET", "/node")["interfaces"], {"name": "eth2"}, {"name": "eth3"}, bond, vlan]
    routes = ["10.0.0.0/8 via 192.168.20.1", "default via 192.168.2.254 from 192.168.2.0/24"]
    api.call("PATCH", "/node", {"interfaces": interfaces, "routes": routes})
    servers = [{"label": f"FE-{n}", "ip": f"192.168.2.3{n}"} for n in (1, 2)]
    ports = "5060,5061,135,443,444,5065,5069,5071-5074,8404"
    for label, method, ip in (("OCS-Direct", "dr", "192.168.2.40"), ("OCS-SNAT", "snat", "192.168.2.41")):
        service = {"label": label, "ip": ip, "ports": ports, "forwarding": method, "real_servers": servers}
        api.call("POST", "/layer4/virtual-services", service)
    for old in PICTURES.glob(f"*-{size[0]}.png"):
        old.unlink()
    found = crawl(page)
    assert len(found) > 40
    assert {path: problems for path, problems in found.items() if problems} == {}
