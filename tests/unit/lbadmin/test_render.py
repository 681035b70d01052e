"""The rendered files, line by line where a line has a reason."""

from lbadmin.haproxy import words_of
from lbadmin.model import NodeConfig
from lbadmin.render import HAPROXY_CFG, KEEPALIVED_CONF, render
from lbadmin.rules import parse_cluster, parse_node


def listen(**fields: object) -> list[str]:
    service = {"label": "web", "ip": "192.168.10.30", "ports": [5060, "5071-5074"], **fields}
    text = render(parse_cluster({"virtual_services": [service]}), NodeConfig())[HAPROXY_CFG]
    return [line.strip() for line in text.partition("\nlisten ")[2].splitlines()[1:]]


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


CHAIN = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
CERTIFICATES = [{"label": name, "chain": CHAIN, "key": "ab" * 32} for name in ("web", "unused")]


def test_a_certificate_in_use_is_rendered_without_its_key() -> None:
    service = {"label": "web", "ip": "192.168.10.30", "ports": [443], "tls_certificate": "web"}
    document = {"virtual_services": [service], "certificates": CERTIFICATES}
    files = render(parse_cluster(document), NodeConfig())
    assert files["/etc/haproxy/certs/web.pem"] == CHAIN
    assert f'load crt "web.pem" key "{"ab" * 32}.pem" alias "web"' in files[HAPROXY_CFG]
    assert "bind 192.168.10.30:443 transparent ssl crt @lbva/web ssl-min-ver TLSv1.2\n" in files[HAPROXY_CFG]
    assert "unused" not in "".join([*files, *files.values()])


def test_the_fences_around_haproxy_stay_up_unless_a_script_is_run() -> None:
    script = {"label": "look", "text": "#!/bin/sh\n"}
    check = {"type": "external", "script": "look"}
    service = {"label": "web", "ip": "192.168.10.30", "ports": [80]}
    without = render(parse_cluster({"check_scripts": [script], "virtual_services": [service]}), NodeConfig())
    scripted = {"check_scripts": [script], "virtual_services": [{**service, "health_check": check}]}
    with_it = render(parse_cluster(scripted), NodeConfig())
    assert "    chroot /var/lib/haproxy\n" in without[HAPROXY_CFG]
    assert "insecure-fork-wanted" not in without[HAPROXY_CFG]
    assert "chroot" not in with_it[HAPROXY_CFG]
    assert "    insecure-fork-wanted\n" in with_it[HAPROXY_CFG]
    assert with_it["/etc/haproxy/checks/look"] == "#!/bin/sh\n"


def test_a_check_encrypts_and_names_the_client_only_where_clients_are_served() -> None:
    service: dict[str, object] = {"send_proxy_protocol": "v2", "health_check": {"type": "http"}}
    assert " check port 443 check-ssl check-send-proxy " in server(service, port=443, re_encrypt=True)
    connect: dict[str, object] = {"send_proxy_protocol": "none", "health_check": {"type": "connect"}}
    assert "check-ssl" not in server(connect, port=443, re_encrypt=True)
    elsewhere: dict[str, object] = {**service, "health_check": {"type": "http", "check_ports": [8080]}}
    assert " check port 8080 inter " in server(elsewhere, port=443, re_encrypt=True)


def test_a_cookie_names_a_real_server_by_neither_label_nor_address() -> None:
    service: dict[str, object] = {"protocol": "http", "persistence": {"mode": "http_cookie"}}
    value = server(service).partition(" cookie ")[2].split()[0]
    assert len(value) == 16
    assert "FE-1" not in value
    assert (
        server({**service, "label": "other"}, ip="192.168.10.99").partition(" cookie ")[2].split()[0] == value
    )


def test_the_last_resort_is_remembered_by_nobody() -> None:
    lines = listen(fallback_server={"ip": "192.168.10.99", "port": 80})
    assert "server _fallback 192.168.10.99:80 backup non-stick" in lines


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
