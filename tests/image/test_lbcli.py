"""lbcli before lbadmind before the shipped HAProxy: every verb, what is refused, and how a shell sees it."""

import base64
import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from lbadmin.cli import main
from lbadmin.cli.verbs import GROUPS
from lbadmin.client import Client
from tests.image.conftest import Appliance, Say
from tests.image.servers import wait_until
from tests.licences import SAID, signed, trust_vendor

ROOT = Path(__file__).parents[2]
LBCLI = Path(sys.executable).with_name("lbcli")
COMPLETION = ROOT / "overlay/usr/share/bash-completion/completions/lbcli"
ADD = "add-vip --label OCS --ip 192.168.10.30 --ports 5060-5061 --check-port 5061"

KEY = base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes(32)).decode()


class Said(NamedTuple):
    status: int
    out: str
    err: str


Lbcli = Callable[..., Said]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that lbcli is started in."""
    made = tmp_path / "work"
    made.mkdir()
    monkeypatch.chdir(made)
    return made


@pytest.fixture
def alone(folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Lbcli:
    """Run lbcli on a line of words, as a shell would split it; there is no lbadmind."""
    monkeypatch.setenv("LBADMIN_SOCKET", "/run/none")

    def run(line: str, stdin: str = "") -> Said:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        # Two quotes are the shell's empty word.
        status = main(["" if word == "''" else word.replace("''", "") for word in line.split()])
        sys.stdout.flush()
        return Said(status, *capfd.readouterr())

    return run


@pytest.fixture
def lbcli(alone: Lbcli, daemon: str, monkeypatch: pytest.MonkeyPatch) -> Lbcli:
    """Run lbcli before lbadmind."""
    monkeypatch.setenv("LBADMIN_SOCKET", daemon)
    return alone


class Step(NamedTuple):
    """A line, what it says (a regular expression) and what is typed."""

    line: str
    says: str = r"\A\Z"
    stdin: str = ""


STORY = (
    Step("status", r"lbva .* single"),
    Step("messages", "^danger: The factory password is in use"),
    Step(ADD),
    Step("list-vips", r"OCS +192.168.10.30:5060-5061 +tcp"),
    Step("edit-vip --label OCS --persistence-timeout 1h --check-port ''"),
    Step("show-vip --label OCS", r"(?s)persistence-timeout +1h\n.*check-port\n"),
    Step("add-rip --vip OCS --label FE-1 --ip 192.168.10.31"),
    Step("edit-rip --vip OCS --label FE-1 --weight 5"),
    Step("list-rips --vip OCS", r"FE-1 +192.168.10.31 +false +5 +online"),
    Step("drain --vip OCS --rip FE-1"),
    Step("list-rips --vip OCS", r" drain$"),
    Step("halt --vip OCS"),
    Step("status", r"FE-1 +192.168.10.31 +halt +5"),
    Step("online --vip OCS"),
    Step("report", r"FE-1 +\w+ +0 +0 +0 +0"),
    Step("report --html report.html"),
    Step("show-section --label OCS", r"server FE-1 192.168.10.31"),
    Step("edit-vip --label OCS --manual-configuration -", stdin="mode tcp\nserver mine 192.168.10.31:5060\n"),
    Step("show-vip --label OCS", r"Manual Configuration:\nmode tcp\nserver mine"),
    Step("edit-vip --label OCS --manual-configuration ''"),
    Step("settings --client-timeout 30m", r"client-timeout +30m\n"),
    Step("settings", r"real-server-timeout +45s\n"),
    Step("delete-rip --vip OCS --label FE-1"),
    Step("add-layer4-vip --label Edge --ip 192.168.2.40 --ports 443,5061 --check-port 5061 --forwarding dr"),
    Step("list-layer4-vips", r"Edge +192.168.2.40:443,5061 +tcp +dr +wlc +true +0$"),
    Step("edit-layer4-vip --label Edge --persistence-timeout 1h --new-label OCS-Edge"),
    Step("show-layer4-vip --label OCS-Edge", r"(?s)forwarding +dr\n.*persistence-timeout +1h\n"),
    Step("add-layer4-rip --vip OCS-Edge --label EDGE-1 --ip 192.168.2.41"),
    Step("edit-layer4-rip --vip OCS-Edge --label EDGE-1 --weight 50"),
    Step("drain --vip OCS-Edge --rip EDGE-1"),
    Step("list-layer4-rips --vip OCS-Edge", r"EDGE-1 +192.168.2.41 +50 +drain$"),
    Step("halt --vip OCS-Edge"),
    Step("status", r"OCS-Edge +192.168.2.40:443,5061 .*\n +EDGE-1 +192.168.2.41 +halt"),
    Step("show-layer4-setup --label OCS-Edge", r"Linux:\n\n(.*\n)*ip address replace 192.168.2.40/32 dev lo"),
    Step("delete-layer4-rip --vip OCS-Edge --label EDGE-1"),
    Step("delete-layer4-vip --label OCS-Edge"),
    Step("add-ocs-front-end --ip 192.168.10.40 --rip FE-1=192.168.10.31 --preview", r'\+.*"OCS-Front-End"'),
    Step("add-ocs-front-end --ip 192.168.10.40 --rip FE-1=192.168.10.31", r'\+.*"OCS-Front-End"'),
    Step(
        "add-ocs-front-end --ip 192.168.10.45 --method layer4_snat --label L4 --rip FE-1=192.168.10.31 "
        "--preview",
        r'(?s)\+ *"forwarding": "snat".*see the virtual address as their client',
    ),
    Step(
        "add-ocs-edge --access-ip 192.168.10.50 --rip EDGE-1,access=192.168.10.33 --preview",
        r'\+.*"192.168.10.50"',
    ),
    Step("list-vips", r"OCS-Front-End +192.168.10.40:5060"),
    Step("add-certificate --label pool --common-name pool.example.com --names sip.example.com"),
    Step("list-certificates", r"pool +\S*pool.example.com +itself +20"),
    Step("show-certificate --label pool", r"(?s)sip.example.com.*-----BEGIN CERTIFICATE-----"),
    Step("csr --label pool", r"\A-----BEGIN CERTIFICATE REQUEST-----"),
    Step("replace-certificate --label pool --chain signed.pem"),
    Step("import-certificate --label bought --file bought.pem --passphrase", stdin="correct horse\n"),
    Step("delete-certificate --label bought"),
    Step("add-script --label check-pool --file -", stdin="#!/bin/sh\nexit 0\n"),
    Step("list-scripts", r"check-pool +2"),
    Step("edit-script --label check-pool --new-label check"),
    Step("show-script --label check", r"\A#!/bin/sh\nexit 0\n\Z"),
    Step("delete-script --label check"),
    Step("pair-show", r"\Asingle: this node has no peer\n\Z"),
    Step(
        "ha-edit --sensitivity fast --floating-addresses 192.168.2.20", r"floating-addresses +192.168.2.20$"
    ),
    Step("ha-show", r"sensitivity +fast\n"),
    Step("ha-edit --floating-addresses ''", r"floating-addresses$"),
    Step("restart-heartbeat"),
    Step("node", r"eth0 +192.168.2.21/24"),
    Step("interfaces", r"eth0 +\S+ +connected +1500 +192.168.2.21/24"),
    Step("set-node --hostname lb1 --dns 192.168.2.1,192.168.2.2 --address eth0=192.168.2.21/24"),
    Step("node", r"hostname +lb1\ndns +192.168.2.1 192.168.2.2\n"),
    Step("set-node --hostname lbva --dns ''"),
    Step("set-node --smtp-host 192.168.2.1 --smtp-sender lbva@example.com"),
    Step("time", r"\(UTC\), by nobody's but its own"),
    Step("set-node --lockdown 192.168.2.0/24,10.0.0.1 --firewall-script -", stdin="table inet mine { }\n"),
    Step("unconfirmed", r"change the node's firewall by root: taken back in \d+ s"),
    Step("confirm"),
    Step("firewall", r"MAY MANAGE\n192.168.2.0/24\n10.0.0.1/32\n\ntable inet mine { }\n"),
    Step("set-node --lockdown '' --firewall-script '' --confirmed"),
    Step("firewall", r"everybody\n\nno script\n"),
    Step("set-node --ssh-keys - --ssh-password-login true", stdin=f"ssh-ed25519 {KEY} anna\n"),
    Step("ssh", rf"password login: yes\nssh-ed25519 {KEY} anna\n"),
    Step("licence", r"(?s)state +trial, 30 days left\nappliance +[0-9a-f]{16}"),
    Step("apply-licence licence.json", r"(?s)state +licensed, no end.*customer +Example Bank"),
    Step("history", r"\d+ +\S+ +root +delete check script check\n"),
    Step("history --node", r"1 +\S+ +root +change the node's dns and hostname"),
    Step("show-revision 1", r'(?s)revision 1 .*root: fewer\n.*"maxconn": 1000'),
    Step("diff 1 --to 2", r'\+.*"OCS"'),
    Step("backup lbva.json"),
    Step("delete-vip --label OCS"),
    Step("restore-backup lbva.json --cluster --preview", r'\+.*"OCS"'),
    Step("restore-backup lbva.json", r'\+.*"OCS"'),
    Step("restore-revision 1"),
    Step("list-vips", r"\ALABEL[^\n]*\n\Z"),
    Step("add-bond --name bond0 --members eth1,eth2 --mode 802.3ad --addresses 192.168.50.21/24"),
    Step("add-vlan --name vlan20 --parent bond0 --id 20 --addresses 192.168.20.21/24 --mtu 1400"),
    Step("edit-interface --name bond0 --miimon 50"),
    Step("unconfirmed", r"taken back in \d+ s"),
    Step("node", r"bond0 +192.168.50.21/24; 802.3ad of eth1,eth2, looked at every 50 ms\n"),
    Step("node", r"vlan20 +192.168.20.21/24; VLAN 20 on bond0; MTU 1400\n"),
    Step("add-route --to 10.0.0.0/8 --via 192.168.2.254"),
    Step("add-route --to default --via 192.168.50.1 --from 172.16.0.0/12"),
    Step("node", r"route +10.0.0.0/8 via 192.168.2.254\nroute +default via 192.168.50.1 from 172.16.0.0/12"),
    Step("delete-route --to 10.0.0.0/8 --confirmed"),
    Step("set-node --routes '' --confirmed"),
    Step("delete-interface --name vlan20 --confirmed"),
    Step("delete-interface --name bond0 --confirmed"),
    Step("node", r"eth1 +192.168.50.21/24\n"),
    Step("delete-interface --name eth1 --confirmed"),
    Step("delete-interface --name eth2 --confirmed"),
    Step("files", r"/etc/haproxy/haproxy.cfg +\d+"),
    Step("show-file /etc/haproxy/haproxy.cfg", r"maxconn 1000"),
    Step(
        "logs --source haproxy --lines 1",
        "haproxy +info +Server OCS/FE-1 is DOWN\N{REPLACEMENT CHARACTER}.31m$",
    ),
    Step("support support.tar.gz"),
    Step("add-api-key --name monitoring", r"\Albva_\S+\n\Z"),
    Step("list-api-keys", r"monitoring +read-only"),
    Step("delete-api-key --name monitoring"),
    Step("password", stdin="correct horse battery\n"),
    Step("add-user --name jane --role operator", stdin="correct horse battery\n"),
    Step("edit-user --name jane --role administrator"),
    Step("users", r"jane +administrator"),
    Step("password --user jane --password-file -", stdin="battery staple\n"),
    Step("delete-user --name jane"),
    Step("users", r"\ANAME[^\n]*\nloadbalancer +administrator\n\Z"),
    Step("console-password", stdin="correct horse battery\n"),
    Step("console-password --none"),
    Step(
        "logs --source audit --text loadbalancer",
        "audit +notice +change: user=root role=administrator from=console",
    ),
    Step("messages", "The password was reset at the console"),
    Step("take-note-of-reset"),
    Step("messages"),
    Step("reload-haproxy"),
    Step("restart-haproxy"),
    Step("reboot --yes"),
    Step("shutdown --yes"),
    Step("factory-reset --yes"),
)


def make_bought(appliance: Appliance, folder: Path) -> None:
    """Write the file that somebody gets who buys a certificate: the certificate and its encrypted key."""
    subject = ["-subj", "/CN=bought.example.com", "-days", "9"]
    secret = ["-passout", "pass:correct horse", "-keyout", "key.pem", "-out", "certificate.pem"]
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    appliance.run_here("openssl", "req", "-x509", *kind, *subject, *secret)
    parts = [(folder / name).read_text() for name in ("certificate.pem", "key.pem")]
    (folder / "bought.pem").write_text("".join(parts))


def test_every_verb_does_what_it_says(lbcli: Lbcli, appliance: Appliance, folder: Path, say: Say) -> None:
    make_bought(appliance, folder)
    trust_vendor(appliance.system)
    (folder / "licence.json").write_text(signed({**SAID, "expires": ""}))
    (appliance.system.state / "password-reset.json").write_text('{"when": "2026-11-23T18:40:00+00:00"}')
    say("haproxy", "a client came", "Server OCS/FE-1 is DOWN\x1b[31m")
    wait_until(lambda: "DOWN" in lbcli("logs").out)
    for step in STORY:
        said = lbcli(step.line, step.stdin)
        assert (said.status, said.err) == (0, ""), f"{step.line}: {said}"
        assert re.search(step.says, said.out, re.MULTILINE), f"{step.line} said {said.out}"
        if step.line.startswith("csr"):
            chain = json.loads(lbcli("show-certificate --label pool --json").out)["chain"]
            (folder / "signed.pem").write_text(chain)
    assert (folder / "report.html").read_text().startswith("<!DOCTYPE HTML")
    assert (folder / "support.tar.gz").read_bytes()[:2] == b"\x1f\x8b"
    assert appliance.commands[-3:] == [
        ["systemctl", "reboot"],
        ["systemctl", "poweroff"],
        ["systemctl", "reboot"],
    ]


OF_TWO = {"pair-create", "pair-remove", "pair-resolve", "take-over", "hand-over"}
"""Verbs that need two appliances: test_lbcli_pair.py tells of them."""
ELSEWHERE = {"test-mail", "test-alert", "alerts", "graph", "graphs"}
"""Verbs that need what test_mail.py, test_alerts.py and test_graphs.py have, which tell of them."""


def test_the_story_tells_of_every_verb() -> None:
    told = {step.line.split()[0] for step in STORY} | OF_TWO | ELSEWHERE
    assert told == {verb.name for group in GROUPS for verb in group.verbs}


def test_a_backup_is_for_its_owner_alone(lbcli: Lbcli, folder: Path) -> None:
    (folder / "lbva.json").write_text("older")
    (folder / "lbva.json").chmod(0o644)
    assert lbcli("backup lbva.json").status == 0
    assert (folder / "lbva.json").stat().st_mode & 0o777 == 0o600
    assert [each.name for each in folder.iterdir()] == ["lbva.json"]


def test_scripts_get_the_answer_of_the_api(lbcli: Lbcli, daemon: str) -> None:
    added = lbcli(f"{ADD} --json")
    (service,) = Client(daemon).call("GET", "/config")["virtual_services"]
    assert json.loads(added.out) == service
    assert service["health_check"]["check_ports"] == [5061]
    assert json.loads(lbcli("--json list-vips").out) == {"virtual_services": [service]}


REFUSED = {
    ADD: "label OCS is used by another virtual service; choose another label",
    "edit-vip --label OCS --ports 70000": "port 70000 of OCS is not between 1 and 65535",
    "edit-vip --label OCS --ip ''": 'ip "" of OCS is not an IP address; write it such as',
    "delete-vip --label none": "there is no virtual service none; the list",
    "show-file /etc/shadow": "/etc/shadow is not a rendered file; lbcli files lists them",
    "add-script --label x --file none.sh": "none.sh can't be read: No such file or directory;",
    "backup none/lbva.json": "none/lbva.json can't be written: No such file or directory;",
    "restore-backup /dev/null": "/dev/null is not a backup; name a file that lbcli backup",
    "import-certificate --label x --file /dev/zero": "/dev/zero is larger than 16 MiB;",
}


def test_what_is_refused_is_refused_in_one_line(lbcli: Lbcli) -> None:
    lbcli(ADD)
    for line, said in REFUSED.items():
        refused = lbcli(line)
        assert (refused.status, refused.out) == (1, ""), line
        assert refused.err.startswith(f"lbcli: {said}")
        assert refused.err.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("edit-vip --label OCS", "nothing to change; give at least one option beside the label"),
        ("set-node", "nothing to change; give at least one option"),
        (
            "set-node --address 192.168.10.21/24",
            "192.168.10.21/24 names no interface; write it such as eth1=",
        ),
        ("add-ocs-front-end --ip 192.168.10.30 --rip FE-1", "FE-1 has no address; write it such as FE-1="),
        ("reboot", "reboot needs --yes where nobody can be asked: all connections end"),
        ("ha-edit", "nothing to change; give at least one option"),
        ("pair-remove", "remove needs --yes where nobody can be asked: the peer is left without"),
        (
            "pair-create --local-ip 192.168.2.21 --peer-ip 192.168.2.22",
            "the password of the loadbalancer user on the peer is missing; type it at a terminal",
        ),
        ("password", "the new password is missing; type it at a terminal or send it on standard input"),
    ],
)
def test_what_makes_no_sense_is_misuse(alone: Lbcli, line: str, said: str) -> None:
    misused = alone(line)
    assert (misused.status, misused.out) == (2, "")
    assert misused.err.startswith(f"lbcli {line.split(maxsplit=1)[0]}: {said}")
    assert misused.err.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "add-vip",
            "lbcli add-vip: the following arguments are required: --label, --ip, --ports; see lbcli add-vip",
        ),
        ("add-vip --protocl tcp", "lbcli add-vip: the following arguments"),
        (
            "logs --lines many",
            "lbcli logs: argument --lines: invalid int value: 'many'; see lbcli logs --help",
        ),
    ],
)
def test_a_wrong_option_is_misuse(
    alone: Lbcli, capfd: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    with pytest.raises(SystemExit) as misuse:
        alone(line)
    assert misuse.value.code == 2
    assert capfd.readouterr().err.startswith(said)


def test_help_lists_every_verb_and_a_wrong_one_is_told(alone: Lbcli) -> None:
    helped = alone("--help")
    assert helped == alone("")
    for group in GROUPS:
        for verb in group.verbs:
            assert re.search(rf"^  {verb.name} +{re.escape(verb.about)}$", helped.out, re.MULTILINE)
    assert alone("add-vp") == (2, "", "lbcli: there is no verb add-vp; lbcli --help lists them\n")
    assert alone("--jsn") == (2, "", "lbcli: there is no option --jsn; see lbcli --help\n")


def test_without_lbadmind_lbcli_says_so(alone: Lbcli) -> None:
    unreachable = alone("status")
    assert (unreachable.status, unreachable.out) == (1, "")
    assert unreachable.err == (
        "lbcli: lbadmind does not answer on /run/none: [Errno 2] No such file or directory; "
        "run as root and see `systemctl status lbadmind`\n"
    )


@contextlib.contextmanager
def started(*words: str) -> Iterator[subprocess.Popen[str]]:
    """Run lbcli as a process of its own until the block ends."""
    pipe = subprocess.PIPE
    with subprocess.Popen([LBCLI, *words], stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def typed(line: str, *dialogue: tuple[str, str]) -> tuple[int, str]:
    """Run lbcli at a terminal, answer each prompt, and return the status and all that stood there."""
    ours, its = os.openpty()
    seen = ""
    with subprocess.Popen(
        [LBCLI, *line.split()], stdin=its, stdout=its, stderr=its, start_new_session=True
    ) as lbcli:
        os.close(its)
        for prompt, answer in dialogue:
            while not seen.endswith(prompt):
                seen += os.read(ours, 1024).decode()
            os.write(ours, f"{answer}\n".encode())
        # Linux answers EIO when the last one at the terminal has gone.
        with contextlib.suppress(OSError):
            while more := os.read(ours, 1024).decode():
                seen += more
    os.close(ours)
    return lbcli.returncode, seen.replace("\r\n", "\n")


def test_a_password_is_typed_twice_and_never_seen(lbcli: Lbcli) -> None:
    first, again = "New password: ", "Once more: "
    assert typed("password", (first, "correct horse"), (again, "correct horse")) == (0, f"{first}\n{again}\n")
    status, seen = typed("password", (first, "battery staple"), (again, "battery maple"))
    assert status == 2
    assert seen.endswith("\nlbcli password: the new password was not the same twice; nothing was changed\n")
    assert lbcli("messages").out == ""


def test_what_ends_all_connections_is_done_when_it_is_confirmed(lbcli: Lbcli, appliance: Appliance) -> None:
    prompt = "Type reboot to go on: "
    status, seen = typed("reboot", (prompt, "no"))
    assert status == 2
    assert seen.startswith("All connections end until it has booted.\n")
    assert seen.endswith("lbcli reboot: not confirmed; nothing was done\n")
    assert ["systemctl", "reboot"] not in appliance.commands
    assert typed("reboot", (prompt, "reboot"))[0] == 0
    assert ["systemctl", "reboot"] in appliance.commands


def test_logs_are_followed_until_ctrl_c(lbcli: Lbcli, say: Say) -> None:
    say("haproxy", "first")
    wait_until(lambda: "first" in lbcli("logs --source haproxy").out)
    with started("logs", "-f", "--source", "haproxy") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().endswith(" first\n")
        say("haproxy", "second", "third")
        assert process.stdout.readline().endswith(" second\n")
        assert process.stdout.readline().endswith(" third\n")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert process.stderr.read() == ""


def test_a_reader_that_has_seen_enough_is_no_failure_of_lbcli(lbcli: Lbcli) -> None:
    with started("show-file", "/etc/haproxy/haproxy.cfg") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        process.wait(10)
        assert process.stderr.read() == ""


def completed(line: str) -> list[str]:
    """Return what bash offers behind a line, by the completion that the image ships."""
    script = f"""source {COMPLETION}; COMP_LINE="$1" COMP_POINT=${{#1}} COMP_TYPE=9
        _lbcli {LBCLI}; printf '%s\\n' "${{COMPREPLY[@]}}" """
    command = ["bash", "-c", script, "bash", line]
    offered = subprocess.run(command, check=True, capture_output=True, text=True)
    assert offered.stderr == ""
    return [each.strip() for each in offered.stdout.splitlines() if each]


OFFERED = {
    "lbcli add-ri": ["add-rip"],
    "lbcli edit-vip --check-m": ["--check-method"],
    "lbcli edit-vip --check-method H": ["HEAD"],
    "lbcli edit-vip --certificate ": ["pool"],
    "lbcli delete-vip --label ": ["OCS", "Web"],
    "lbcli drain --vip OCS --rip ": ["FE-1", "FE-2"],
    "lbcli drain --vip Web --rip ": [],
    "lbcli drain --rip ": [],
    "lbcli show-file /etc/haproxy/h": ["/etc/haproxy/haproxy.cfg"],
    "lbcli add-vip --ip ": [],
    "lbcli add-layer4-vip --forwarding ": ["snat", "nat", "dr", "tun"],
    "lbcli delete-layer4-vip --label ": ["Edge"],
    "lbcli drain --vip ": ["Edge", "OCS", "Web"],
    "lbcli drain --vip Edge --rip ": ["EDGE-1"],
    "lbcli support /etc/hostn": ["/etc/hostname"],
}


def test_the_shell_completes_verbs_options_and_labels(lbcli: Lbcli, daemon: str) -> None:
    client = Client(daemon)
    servers = [{"label": "FE-1", "ip": "192.168.10.31"}, {"label": "FE-2", "ip": "192.168.10.32"}]
    client.call(
        "PUT",
        "/config",
        {
            "layer7": {"maxconn": 1000},
            "virtual_services": [
                {"label": "OCS", "ip": "192.168.10.30", "ports": [5060], "real_servers": servers},
                {"label": "Web", "ip": "192.168.10.40", "ports": [80]},
            ],
            "layer4_services": [
                {
                    "label": "Edge",
                    "ip": "192.168.2.50",
                    "ports": [443],
                    "real_servers": [{"label": "EDGE-1", "ip": "192.168.2.51"}],
                }
            ],
        },
    )
    client.call("POST", "/layer7/certificates/self-signed", {"label": "pool", "common_name": "pool"})
    assert {line: completed(line) for line in OFFERED} == OFFERED


def test_without_lbadmind_nothing_disturbs_the_line_that_is_typed(alone: Lbcli) -> None:
    assert completed("lbcli delete-vip --label ") == []


def test_passphrases_of_snmp_are_taken_from_files(lbcli: Lbcli, appliance: Appliance, tmp_path: Path) -> None:
    line = "set-node --snmp true --snmp-networks 192.168.2.0/24 --snmp-user monitoring"
    assert lbcli(line).err == "lbcli: auth_password is missing; SNMP version 3 needs it\n"
    file = tmp_path / "passphrase"
    file.write_text("an auth passphrase\n")
    secret = f"--snmp-auth-password {file} --snmp-privacy-password -"
    assert lbcli(f"{line} {secret}", stdin="a privacy passphrase\n").status == 0
    assert re.search(r"snmp +v3 for 192.168.2.0/24", lbcli("node").out)
    written = (appliance.root / "etc/snmp/snmpd.conf").read_text(encoding="ascii")
    assert 'createUser monitoring SHA-512 "an auth passphrase" AES "a privacy passphrase"' in written
    assert "passphrase" not in lbcli("node --json").out
