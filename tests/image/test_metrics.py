"""What Prometheus scrapes, read by its own parser, while the shipped HAProxy balances."""

import time
from urllib.parse import urlencode

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.image.asking import Ask, api, ask
from tests.image.conftest import Appliance
from tests.image.servers import FrontEnd, connect, wait_until

__all__ = ["api", "ask"]

Values = dict[tuple[str, str], float]
SERVICE = {
    "label": "web",
    "ip": "192.168.10.30",
    "ports": [5060],
    "real_servers": [{"label": "FE-1", "ip": "192.168.10.31", "port": 5060}],
}
MAX_SERVER_BYTES = 8_000
"""Of a real server's share of an answer: it has to stay small on a machine with hundreds of them."""


@pytest.fixture(autouse=True)
def running(appliance: Appliance) -> None:
    """HAProxy on the factory's configuration."""
    appliance.changes()


def scraped(api: Ask, **options: object) -> list[Metric]:
    answer = api("GET", "/metrics", **options)
    assert answer.status == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return list(text_string_to_metric_families(answer.text))


def values(families: list[Metric]) -> Values:
    """Return the samples by name and labels, as in 'proxy=web'."""
    found = {}
    for family in families:
        for sample in family.samples:
            found[sample.name, urlencode(sample.labels)] = sample.value
    return found


def test_the_official_parser_reads_every_metric_once(api: Ask) -> None:
    families = scraped(api)
    names = [family.name for family in families]
    assert len(names) == len(set(names))
    assert all(family.documentation and family.type in {"counter", "gauge"} for family in families)
    now = values(families)
    assert now["lbva_haproxy_up", ""] == 1
    assert now["lbva_role", "role=single"] == 1
    assert now["lbva_role", "role=master"] == 0
    assert now["lbva_pair_sync", "state=single"] == 1
    assert now["lbva_licence", "state=trial"] == 1
    assert 0 < now["lbva_licence_left_days", ""] <= 30
    assert now["lbva_uptime_seconds", ""] > 0
    assert 0 < now["lbva_memory_available_bytes", ""] < now["lbva_memory_total_bytes", ""]
    assert 0 < now["lbva_data_available_bytes", ""] <= now["lbva_data_size_bytes", ""]
    assert ("lbva_network_receive_bytes_total", "device=eth0") in now
    assert now["lbva_ipvs_connections_total", ""] == 0


def test_counters_grow_and_a_certificate_tells_its_end(
    api: Ask, front_ends: dict[str, FrontEnd], appliance: Appliance
) -> None:
    assert api("POST", "/layer7/virtual-services", SERVICE).status == 201
    certificate = {"label": "pool", "common_name": "pool.example.com", "names": [], "days": 20}
    assert api("POST", "/layer7/certificates/self-signed", certificate).status == 201
    wait_until(lambda: values(scraped(api)).get(("haproxy_server_status", "proxy=web&server=FE-1&state=UP")))
    wait_until(lambda: appliance.has_address("192.168.10.30"))
    before = values(scraped(api))
    connect("192.168.10.30", 5060, "192.168.10.101")[0].close()
    key = "haproxy_server_sessions_total", "proxy=web&server=FE-1"
    wait_until(lambda: values(scraped(api))[key] == before[key] + 1)
    now = values(scraped(api))
    busy = "lbva_cpu_seconds_total", "mode=user"
    assert now[busy] >= before[busy] > 0
    ends = now["lbva_certificate_not_after_timestamp_seconds", "certificate=pool"]
    assert ends == pytest.approx(time.time() + 20 * 86400, abs=86400)


def test_it_takes_a_login_or_an_api_key(api: Ask, ask: Ask) -> None:
    key = api("POST", "/api-keys", {"name": "prometheus", "role": "read-only"})["key"]
    assert scraped(api, basic=None, token=key)
    for options in ({"basic": None}, {"basic": "loadbalancer:wrong"}, {"basic": None, "token": f"{key}x"}):
        refused = api("GET", "/metrics", **options)
        assert (refused.status, "haproxy_" in refused.text) == (401, False)


def test_without_haproxy_the_rest_is_told(api: Ask, appliance: Appliance) -> None:
    appliance.stop("haproxy")
    now = values(scraped(api))
    assert now["lbva_haproxy_up", ""] == 0
    assert not any(name.startswith("haproxy_") for name, _ in now)
    assert now["lbva_memory_total_bytes", ""] > 0


def test_an_answer_for_many_servers_is_bounded(api: Ask, appliance: Appliance) -> None:
    servers = [{"label": f"RS-{n}", "ip": f"192.168.10.{n}", "port": 80} for n in range(100, 200)]
    small = len(api("GET", "/metrics").body)
    assert api("POST", "/layer7/virtual-services", {**SERVICE, "real_servers": servers}).status == 201
    families = scraped(api)
    large = len(api("GET", "/metrics").body)
    assert len(families) > 50
    assert (large - small) / len(servers) < MAX_SERVER_BYTES
