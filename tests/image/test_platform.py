"""API keys, the journal, the support file, HAProxy's page and the machine's buttons, over HTTPS."""

import hashlib
import io
import json
import re
import tarfile
from base64 import b64encode

import pytest

from lbadmin.boot import boot
from lbadmin.client import PREFIX, Client
from lbadmin.reset import MARKER
from lbadmin.statspage import stats_policy
from lbadmin.system import System
from tests.image.asking import PASSWORD, USER, Ask, api, ask
from tests.image.conftest import Appliance, Say
from tests.image.servers import lbadmind, wait_until

__all__ = ["api", "ask"]

SERVICE = {"label": "OCS-Front-End", "ip": "192.168.10.30", "ports": "5060,5061"}


def test_a_read_only_key_reads_and_nothing_else(ask: Ask, api: Ask) -> None:
    made = api("POST", "/api-keys", {"name": "monitoring"})
    assert (made.status, made["role"], made["created_by"]) == (201, "read-only", USER)
    assert made.headers["location"] == f"{PREFIX}/api-keys/monitoring"
    key = made["key"]
    assert ask("GET", f"{PREFIX}/status", token=key).status == 200
    refused = ask("POST", f"{PREFIX}/layer7/virtual-services", SERVICE, token=key)
    assert (refused.status, refused["detail"]) == (
        403,
        "API key monitoring is read-only; this is for administrators",
    )
    assert ask("GET", f"{PREFIX}/backup", token=key).status == 403, "it holds private keys"
    listed = api("GET", "/api-keys")
    assert [each["name"] for each in listed["api_keys"]] == ["monitoring"]
    assert key not in listed.text
    assert api("DELETE", "/api-keys/monitoring").status == 204
    assert ask("GET", f"{PREFIX}/status", token=key).status == 401


def test_the_history_names_the_key_that_made_a_change(ask: Ask, api: Ask) -> None:
    key = api("POST", "/api-keys", {"name": "deploy", "role": "administrator"})["key"]
    assert ask("POST", f"{PREFIX}/layer7/virtual-services", SERVICE, token=key).status == 201
    assert api("GET", "/history/cluster")["revisions"][0]["who"] == "key:deploy"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api-keys", {"name": "another", "role": "administrator"}),
        ("DELETE", "/api-keys/deploy", None),
        ("PUT", f"/users/{USER}/password", {"current": PASSWORD, "new": "correct horse"}),
        ("POST", "/system/factory-reset", None),
    ],
)
def test_a_key_makes_no_keys_and_changes_no_password(
    ask: Ask, api: Ask, method: str, path: str, body: object
) -> None:
    key = api("POST", "/api-keys", {"name": "deploy", "role": "administrator"})["key"]
    refused = ask(method, PREFIX + path, body, token=key)
    assert refused.status == 403
    assert refused["detail"].endswith("log in with the password")
    assert [each["name"] for each in api("GET", "/api-keys")["api_keys"]] == ["deploy"]


def test_names_of_keys_are_labels_and_taken_once(api: Ask) -> None:
    assert api("POST", "/api-keys", {"name": "a b"}).status == 422
    assert api("POST", "/api-keys", {"name": "deploy"}).status == 201
    again = api("POST", "/api-keys", {"name": "deploy"})
    assert (again.status, again["errors"][0]["field"]) == (409, "name")
    assert api("DELETE", "/api-keys/none").status == 404


def test_guessed_keys_are_slowed_down(ask: Ask, api: Ask) -> None:
    key = api("POST", "/api-keys", {"name": "deploy"})["key"]
    statuses = [ask("GET", f"{PREFIX}/status", token=f"lbva_{number}").status for number in range(7)]
    assert statuses == [401] * 5 + [429] * 2
    assert ask("GET", f"{PREFIX}/status", token=key).status == 200


def messages(client: Client, query: str = "") -> list[str]:
    return [each["message"] for each in client.call("GET", f"/logs?{query}")["entries"]]


def test_the_journal_is_filtered_by_source_priority_and_literal_text(daemon: str, say: Say) -> None:
    client = Client(daemon)
    say("haproxy", "Server OCS/FE-1 is DOWN", priority=1)
    say("haproxy", "proxy (OCS) [x]: 100% \\Q --lines=9", "proxy OCS")
    say("Keepalived_vrrp", "(lbva) Entering MASTER STATE")
    say("sshd", "Accepted publickey")
    wait_until(lambda: len(messages(client, "source=system&text=publickey")) == 1)
    assert messages(client, "source=haproxy") == [
        "Server OCS/FE-1 is DOWN",
        "proxy (OCS) [x]: 100% \\Q --lines=9",
        "proxy OCS",
    ]
    assert messages(client, "source=haproxy&lines=1") == ["proxy OCS"]
    assert messages(client, "source=haproxy&priority=3") == ["Server OCS/FE-1 is DOWN"]
    assert messages(client, "source=keepalived") == ["(lbva) Entering MASTER STATE"]
    assert messages(client, "source=management") == []
    assert "sshd: Accepted publickey" in messages(client, "source=system")
    assert messages(client, "text=(ocs)+%5Bx%5D:+100%25+%5CQ+--lines") == [
        "proxy (OCS) [x]: 100% \\Q --lines=9"
    ]
    assert messages(client, "text=.*") == []
    assert messages(client, "text=ocs")[-2:] == ["proxy (OCS) [x]: 100% \\Q --lines=9", "proxy OCS"]


def test_the_journal_is_followed_without_a_gap(daemon: str, say: Say) -> None:
    client = Client(daemon)
    say("haproxy", "first")
    wait_until(lambda: messages(client, "source=haproxy") == ["first"])
    cursor = client.call("GET", "/logs?source=haproxy")["cursor"]
    nothing = client.call("GET", f"/logs?source=haproxy&after={cursor}")
    assert nothing == {"entries": [], "cursor": cursor}
    say("haproxy", "second", "third", "fourth")
    wait_until(lambda: messages(client, "source=haproxy")[-1:] == ["fourth"])
    two = client.call("GET", f"/logs?source=haproxy&lines=2&after={cursor}")
    assert [each["message"] for each in two["entries"]] == ["second", "third"]
    assert messages(client, f"source=haproxy&lines=2&text=ou&after={two['cursor']}") == ["fourth"]


def test_without_a_journal_there_are_no_messages(daemon: str) -> None:
    assert messages(Client(daemon)) == []
    assert messages(Client(daemon), "text=anything") == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("source=nginx", "source nginx is not one of"),
        ("lines=1001", "lines 1001 is not at most 1000"),
        ("priority=8", "priority 8 is not at most 7"),
        ("after=--file%3D/etc/shadow", "after --file=/etc/shadow is not a cursor; send"),
        ("text=a%00b", 'text "a\\u0000b" is not printable text; leave'),
        ("grep=x", "grep is not a known field; leave it out"),
    ],
)
def test_a_bad_query_of_the_journal_is_refused(api: Ask, query: str, said: str) -> None:
    refused = api("GET", f"/logs?{query}")
    assert refused.status == 422
    assert refused["detail"].startswith(said)


def test_the_support_file_tells_much_and_no_secret(
    ask: Ask, api: Ask, appliance: Appliance, say: Say
) -> None:
    api("POST", "/layer7/virtual-services", SERVICE)
    api("POST", "/layer7/certificates/self-signed", {"label": "web", "common_name": "ocs.example.com"})
    api("PUT", f"/users/{USER}/password", {"current": PASSWORD, "new": "correct horse"})
    person = f"{USER}:correct horse"
    key = api("POST", "/api-keys", {"name": "monitoring"}, basic=person)["key"]
    token = ask("POST", f"{PREFIX}/session", {"user": USER, "password": "correct horse"})["token"]
    say("haproxy", "proxy OCS started")
    answer = ask("GET", f"{PREFIX}/support", token=key)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/gzip")
    assert re.fullmatch(
        r'attachment; filename="lbva-support-[\w.-]+\.tar\.gz"', answer.headers["content-disposition"]
    )
    with tarfile.open(fileobj=io.BytesIO(answer.body)) as archive:
        parts = {
            member.name.removeprefix("lbva-support/"): opened.read().decode()
            for member in archive
            if (opened := archive.extractfile(member)) is not None
        }
    for name, words in {
        "README.txt": "read it before you pass the",
        "cluster.json": '"OCS-Front-End"',
        "node.json": '"hostname": "lbva"',
        "history.json": "add virtual service OCS-Front-End",
        "files/etc/haproxy/haproxy.cfg": "listen OCS-Front-End",
        "status.json": '"virtual_services"',
        "haproxy/version.txt": "HAProxy version 3.0",
        "haproxy/info.txt": "Uptime_sec",
        "haproxy/statistics.csv": "OCS-Front-End,FRONTEND",
        "system/packages.txt": "\nkeepalived ",
        "system/addresses.txt": "192.168.2.21/24",
        "system/routes.txt": "192.168.2.0/24",
        "journal.txt": "proxy OCS started",
    }.items():
        assert words in parts[name], name
    everything = "\n".join(parts.values())
    secrets = (
        "correct horse",
        "$argon2",
        key,
        hashlib.sha256(key.encode()).hexdigest(),
        token,
        "PRIVATE KEY",
    )
    assert [secret for secret in secrets if secret in everything] == []


def test_a_certificate_that_ends_soon_is_warned_of_while_a_service_uses_it(api: Ask) -> None:
    for label, days in (("soon", 12), ("later", 40)):
        body = {"label": label, "common_name": "ocs.example.com", "days": days}
        assert api("POST", "/layer7/certificates/self-signed", body).status == 201

    def warnings() -> list[str]:
        return [each["text"] for each in api("GET", "/messages")["messages"] if each["level"] == "warning"]

    service = {**SERVICE, "tls_certificate": "later", "persistence": {"mode": "source_ip"}}
    assert api("POST", "/layer7/virtual-services", service).status == 201
    assert warnings() == []
    patch = {"tls_certificate": "soon"}
    assert api("PATCH", "/layer7/virtual-services/OCS-Front-End", patch).status == 200
    (warning,) = warnings()
    assert warning.startswith("The certificate soon of OCS-Front-End expires in 11 days, on 20")


def test_haproxys_page_is_framed_with_nothing_but_its_own_style(api: Ask) -> None:
    api("POST", "/layer7/virtual-services", SERVICE)
    answer = api("GET", "/reports/layer7")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    page = answer.text
    assert "Statistics Report for HAProxy" in page
    assert 'name="OCS-Front-End/Frontend"' in page
    assert re.findall(r"<script|<form|<iframe|<img|style=| on[a-z]+=", page) == []
    assert set(re.findall(r'href="([^"]*)"', page)) >= {"#OCS-Front-End"}
    assert all(link.startswith(("#", "data:,")) for link in re.findall(r'href="([^"]*)"', page))
    style = page[page.index(">", page.index("<style")) + 1 : page.index("</style>")]
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}';" in stats_policy(page)


def test_the_machine_is_rebooted_and_shut_down(api: Ask, appliance: Appliance) -> None:
    assert api("POST", "/system/reboot").status == 202
    assert appliance.commands[-1] == ["systemctl", "reboot"]
    assert api("POST", "/system/shutdown").status == 202
    assert appliance.commands[-1] == ["systemctl", "poweroff"]


def test_a_factory_reset_leaves_nothing_of_the_state(appliance: Appliance) -> None:
    with lbadmind(appliance.system) as path:
        client = Client(path)
        client.call("POST", "/layer7/virtual-services", SERVICE)
        client.call("PUT", f"/users/{USER}/password", {"new": "correct horse"})
        client.call("POST", "/system/factory-reset")
        assert any("factory reset" in each["text"] for each in client.call("GET", "/messages")["messages"])
    assert appliance.commands[-1] == ["systemctl", "reboot"]
    state = appliance.root / "var/lib/lbadmin"
    boot(System(root=appliance.root, run=appliance.run))
    assert not (state / MARKER).exists()
    assert {path.name for path in state.iterdir()} <= {"tls"}
    with lbadmind(appliance.system) as path:
        status = Client(path).call("GET", "/status")
    assert (status["virtual_services"], status["node"]["factory_password"]) == ([], True)
    assert json.dumps(status["messages"]).count("factory reset") == 0
