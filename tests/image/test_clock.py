"""The clock by the chronyd that ships, at a time server of the test's: another chronyd."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from lbadmin import timekeeping
from lbadmin.cli.tables import show_clock
from lbadmin.client import Client
from lbadmin.errors import LbadminError
from lbadmin.render.time import CHRONY_CONF
from tests.image.conftest import ROOTFS, Appliance
from tests.image.servers import wait_until
from tests.image.visiting import Visitor, admin, arrive, lbadmin

__all__ = ["admin", "arrive", "lbadmin"]

SERVER = "192.168.10.100"
NOBODY = "192.168.10.31"
PAGE = "/lbadmin/local/time"


@pytest.fixture
def time_server(tmp_path: Path) -> Iterator[None]:
    """A chronyd that serves this machine's time; it sets no clock."""
    folder = tmp_path / "server"
    folder.mkdir(mode=0o700)
    lines = ["local stratum 3", f"bindaddress {SERVER}", "allow", "cmdport 0"]
    # The socket is beside it.
    lines += ["bindcmdaddress /run/chrony/socket", "pidfile /run/chrony/pid"]
    (folder / "chrony.conf").write_text("\n".join(lines) + "\n")
    enter = (
        'mount --bind "$1" "$1"; mount --bind "$0" "$1/run"; mkdir -p "$1/run/chrony"; '
        'mount -t proc p "$1/proc"; chmod 700 "$1/run/chrony"; '
        'exec chroot "$1" chronyd -x -d -u root -f /run/chrony.conf'
    )
    command = ["unshare", "--mount", "sh", "-ec", enter, str(folder), str(ROOTFS)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        yield
        server.terminate()


def follow(appliance: Appliance) -> None:
    """Start chronyd on the rendered file, as its unit does, but leave the machine's clock alone."""
    copy = appliance.root / "run/chrony.conf"
    copy.write_text(appliance.system.path(CHRONY_CONF).read_text())
    (appliance.root / "run/chrony").mkdir(mode=0o700, exist_ok=True)
    command = ["chronyd", "-x", "-d", "-u", "root", "-f", "/run/chrony.conf"]
    appliance.stop("chronyd")
    appliance._start("chronyd", command)


@pytest.mark.usefixtures("time_server")
def test_the_clock_follows_a_server_that_answers_and_one_that_does_not_is_warned_of(
    appliance: Appliance, lbadmin: Client, admin: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timekeeping, "KEEP_S", 0.1)
    monkeypatch.setattr(timekeeping, "PATIENCE_S", 1.0)
    lbadmin.call("PATCH", "/node", {"time": {"ntp_servers": [SERVER, NOBODY, "no.such.name"]}})
    assert ["systemctl", "restart", "chrony.service"] in appliance.commands
    follow(appliance)
    wait_until(lambda: lbadmin.call("GET", "/node/time")["synchronised"], 60)
    clock = lbadmin.call("GET", "/node/time")
    assert clock["server"] == SERVER
    assert abs(clock["offset_s"]) < 1
    answers = {each["name"]: each["answers"] for each in clock["servers"]}
    assert answers == {SERVER: True, NOBODY: False, "no.such.name": False}
    told = [each["text"] for each in lbadmin.call("GET", "/messages")["messages"]]
    warned = [text for text in told if text.startswith("The time server ")]
    assert [text.split()[3] for text in warned] == [NOBODY, "no.such.name"]
    page = admin.get(PAGE)
    assert "synchronised" in page
    assert SERVER in page
    assert "not yet" in page
    shown = show_clock(clock)
    assert f"by {SERVER}" in shown
    assert "no.such.name" in shown


@pytest.mark.usefixtures("time_server")
def test_nobody_is_served_time_and_nobody_commands_chronyd(appliance: Appliance, lbadmin: Client) -> None:
    lbadmin.call("PATCH", "/node", {"time": {"ntp_servers": [SERVER]}})
    follow(appliance)
    wait_until(lambda: lbadmin.call("GET", "/node/time")["servers"][0]["answers"], 60)
    sockets = appliance.run_here("ss", "--udp", "--listening", "--numeric", "--processes")
    ours = [line for line in sockets.splitlines() if f"pid={_pid_of(appliance)}," in line]
    assert ours == []


def _pid_of(appliance: Appliance) -> int:
    return int((appliance.root / "run/chrony/chronyd.pid").read_text())


def test_the_time_zone_is_that_of_the_page_and_localtime(
    appliance: Appliance, lbadmin: Client, admin: Visitor
) -> None:
    assert lbadmin.call("GET", "/node/time")["time_zone"] == "UTC"
    assert "America/New_York" in [
        each["label"] for each in lbadmin.call("GET", "/node/time-zones")["time_zones"]
    ]
    assert admin.fill(PAGE, time__time_zone="Asia/Kathmandu").status_code == 303
    now = datetime.fromisoformat(lbadmin.call("GET", "/node/time")["now"])
    assert now.utcoffset() == datetime.now(ZoneInfo("Asia/Kathmandu")).utcoffset()
    assert abs((now - datetime.now(UTC)).total_seconds()) < 10
    localtime = appliance.root / "etc/localtime"
    assert str(localtime.readlink()) == "/usr/share/zoneinfo/Asia/Kathmandu"
    assert "(Asia/Kathmandu)" in admin.get(PAGE)


def test_without_servers_chronyd_does_not_run(appliance: Appliance, lbadmin: Client) -> None:
    lbadmin.call("PATCH", "/node", {"time": {"ntp_servers": [SERVER]}})
    lbadmin.call("PATCH", "/node", {"time": {"ntp_servers": []}})
    assert appliance.commands[-1] == ["systemctl", "stop", "chrony.service"]
    assert appliance.system.path(CHRONY_CONF).read_text() == ""
    clock = lbadmin.call("GET", "/node/time")
    assert (clock["synchronised"], clock["servers"]) == (False, [])


@pytest.mark.parametrize(
    "zone", ["Europe/Atlantis", "localtime", "posixrules", "../etc/passwd", "Europe", "", "leapseconds"]
)
def test_a_time_zone_that_there_is_not_is_refused(lbadmin: Client, zone: str) -> None:
    with pytest.raises(
        LbadminError, match="is not a time zone of the tz database; write it such as Europe/B"
    ):
        lbadmin.call("PATCH", "/node", {"time": {"time_zone": zone}})


@pytest.mark.parametrize(
    "server", ["ntp server", "ntp..example.com", "1.2.3", "::", "x\nport 123", "224.0.1.1"]
)
def test_a_time_server_that_is_none_is_refused(lbadmin: Client, server: str) -> None:
    with pytest.raises(LbadminError, match=r"^NTP server .* is neither a host name nor an IP address; "):
        lbadmin.call("PATCH", "/node", {"time": {"ntp_servers": [server]}})
    many = [f"ntp{number}.example.com" for number in range(9)]
    with pytest.raises(LbadminError, match="ntp_servers has more than 8 entries; remove some"):
        lbadmin.call("PATCH", "/node", {"time": {"ntp_servers": many}})
