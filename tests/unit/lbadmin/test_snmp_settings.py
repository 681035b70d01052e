"""Who may ask by SNMP: bad values in one sentence each, and what snmpd gets of good ones."""

from typing import Any

import pytest

from lbadmin.errors import RefusedError
from lbadmin.model import ClusterConfig, NodeConfig
from lbadmin.node.snmp import Snmp
from lbadmin.render import render
from lbadmin.render.snmp import HOSTS_ALLOW, SNMPD_CONF
from lbadmin.rules import check_rules, parse_node

INTERFACES = [{"name": "eth0", "addresses": ["192.168.2.21/24"]}]
GOOD: dict[str, Any] = {
    "enabled": True,
    "networks": ["192.168.2.0/24", "10.1.2.3", "2001:db8::/64"],
    "user": "monitoring",
    "auth_password": "an auth passphrase",
    "privacy_password": "a privacy passphrase",
}


def node_with(**snmp: object) -> NodeConfig:
    return parse_node({"interfaces": INTERFACES, "snmp": snmp})


def text_of(**snmp: object) -> str:
    return render(ClusterConfig(), node_with(**snmp))[SNMPD_CONF]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"networks": ["192.168.2.21/24"]}, ("network 192.168.2.21/24 is an address within a network; "
         "write 192.168.2.0/24 for the network or 192.168.2.21 for the address alone")),
        ({"networks": ["office"]}, ("network office is not a network; "
         "write it such as 192.168.2.0/24 or 2001:db8::/64")),
        ({"networks": ["10.0.0.0/33"]}, ("network 10.0.0.0/33 is not a network; "
         "write it such as 192.168.2.0/24 or 2001:db8::/64")),
        ({"networks": ["10.0.0.0/8", "10.0.0.0/8"]}, "network 10.0.0.0/8 is there twice; name each once"),
        ({"user": "a b"}, ("user a b is not the name of an SNMP user; use 1 to 32 letters, digits, dots, "
         "dashes and underscores, beginning with a letter or digit")),
        ({"auth_password": "1234567"}, ("auth_password has less than 8 characters; "
         "SNMPv3 wants a longer passphrase")),
        ({"privacy_password": "quo\"ted passphrase"}, ("privacy_password is not a secret of 1 to 128 ASCII "
         "characters without quotes and backslashes")),
        ({"community": "-Cn x"}, "community is not a community; begin it with a letter or digit"),
        ({"auth_algorithm": "MD5"}, "auth_algorithm MD5 is not one of 'SHA-256' or 'SHA-512'"),
        ({"privacy_algorithm": "DES"}, "privacy_algorithm DES is not one of 'AES' or 'AES-256'"),
        ({"contact": "two\nlines"}, 'contact "two\\nlines" is not a line of 1 to 255 ASCII characters'),
        ({"networks": []}, "networks is empty; name those that may ask, such as 192.168.2.0/24"),
        ({"user": None}, "user is missing; SNMP version 3 needs it"),
        ({"privacy_password": None}, "privacy_password is missing; SNMP version 3 needs it"),
        ({"versions": "both"}, "community is missing; SNMP version 2c needs one"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_in_one_sentence(wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(RefusedError) as refused:
        check_rules(ClusterConfig(), node_with(**{**GOOD, **wrong}))
    assert [fault.message for fault in refused.value.faults] == [sentence]
    assert refused.value.faults[0].field.startswith("snmp.")


def test_what_is_switched_off_may_be_incomplete_and_is_not_rendered() -> None:
    node = node_with(networks=[], user="monitoring")
    check_rules(ClusterConfig(), node)
    files = render(ClusterConfig(), node)
    assert files[SNMPD_CONF] == ""
    assert HOSTS_ALLOW not in files
    assert parse_node({"interfaces": INTERFACES}).snmp == Snmp()


def test_only_the_versions_that_are_wanted_are_configured() -> None:
    by_user = text_of(**GOOD, community="word")
    assert 'createUser monitoring SHA-512 "an auth passphrase" AES "a privacy passphrase"' in by_user
    assert "com2sec" not in by_user
    by_community = text_of(**{**GOOD, "versions": "v2c", "community": "word"})
    assert 'com2sec lbva default "word"' in by_community
    assert "createUser" not in by_community
    for text in (by_user, by_community):
        for dangerous in ("\nrw", "extend", "exec ", "agentx", "proxy", "\nrocommunity"):
            assert dangerous not in text


def test_the_networks_hold_for_every_version() -> None:
    assert render(ClusterConfig(), node_with(**GOOD))[HOSTS_ALLOW].splitlines() == [
        "snmpd: 192.168.2.0/255.255.255.0",
        "snmpd: 10.1.2.3/255.255.255.255",
        "snmpd: [2001:db8::]/64",
        "snmpd: ALL: DENY",
    ]
