"""The values of LBVA-MIB and how snmpd gets them; the MIB's text says what the values are."""

import io
import re
from collections.abc import Sequence
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

import lbadmin
from lbadmin.exposition import Family, text_of
from lbadmin.ipvs import Destination, Service, Totals, services, totals
from lbadmin.snmp.__main__ import MAX_AGE_S, Agent, serve
from lbadmin.snmp.tree import (
    OBJECTS,
    ROLES,
    ROOT,
    SERVER_STATES,
    SERVICE_STATES,
    Oid,
    Seen,
    indexes,
    tree_of,
)
from lbadmin.statistics import parse_statistics

MIB = (Path(lbadmin.__file__).parent / "static/LBVA-MIB.txt").read_text(encoding="ascii")
KINDS = {"string": "DisplayString", "integer": "INTEGER", "gauge": "Gauge32", "counter64": "Counter64"}

STATISTICS = """\
# pxname,svname,scur,slim,stot,bin,bout,dreq,ereq,econ,eresp,wretr,wredis,status,weight,\
act,bck,chkfail,chkdown,downtime,type,
_stats,FRONTEND,1,2000,9,1,2,0,0,,,,,OPEN,,,,,,,0,
web,FRONTEND,3,2000,70000000000,5,6,7,8,,,,,OPEN,,,,,,,0,
web,FE-1,2,,40,1,2,,,3,4,5,6,UP 1/2,100,1,0,7,8,9,2,
web,FE-2,0,,30,1,2,,,0,0,0,0,no check,0,1,0,,,,2,
web,BACKEND,3,200,70,5,6,0,,10,11,12,13,UP,100,1,0,,1,2,1,
mail,FRONTEND,0,2000,0,0,0,0,0,,,,,OPEN,,,,,,,0,
mail,BACKEND,0,200,0,0,0,0,,0,0,0,0,UP,0,0,1,,0,0,1,
old,FRONTEND,0,2000,0,0,0,0,0,,,,,OPEN,,,,,,,0,
old,BACKEND,0,200,0,0,0,0,,0,0,0,0,DOWN,0,0,0,,0,0,1,
"""
IP_VS = """\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  C0A80A1E:0050 wlc persistent 300 FFFFFFFF
  -> C0A80A20:0050      Masq    1      3          4
  -> C0A80A1F:0050      Route   2      5          6
UDP  [2001:0db8:0000:0000:0000:0000:0000:0030]:0035 rr
  -> [2001:0db8:0000:0000:0000:0000:0000:0031]:0035      Tunnel  1      0          7
FWM  00000010 wrr ops
"""
IP_VS_STATS = """\
   Total Incoming Outgoing         Incoming         Outgoing
   Conns  Packets  Packets            Bytes            Bytes
      1A        2        0        100000000                0

 Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s
       0        0        0                0                0
"""


def seen() -> Seen:
    return Seen("1.0", "master", parse_statistics(STATISTICS), totals(IP_VS_STATS), services(IP_VS))


def text(place: Sequence[int]) -> str:
    return tree_of(seen())[(*OBJECTS, *place)].text


def test_each_value_is_what_the_mib_says_at_its_place() -> None:
    assert f"{{ netSnmpPlaypen {ROOT.rpartition('.')[2]} }}" in MIB
    places = {"lbvaObjects": OBJECTS}
    syntax: dict[Oid, str] = {}
    assignment = re.compile(
        r"^(\w+) +(?:OBJECT-TYPE\s+SYNTAX\s+(\w+)[^\n]*\n\s+MAX-ACCESS +(\S+).*?|OBJECT IDENTIFIER )"
        r"::= \{ (\w+) (\d+) \}",
        re.MULTILINE | re.DOTALL,
    )
    for name, kind, access, parent, number in assignment.findall(MIB):
        if parent in places:
            places[name] = (*places[parent], int(number))
            if access == "read-only":
                syntax[places[name]] = kind
    assert len(syntax) > 35
    told = {}
    for oid, value in tree_of(seen()).items():
        scalar = oid[-1] == 0
        told[oid[:-1] if scalar else oid[: len(OBJECTS) + 3]] = KINDS[value.kind]
    assert told == syntax


def test_the_enumerations_are_the_mibs() -> None:
    for words in (ROLES, SERVICE_STATES, SERVER_STATES):
        named = ", ".join(f"{word}({number})" for number, word in enumerate(words, 1))
        assert f"INTEGER {{ {named} }}" in MIB


def test_services_and_real_servers_are_told_as_haproxy_has_them() -> None:
    web = indexes(["web", "mail", "old"])["web"]
    assert [text((2, 1, column, web)) for column in (2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13)] == [
        "web", "1", "3", "70000000000", "5", "6", "8", "7", "10", "11", "1",
    ]  # fmt: skip
    states = indexes(["web", "mail", "old"])
    assert [text((2, 1, 3, states[label])) for label in ("mail", "old")] == ["3", "2"]
    servers = indexes(["FE-1", "FE-2"])
    assert [text((3, 1, column, web, servers["FE-1"])) for column in range(2, 17)] == [
        "FE-1", "web", "1", "100", "2", "40", "1", "2", "3", "4", "5", "6", "7", "8", "9",
    ]  # fmt: skip
    assert text((3, 1, 4, web, servers["FE-2"])) == "3"
    assert not any(value.text == "_stats" for value in tree_of(seen()).values())


def test_an_index_stays_when_others_come_and_go() -> None:
    before = indexes(["web"])
    after = indexes(["another", "web", "zebra"])
    assert after["web"] == before["web"]
    assert all(0 < index < 2**31 for index in after.values())
    assert len(set(indexes(f"service-{number}" for number in range(1000)).values())) == 1000


def test_of_two_labels_with_one_hash_each_has_an_index() -> None:
    # Both have the CRC-32 4ddb0c25 (a well-known pair).
    assert len(set(indexes(["plumless", "buckeroo"]).values())) == 2


def test_the_kernels_tables_are_read() -> None:
    assert totals(IP_VS_STATS) == Totals(26, 2, 0, 2**32, 0)
    assert totals("") == Totals()
    one, other, mark = services(IP_VS)
    assert one == Service(
        "TCP", "192.168.10.30:80", "wlc",
        (
            Destination("192.168.10.32:80", "Masq", 1, 3, 4),
            Destination("192.168.10.31:80", "Route", 2, 5, 6),
        ),
    )  # fmt: skip
    assert (other.address, other.destinations[0].address) == ("[2001:db8::30]:53", "[2001:db8::31]:53")
    assert (mark.protocol, mark.address, mark.destinations) == ("FWM", "16", ())
    place = indexes(["TCP 192.168.10.30:80", "UDP [2001:db8::30]:53", "FWM 16"])["TCP 192.168.10.30:80"]
    assert [text((5, 1, column, place)) for column in range(2, 7)] == [
        "TCP", "192.168.10.30:80", "wlc", "8", "10",
    ]  # fmt: skip


def said(requests: str, agent: Agent | None = None) -> list[str]:
    answers = io.StringIO()
    serve(agent or Agent(seen), io.StringIO(requests), answers)
    return answers.getvalue().splitlines()


def test_snmpd_walks_the_tree_in_order_and_changes_nothing() -> None:
    assert said("PING\n") == ["PONG"]
    assert said(f"get\n.{ROOT}.1.1.1.0\n") == [f".{ROOT}.1.1.1.0", "string", "1.0"]
    assert said(f"get\n.{ROOT}.1.1.9.0\n") == ["NONE"]
    assert said(f"set\n.{ROOT}.1.1.1.0\nstring 2.0\n") == ["not-writable"]
    agent, oid, walked = Agent(seen), f".{ROOT}", []
    while (answer := said(f"getnext\n{oid}\n", agent)) != ["NONE"]:
        oid = answer[0]
        walked.append(tuple(int(part) for part in oid.strip(".").split(".")))
    assert walked == sorted(tree_of(seen()))
    assert said("nonsense\nget\nno oid\n\nPING\n") == ["NONE", "NONE"]


def test_a_walk_is_made_from_one_look() -> None:
    looks: list[int] = []
    now = [0.0]

    def look() -> Seen:
        looks.append(1)
        return seen()

    agent = Agent(look, lambda: now[0])
    for _ in range(100):
        agent.get_next(OBJECTS)
    assert len(looks) == 1
    now[0] = MAX_AGE_S
    agent.get_next(OBJECTS)
    assert len(looks) == 2


def test_labels_and_texts_of_metrics_are_escaped() -> None:
    odd = 'back\\slash "quoted"\nnext'
    written = text_of([Family("odd_total", "counter", odd, [({"name": odd}, 0.25), ({}, 3.0)])])
    (family,) = text_string_to_metric_families(written)
    assert (family.name, family.type, family.documentation) == ("odd", "counter", odd)
    assert [(each.labels, each.value) for each in family.samples] == [({"name": odd}, 0.25), ({}, 3.0)]
