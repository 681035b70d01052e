"""The rendered files, line by line where a line has a reason."""

from lbadmin.haproxy import words_of
from lbadmin.model import NodeConfig
from lbadmin.render import HAPROXY_CFG, KEEPALIVED_CONF, render
from lbadmin.rules import parse_cluster, parse_node


def listen(**fields: object) -> list[str]:
    service = {"label": "web", "ip": "192.168.10.30", "ports": [5060, "5071-5074"], **fields}
    text = render(parse_cluster({"virtual_services": [service]}), NodeConfig())[HAPROXY_CFG]
    return [line.strip() for line in text.partition("listen web\n")[2].splitlines()]


def server(service: dict[str, object], **fields: object) -> str:
    lines = listen(**service, real_servers=[{"label": "FE-1", "ip": "192.168.10.31", **fields}])
    return next(line for line in lines if line.startswith("server"))


def test_a_service_listens_on_all_its_ports_and_real_servers_keep_the_clients_port() -> None:
    assert [line for line in listen() if line.startswith("bind")] == [
        "bind 192.168.10.30:5060 transparent",
        "bind 192.168.10.30:5071-5074 transparent",
    ]
    assert server({}).startswith("server FE-1 192.168.10.31 weight 100 check port 5060 ")
    assert server({}, port=443).startswith("server FE-1 192.168.10.31:443 weight 100 check port 443 ")
    assert " check port 5061 " in server({"health_check": {"check_ports": 5061}}, port=443)
    assert "check" not in server({"health_check": {"type": "none"}})


def test_states_are_written_so_that_a_reload_keeps_them() -> None:
    assert " weight 0 " in server({}, state="drain")
    assert server({}, state="halt").endswith(" disabled")


def test_persistence_is_tracked_in_a_table_of_the_services_family() -> None:
    table = "stick-table type {} size 10240 expire 1800000 store conn_cur peers lbva"
    assert table.format("ip") in listen()
    assert table.format("ipv6") in listen(ip="2001:db8::30")
    assert not any("stick" in line or "track" in line for line in listen(persistence={"mode": "none"}))


def test_a_service_that_is_not_enabled_leaves_no_trace() -> None:
    service = {"label": "web", "ip": "192.168.10.30", "ports": [80], "enabled": False}
    files = render(parse_cluster({"virtual_services": [service]}), NodeConfig())
    assert "192.168.10.30" not in files[HAPROXY_CFG] + files[KEEPALIVED_CONF]
    assert "vrrp_instance" not in files[KEEPALIVED_CONF]


def test_virtual_addresses_go_to_the_interface_whose_subnet_holds_them() -> None:
    addresses = {"a": "192.168.10.30", "b": "172.16.0.1", "c": "2001:db8::30", "d": "192.168.2.30"}
    services = [{"label": label, "ip": ip, "ports": [80]} for label, ip in addresses.items()]
    node = parse_node(
        {
            "interfaces": [
                {"name": "eth0", "addresses": ["192.168.2.21/24"]},
                {"name": "eth1", "addresses": ["192.168.10.21/24", "2001:db8::21/64"]},
            ]
        }
    )
    text = render(parse_cluster({"virtual_services": services}), node)[KEEPALIVED_CONF]
    assert "virtual_router_id 21\n" in text
    assert [line.strip() for line in text.splitlines() if " dev " in line] == [
        "172.16.0.1/32 dev eth0",
        "192.168.2.30/32 dev eth0",
        "192.168.10.30/32 dev eth1",
        "2001:db8::30/128 dev eth1",
    ]


def test_the_gateway_is_given_to_the_interface_that_reaches_it() -> None:
    node = parse_node(
        {
            "hostname": "lb1",
            "dns": ["192.168.2.1"],
            "gateway": "192.168.10.1",
            "interfaces": [
                {"name": "eth0", "addresses": ["192.168.2.21/24"]},
                {"name": "eth1", "addresses": ["192.168.10.21/24"]},
            ],
        }
    )
    files = render(parse_cluster({}), node)
    assert files["/etc/hostname"] == "lb1\n"
    assert "Gateway" not in files["/etc/systemd/network/10-eth0.network"]
    assert "Gateway=192.168.10.1\n" in files["/etc/systemd/network/10-eth1.network"]
    assert files["/etc/resolv.conf"] == "nameserver 192.168.2.1\n"


def test_a_daemons_complaint_is_told_without_its_preamble() -> None:
    output = (
        "[NOTICE]   (26) : haproxy version is 3.0.11\n"
        "[ALERT]    (26) : config : parsing [the rendered file:12] : unknown keyword 'x'\n"
        "[ALERT]    (26) : config : Fatal errors found in configuration.\n"
    )
    assert words_of(output) == "config : parsing [the rendered file:12] : unknown keyword 'x'"
    assert words_of("\n") == "no reason given"
