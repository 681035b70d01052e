"""`make bench-scale`: the management plane with 250 virtual services of 4 real servers each, natively.

Each figure stands beside a baseline of the same run: what the daemons alone take for the same, without it.
"""

import statistics
import time
from collections.abc import Callable

import httpx

from lbadmin.client import Client
from tests.image.conftest import Appliance
from tests.image.servers import trusting

SERVICES, SERVERS = 250, 4
ROUNDS = 5


def median_s(action: Callable[[], object]) -> float:
    """Return the median time of some rounds, in seconds."""
    times = []
    for _ in range(ROUNDS):
        start = time.monotonic()
        action()
        times.append(time.monotonic() - start)
    return statistics.median(times)


def document() -> dict[str, object]:
    """Return the raw ClusterConfig of that size."""
    services = [
        {
            "label": f"service-{number}",
            "ip": f"10.{number // 200}.{number % 200}.1",
            "ports": "80,443",
            "persistence": {"table_size": 1024},
            # Checks of a thousand servers that are not there are HAProxy's work, not what is measured here.
            "health_check": {"type": "none"},
            "real_servers": [
                {"label": f"server-{server}", "ip": f"10.{number // 200}.{number % 200}.{10 + server}"}
                for server in range(SERVERS)
            ],
        }
        for number in range(SERVICES)
    ]
    return {"layer7": {"maxconn": 1000}, "virtual_services": services}


def test_figures(appliance: Appliance, daemon: str, website: int) -> None:
    lbadmin = Client(daemon)
    lbadmin.call("PUT", "/config", document())
    connect_ms = iter(range(4001, 5000))
    weights = iter(range(101, 200))

    def change_by_reload() -> None:
        lbadmin.call("PATCH", "/layer7/settings", {"connection_timeout_ms": next(connect_ms)})

    def change_at_run_time() -> None:
        path = "/layer7/virtual-services/service-7/real-servers/server-1"
        lbadmin.call("PATCH", path, {"weight": next(weights)})

    def check_and_reload() -> None:
        assert appliance.run(["haproxy", "-c", "-f", "/etc/haproxy/haproxy.cfg"]).status == 0
        assert appliance.haproxy.reload() is None

    def show_stat() -> None:
        appliance.haproxy.worker("show stat")

    context = trusting(appliance.root / "var/lib/lbadmin/tls/web.pem")
    with httpx.Client(base_url=f"https://127.0.0.1:{website}", verify=context, timeout=30) as browser:
        login = {"user": "loadbalancer", "password": "loadbalancer"}
        browser.post("/lbadmin/login", data=login, headers={"Sec-Fetch-Site": "same-origin"})

        def page(path: str) -> Callable[[], None]:
            def get() -> None:
                answer = browser.get(path)
                assert answer.status_code == httpx.codes.OK
                assert "service-249" in answer.text

            return get

        daemons_alone, statistics_alone = median_s(check_and_reload), median_s(show_stat)
        rows = [
            ("change with a reload", median_s(change_by_reload), daemons_alone),
            ("change at run time", median_s(change_at_run_time), daemons_alone),
            ("System Overview", median_s(page("/lbadmin/")), statistics_alone),
            ("its live part", median_s(page("/lbadmin/overview/live")), statistics_alone),
        ]
    print(f"\n{SERVICES} virtual services of {SERVERS} real servers each")
    print(f"{'':24}{'LBVA, ms':>10}{'daemons alone, ms':>20}{'ratio':>8}")
    for name, ours, alone in rows:
        print(f"{name:24}{ours * 1000:>10.0f}{alone * 1000:>20.0f}{ours / alone:>8.1f}")
