"""The firewall and SSH: what is taken, the sentence for what is not, and what it is rendered to."""

import base64
import subprocess
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from lbadmin.bodies import body_of, texts_of
from lbadmin.catalogue import fields_of
from lbadmin.catalogue_firewall import SSH
from lbadmin.errors import RefusedError
from lbadmin.firewall import complaint
from lbadmin.node.rules import could_cut_off
from lbadmin.pair.model import PairConfig
from lbadmin.render.firewall import OWN_RULES, SCRIPT, render_firewall
from lbadmin.render.ssh import SSHD_CONF, render_ssh
from lbadmin.rules import parse_node
from lbadmin.web.views.firewall import lets_in, proposal

WITHIN = "network 192.168.2.7/24 is an address within a network; write"


def refusal(**node: Any) -> str:  # noqa: ANN401 - what somebody sends
    with pytest.raises(RefusedError) as caught:
        parse_node(node)
    assert len(caught.value.faults) == 1
    return caught.value.sentence


def packed(*parts: bytes) -> str:
    blob = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return base64.b64encode(blob).decode()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Public keys as ssh-keygen writes them, by type and bits."""
    folder = tmp_path_factory.mktemp("keys")
    made = {}
    for kind, bits in (
        ("ed25519", 0),
        ("ecdsa", 256),
        ("ecdsa", 384),
        ("ecdsa", 521),
        ("rsa", 2048),
        ("rsa", 1024),
    ):
        path = folder / f"{kind}{bits or ''}"
        size = ["-b", str(bits)] if bits else []
        subprocess.run(
            ["ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-C", f"{kind} of Anna", "-f", path], check=True
        )
        made[path.name] = Path(f"{path}.pub").read_text(encoding="ascii").strip()
    return made


@pytest.mark.parametrize(
    ("lockdown", "taken"),
    [
        (["192.168.2.0/24"], ["192.168.2.0/24"]),
        (["192.168.2.100", " 10.0.0.0/255.0.0.0"], ["192.168.2.100/32", "10.0.0.0/8"]),
        (["2001:DB8::/64", "::/0"], ["2001:db8::/64", "::/0"]),
        ([], []),
    ],
)
def test_networks_are_taken_in_every_usual_form(lockdown: list[str], taken: list[str]) -> None:
    assert (
        parse_node({"firewall": {"lockdown": lockdown}}).model_dump(mode="json")["firewall"]["lockdown"]
        == taken
    )


@pytest.mark.parametrize(
    ("lockdown", "sentence"),
    [
        (["office"], "network office is not a network; write it such as 192.168.2.0/24 or 2001:db8::/64"),
        (
            ["192.168.2.0/33"],
            "network 192.168.2.0/33 is not a network; write it such as 192.168.2.0/24 or 2001:db8::/64",
        ),
        (
            ["fe80::1%eth0"],
            "network fe80::1%eth0 is not a network; write it such as 192.168.2.0/24 or 2001:db8::/64",
        ),
        ([7], "network 7 is not a network; write it such as 192.168.2.0/24 or 2001:db8::/64"),
        (
            ["192.168.2.7/24"],
            f"{WITHIN} 192.168.2.0/24 for the network or 192.168.2.7 for the address alone",
        ),
        (
            ["::ffff:192.168.2.0/120"],
            "network ::ffff:192.168.2.0/120 is an IPv4 network in IPv6 form; write it such as 192.168.2.0/24",
        ),
        (["10.0.0.0/8"] * 65, "lockdown has more than 64 entries; remove some"),
        ("10.0.0.0/8", "lockdown 10.0.0.0/8 is not a list"),
    ],
)
def test_a_bad_network_is_refused_with_one_sentence(lockdown: object, sentence: str) -> None:
    assert refusal(firewall={"lockdown": lockdown}) == sentence


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('table inet a { }\ninclude "/etc/shadow"\n', "script has an include in line 2; "),
        ('table inet a { }; include "/etc/shadow"', "script has an include in line 1; "),
        ("#!/usr/sbin/nft -f\n\nflush ruleset\n", "script has flush ruleset in line 3, which would remove "),
        ("flush\\\n ruleset", "script has flush ruleset in line 1, "),
        ('log prefix "# a\nb"\nflush # all\nruleset', "script has flush ruleset in line 3, "),
        ("flush table inet lbva", "script has the table lbva in line 1, which is the appliance's own; "),
        ("table inet a\0", " is not a script of nftables; give a text without control characters, "),
        ("a" * 70_000, " is not a script of nftables; "),
        (5, " is not a script of nftables; "),
    ],
)
def test_a_script_that_reaches_beyond_its_own_tables_is_refused(script: object, said: str) -> None:
    sentence = refusal(firewall={"script": script})
    assert said in sentence
    assert "\n" not in sentence


def test_what_a_script_may_not_do_it_may_write_about() -> None:
    text = '# include, flush ruleset: not here\ntable inet lbva2 { comment "include flush ruleset lbva"\n}\n'
    assert parse_node({"firewall": {"script": text}}).firewall.script == text


def test_without_lockdown_and_script_there_is_nothing_to_load() -> None:
    assert render_firewall(parse_node({}).firewall, None) == {}


def test_a_script_alone_leaves_the_management_ports_to_itself() -> None:
    files = render_firewall(parse_node({"firewall": {"script": "table inet a { }"}}).firewall, None)
    assert files == {OWN_RULES: "flush ruleset\n", SCRIPT: "table inet a { }\n"}


def pair() -> PairConfig:
    return PairConfig(
        state="paired", id="0" * 32, primary=True, local_ip=ip_address("192.168.2.21"),
        peer_ip=ip_address("192.168.2.22"), router_id=7, peer_web_fingerprint="0" * 64,
        local_certificate="-----BEGIN CERTIFICATE-----", peer_certificate="-----BEGIN CERTIFICATE-----",
    )  # fmt: skip


def test_a_lockdown_keeps_no_state_and_lets_the_peer_in() -> None:
    node = parse_node({"firewall": {"lockdown": ["10.0.0.0/8", "2001:db8::/64"]}})
    rules = render_firewall(node.firewall, pair())[OWN_RULES]
    assert "elements = { 10.0.0.0/8, 192.168.2.22/32 }" in rules
    assert "elements = { 2001:db8::/64 }" in rules
    assert "ct " not in rules
    assert rules.startswith("flush ruleset\n")
    alone = render_firewall(node.firewall, None)[OWN_RULES]
    assert "elements = { 10.0.0.0/8 }" in alone


def test_every_change_of_the_firewall_waits_for_its_confirmation() -> None:
    before = parse_node({})
    for firewall in ({"lockdown": ["0.0.0.0/0"]}, {"script": "table inet a { }"}):
        after = parse_node({"firewall": firewall})
        assert could_cut_off(before, after)
        assert could_cut_off(after, before)
    assert not could_cut_off(before, parse_node({"ssh": {"password_login": True}}))


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("/x/script.nft:3:5-9: Error: syntax error, unexpected '}'\n  foo }\n", " in line 3: syntax error"),
        ("In file included from /dev/stdin:2:1-44:\n/a/script.nft:12:1-2: Error: no\n", " in line 12: no"),
        ("internal:0:0-0: Error: Could not process rule: No buffer\n", ": Could not process rule: "),
        ("", ": no reason given"),
    ],
)  # fmt: skip
def test_nfts_first_complaint_is_told_with_its_line(output: str, said: str) -> None:
    assert complaint(output).startswith(said)


def test_keys_of_every_good_type_are_taken(keys: dict[str, str]) -> None:
    good = [text for name, text in keys.items() if name != "rsa1024"]
    untidy = [f"  {text.replace(' ', '   ', 1)} " for text in good]
    assert parse_node({"ssh": {"keys": untidy}}).ssh.keys == tuple(good)


def test_security_keys_are_taken() -> None:
    name = "sk-ssh-ed25519@openssh.com"
    line = f"{name} {packed(name.encode(), bytes(32), b'ssh:')}"
    assert len(parse_node({"ssh": {"keys": [line]}}).ssh.keys) == 1


def test_a_bad_key_is_refused_with_one_sentence_that_does_not_repeat_it(keys: dict[str, str]) -> None:
    good = keys["ed25519"]
    kind, text, _ = good.split(" ", 2)
    for wrong, said in {
        keys["rsa1024"]: "key 2 is not a good key of type ssh-rsa; copy it again, whole",
        f"{kind} {text[:-8]}": "key 2 is not a good key of type ssh-ed25519; copy it again, whole",
        f"ssh-rsa {text}": "key 2 is not a good key of type ssh-rsa; copy it again, whole",
        f"{kind} {packed(kind.encode(), bytes(32))[:-4]}====": "key 2 is not a good key of type",
        f"{kind} {packed(kind.encode(), bytes(31))}": "key 2 is not a good key of type ssh-ed25519; ",
        f'command="id" {good}': "key 2 is of no type that is taken here; use ssh-ed25519, ",
        "-----BEGIN OPENSSH PRIVATE KEY-----": "key 2 is a private key, which nobody must see; ",
        f"{good}\nssh-rsa": "key 2 is not a public key on one line; ",
        f"{kind} {text} {'x' * 200}": "key 2 is too long; cut its comment to 128 characters",
        f"{kind} {text} another comment": "key 2 is there twice; give each key once",
    }.items():
        first = keys["ecdsa256"] if "twice" not in said else good
        sentence = refusal(ssh={"keys": [first, wrong]})
        assert sentence.startswith(said), sentence
        assert text[:40] not in sentence
    assert refusal(ssh={"keys": good}) == "keys is not a list of public keys; give each as a text"
    assert refusal(ssh={"password_login": "yes"}) == "password_login yes is neither true nor false"


def test_sshd_is_closed_to_passwords_unless_the_administrator_says_otherwise(keys: dict[str, str]) -> None:
    files = render_ssh(parse_node({}).ssh)
    assert "PasswordAuthentication no\nPermitRootLogin prohibit-password\n" in files[SSHD_CONF]
    assert files["/etc/ssh/authorized_keys.d/root"] == ""
    files = render_ssh(parse_node({"ssh": {"password_login": True, "keys": [keys["ed25519"]]}}).ssh)
    assert "PasswordAuthentication yes\nPermitRootLogin yes\n" in files[SSHD_CONF]
    assert files["/etc/ssh/authorized_keys.d/root"] == f"{keys['ed25519']}\n"


def test_a_form_has_a_key_on_each_line(keys: dict[str, str]) -> None:
    both = [keys["ed25519"], keys["rsa2048"]]
    texts = texts_of({"ssh": {"password_login": False, "keys": both}}, fields_of(SSH))
    assert texts["ssh.keys"] == "\n".join(both)
    assert body_of({"ssh.keys": f"\r\n{both[0]}\r\n\r\n{both[1]}\r\n"}, fields_of(SSH)) == {
        "ssh": {"keys": both}
    }


NODE = {"interfaces": [{"addresses": ["192.168.2.21/24", "2001:db8::21/64"]}, {"addresses": []}]}


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("192.168.2.100", "192.168.2.0/24"),
        ("2001:db8::5", "2001:db8::/64"),
        ("10.1.2.3", "10.1.2.3/32"),
        ("unknown", ""),
    ],
)
def test_the_wizard_proposes_the_network_of_who_asks(client: str, network: str) -> None:
    assert proposal(client, NODE) == network


@pytest.mark.parametrize(
    ("client", "networks", "inside"),
    [
        ("192.168.2.100", ["10.0.0.0/8", "192.168.2.0/24"], True),
        ("192.168.2.100", ["10.0.0.0/8", "2001:db8::/64"], False),
        ("192.168.2.100", ["office"], True),
        ("unknown", ["10.0.0.0/8"], True),
    ],
)
def test_the_wizard_warns_who_would_lock_himself_out(client: str, networks: list[str], inside: bool) -> None:
    assert lets_in(client, networks) is inside
