"""The configurations: what the demand needs is in them, and what the balancers ship with stays."""

import re

import pytest

from harness.errors import LabError
from loadtests.dataplane.balancers import (
    BENCH_CFG,
    HAPROXY_CFG,
    NAMES,
    NGINX_CONF,
    Demand,
    all_of,
    haproxy_cfg,
    nginx_conf,
    pen_command,
)
from loadtests.dataplane.rig import starts, units_of

DEMAND = Demand("192.0.2.30", {"FE-1": "192.0.2.31", "FE-2": "192.0.2.32"}, capacity=50_000)
HAPROXY = "global\n\tuser haproxy\n\ndefaults\n\tmode\thttp\n\ttimeout client  50000\n"
NGINX = """user www-data;
include /etc/nginx/modules-enabled/*.conf;

events {
\tworker_connections 768;
\t# multi_accept on;
}

http {
\tgzip on;
}
"""
SHIPPED = {HAPROXY_CFG: HAPROXY, NGINX_CONF: NGINX}


def test_haproxy_keeps_what_debian_ships_and_gets_two_sections() -> None:
    text = haproxy_cfg(HAPROXY, DEMAND)
    assert text.startswith(HAPROXY)
    sip, bulk = re.findall(r"^listen \w+\n((?:\t.*\n)+)", text, re.MULTILINE)
    assert "\tbind 192.0.2.30:5060\n\tbind 192.0.2.30:5061\n" in sip
    assert "\tstick-table type ip size 50000 expire 30m\n\tstick on src\n" in sip
    assert "\tserver FE-2 192.0.2.32 check port 5061\n" in sip
    assert "\tbind 192.0.2.30:5201\n" in bulk
    assert re.findall(r"server (FE.*)", bulk) == ["FE-1 192.0.2.31"]


def test_nginx_gets_two_connections_a_client_and_streams_alone() -> None:
    text = nginx_conf(NGINX, DEMAND)
    assert text.startswith("user www-data;\ninclude /etc/nginx/modules-enabled/*.conf;\n")
    assert "worker_connections 101000;" in text
    assert "http" not in text
    assert text.count("{") == text.count("}")
    upstreams = dict(re.findall(r"upstream port(\d+) \{([^}]*)\}", text))
    assert re.findall(r"server (\S+);", upstreams["5061"]) == ["192.0.2.31:5061", "192.0.2.32:5061"]
    assert re.findall(r"server (\S+);", upstreams["5201"]) == ["192.0.2.31:5201"]
    assert re.findall(r"listen 192.0.2.30:(\d+);\n\t\tproxy_pass port(\d+);", text) == [
        ("5060", "5060"),
        ("5061", "5061"),
        ("5201", "5201"),
    ]


@pytest.mark.parametrize("shipped", ["", NGINX.replace("768", "1024"), NGINX.replace("http", "stream")])
def test_an_nginx_conf_that_debian_has_changed_is_not_guessed_at(shipped: str) -> None:
    with pytest.raises(LabError, match="adapt nginx_conf"):
        nginx_conf(shipped, DEMAND)


def test_pen_remembers_and_serves_as_many_as_the_others() -> None:
    command = pen_command(5060, DEMAND)
    assert command[:6] == ("/usr/bin/pen", "-f", "-x", "50000", "-c", "50000")
    assert command[6:] == ("192.0.2.30:5060", "192.0.2.31:5060", "192.0.2.32:5060")


def test_the_appliance_is_its_own_service_and_comes_first() -> None:
    balancers = all_of(DEMAND, SHIPPED.__getitem__)
    assert tuple(balancer.name for balancer in balancers) == NAMES
    assert starts(balancers[0]) == [["systemctl", "start", "haproxy.service"]]


def test_each_of_the_others_programs_is_a_unit_of_its_own() -> None:
    pen = all_of(DEMAND, SHIPPED.__getitem__)[-1]
    assert units_of(pen) == [f"bench-balancer-{number}.service" for number in range(3)]
    commands = starts(pen)
    assert {command[0] for command in commands} == {"systemd-run"}
    assert all("--property=CPUWeight=1000" in command for command in commands)


def test_debians_haproxy_leaves_the_appliances_configuration_alone() -> None:
    files = all_of(DEMAND, SHIPPED.__getitem__)[1].files
    assert list(files) == [BENCH_CFG]
    assert BENCH_CFG != HAPROXY_CFG
