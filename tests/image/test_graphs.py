"""Graphs: what is measured of the HAProxy that ships, kept and drawn by the RRDtool that ships."""

import csv
import io
import json
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbadmin import cli
from lbadmin.client import Client
from lbadmin.errors import LbadminError
from lbadmin.graphs.layout import BUDGET_BYTES, SPARE_BYTES, size_of
from tests.image.conftest import Appliance
from tests.image.graphing import lbva_graphs, python
from tests.image.servers import FrontEnd, connect, wait_until
from tests.image.visiting import Visitor, admin, arrive, lbadmin

__all__ = ["admin", "arrive", "lbadmin"]

PNG = b"\x89PNG\r\n\x1a\n"
OCS = {
    "label": "OCS",
    "ip": "192.168.10.30",
    "ports": [5060],
    "real_servers": [{"label": "FE-1", "ip": "192.168.10.31"}, {"label": "FE-2", "ip": "192.168.10.32"}],
}


@pytest.fixture
def sampler(
    appliance: Appliance, lbadmin: Client, front_ends: dict[str, FrontEnd]
) -> Iterator[subprocess.Popen[bytes]]:
    """A service with two real servers, and lbva-graphs."""
    assert front_ends
    lbadmin.call("POST", "/layer7/virtual-services", OCS)
    with lbva_graphs(appliance) as process:
        wait_until(lambda: graphed(lbadmin), what="the first sample")
        yield process


@pytest.fixture
def measured(sampler: subprocess.Popen[bytes], lbadmin: Client) -> Client:
    """The API of an appliance that measures a service with two real servers."""
    assert sampler
    return lbadmin


def graphed(api: Client) -> list[str]:
    return [each["id"] for each in api.call("GET", "/graphs")["graphs"] if each["graphed"]]


def rows(api: Client, name: str, period: str = "hour") -> list[dict[str, str]]:
    text = api.call("GET", f"/graphs/{name}.csv?period={period}").decode()
    return list(csv.DictReader(io.StringIO(text)))


def highest(api: Client, name: str, column: str) -> float:
    try:
        return max((float(row[column]) for row in rows(api, name) if row[column]), default=0.0)
    except LbadminError:
        return 0.0


def test_traffic_is_seen_in_values_and_picture(measured: Client) -> None:
    quiet = measured.call("GET", "/graphs/service~OCS.png")
    assert quiet.startswith(PNG)
    held = [connect("192.168.10.30", 5060, "127.0.0.1")[0] for _ in range(3)]
    try:
        for connection in held:
            connection.sendall(bytes(50_000))
        wait_until(lambda: highest(measured, "service~OCS", "sessions") > 2, 60, "the open sessions")
        # While the connections are open.
        wait_until(lambda: highest(measured, "service~OCS", "bytes_in") > 1_000, 60, "the traffic")
    finally:
        for connection in held:
            connection.close()
    both = [highest(measured, f"server~OCS~{name}", "sessions") for name in ("FE-1", "FE-2")]
    assert sum(both) > 2
    assert {"cpu", "memory", "interface~eth0"} <= set(graphed(measured))
    assert highest(measured, "memory", "used") > 10_000_000
    busy = measured.call("GET", "/graphs/service~OCS.png")
    assert busy.startswith(PNG)
    assert busy != quiet
    other = measured.call("GET", "/graphs/service~OCS.png?show=traffic&period=day")
    assert other.startswith(PNG)
    assert other != busy
    times = [row["time"] for row in rows(measured, "service~OCS", "day")]
    assert len(times) in {8639, 8640, 8641}
    assert times == sorted(times)


def test_pages_and_lbcli_have_them_too(
    measured: Client, admin: Visitor, daemon: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = admin.get("/lbadmin/reports/graphs?object=server~OCS~FE-1&period=day")
    assert "Real Server FE-1 of OCS" in page
    assert 'alt="Open sessions of Real Server FE-1 of OCS in the last day' in page
    query = "object=server~OCS~FE-1&period=day&show=rate&size=narrow"
    png = admin.http.get(f"/lbadmin/reports/graphs/png?{query}")
    assert (png.headers["content-type"], png.content[:8]) == ("image/png", PNG)
    table = admin.http.get("/lbadmin/reports/graphs/csv?object=server~OCS~FE-1&period=week&show=rate")
    assert table.headers["content-disposition"] == 'attachment; filename="server-OCS-FE-1-week.csv"'
    assert table.text.startswith("time,sessions,new_sessions,bytes_in,bytes_out\n")
    assert "CPU, last hour" in admin.get("/lbadmin/overview/monitoring")
    monkeypatch.setenv(cli.SOCKET_VARIABLE, daemon)
    written = tmp_path / "ocs.csv", tmp_path / "ocs.png"
    assert cli.main(["graph", "service~OCS", "--csv", str(written[0]), "--png", str(written[1])]) == 0
    assert written[0].read_text().startswith("time,sessions")
    assert written[1].read_bytes().startswith(PNG)
    assert cli.main(["graphs"]) == 0


@pytest.mark.parametrize(
    "path",
    [
        "service~None.png",
        "service~..~...png",
        "..~passwd.csv",
        "cpu.png?show=traffic",
        "server~OCS.csv",
    ],
)
def test_what_is_not_there_is_refused_in_a_sentence(measured: Client, path: str) -> None:
    with pytest.raises(LbadminError, match=r"there is no such graph|not found|nothing matches"):
        measured.call("GET", f"/graphs/{path}")


def test_without_the_service_and_switched_off_pages_say_so(admin: Visitor, lbadmin: Client) -> None:
    assert "Lbva-graphs does not answer" in admin.get("/lbadmin/reports/graphs")
    assert "Latest alerts" in admin.get("/lbadmin/")
    assert admin.fill("/lbadmin/local/graphing", graphing__enabled=None).status_code == 303
    assert lbadmin.call("GET", "/graphs")["enabled"] is False
    assert "Graphing is switched off" in admin.get("/lbadmin/reports/graphs")


def test_the_service_goes_with_its_setting(appliance: Appliance, lbadmin: Client) -> None:
    lbadmin.call("PATCH", "/node", {"graphing": {"enabled": False}})
    assert ["systemctl", "stop", "lbva-graphs.service"] in appliance.commands
    assert (appliance.root / "etc/lbadmin/graphs.conf").read_text() == ""
    lbadmin.call("PATCH", "/node", {"graphing": {"enabled": True, "real_servers": False}})
    assert ["systemctl", "restart", "lbva-graphs.service"] in appliance.commands
    assert (appliance.root / "etc/lbadmin/graphs.conf").read_text() == "real-servers no\n"


RECORD = """
import json, sys, time
from pathlib import Path
from lbadmin.graphs.archive import Archive
from lbadmin.graphs.drawing import table
folder = Path("/var/lib/lbadmin/graphs"); folder.mkdir(exist_ok=True)
"""


def root_of(tmp_path: Path) -> Path:
    root = tmp_path / "state"
    (root / "var/lib/lbadmin/graphs").mkdir(parents=True)
    return root


def test_the_budget_holds_with_250_services_of_4_real_servers_each(tmp_path: Path) -> None:
    root = root_of(tmp_path)
    script = (
        RECORD
        + """
samples = {"cpu": (1, 1, 1, 1), "memory": (1, 1, 1), "interface~eth0": (1, 1)}
samples |= {f"service~S{n}": (1, n, n, n) for n in range(250)}
samples |= {f"server~S{n}~FE-{m}": (1, n, n, n) for n in range(250) for m in range(4)}
archive = Archive(folder)
now = 1_800_000_000
started = time.process_time()
for tick in range(12):
    archive.record(now + 10 * tick, samples)
archive.flush_all()
# Other services come in their place, and files of what is gone make room.
late = {name.replace("~S", "~T"): values for name, values in samples.items()}
for tick in range(12, 24):
    archive.record(now + 10 * tick, late)
archive.flush_all()
print(json.dumps([len(archive.known), archive.graphed, time.process_time() - started]))
"""
    )
    known, taken, cpu_s = json.loads(python(root, script))
    folder = root / "var/lib/lbadmin/graphs"
    files = list(folder.iterdir())
    total = sum(path.stat().st_blocks * 512 for path in files)
    cost = f"{total / 1e6:.1f} MB, {cpu_s / 24 * 1000:.0f} ms of CPU a sample"
    print(f"{len(files)} files of {known} objects, {cost}")
    assert total <= BUDGET_BYTES
    assert total > BUDGET_BYTES - SPARE_BYTES - size_of("service") - 1_000_000
    assert {path.stem for path in files} == set(taken)
    assert taken[:3] == ["cpu", "memory", "interface~eth0"]
    assert all(each.startswith("service~T") for each in taken[3:])


def test_a_damaged_file_is_put_aside_and_measuring_goes_on(tmp_path: Path) -> None:
    root = root_of(tmp_path)
    begin = (
        RECORD
        + """
archive = Archive(folder)
for tick in range(12):
    archive.record(START + 10 * tick, {"memory": (1000, 2000, 3000)})
archive.flush_all()
print(table(archive.path("memory"), "memory", "hour", START + 10 * 12))
"""
    )
    file = root / "var/lib/lbadmin/graphs/memory.rrd"
    python(root, begin.replace("START", "1_800_000_000"))
    whole = file.read_bytes()
    assert len(whole) == size_of("memory")
    randomly = random.Random(7)  # noqa: S311 - no secret
    wrecks = [b"", whole[:-100], bytes(len(whole)), randomly.randbytes(len(whole))]
    # The header holds, and what says where to write next does not.
    wrecks += [whole[:at] + randomly.randbytes(8) + whole[at + 8 :] for at in range(0, 2_400, 8)]
    started = 1_800_001_000
    probe = begin.replace("print(table", "assert 'T' in (table").replace("START", str(started))
    loop = "import os\n" + "\n".join(
        [
            "for name in sorted(os.listdir('/var/lib/lbadmin/wrecks'), key=int):",
            "    pid = os.fork()",
            "    if pid == 0:",
            "        os.replace(f'/var/lib/lbadmin/wrecks/{name}', '/var/lib/lbadmin/graphs/memory.rrd')",
            *(f"        {line}" for line in probe.strip().splitlines()),
            "        os._exit(0)",
            "    _, status = os.waitpid(pid, 0)",
            "    assert status == 0, (name, status)",
        ]
    )
    folder = root / "var/lib/lbadmin/wrecks"
    folder.mkdir()
    for number, wreck in enumerate(wrecks):
        (folder / str(number)).write_bytes(wreck)
    python(root, loop)
    assert (root / "var/lib/lbadmin/graphs/damaged").exists()


def test_a_clock_that_jumps_does_not_stop_it(tmp_path: Path) -> None:
    root = root_of(tmp_path)
    script = (
        RECORD
        + """
archive = Archive(folder)
def measured(start):
    for tick in range(12):
        archive.record(start + 10 * tick, {"memory": (1000, 2000, 3000)})
    archive.flush_all()
    text = table(archive.path("memory"), "memory", "hour", start + 120)
    return sum(",1000," in line for line in text.splitlines())
print(json.dumps([measured(start) for start in (1_800_000_000, 1_900_000_000, 1_700_000_000, 1_700_000_060)]))
"""
    )
    forward = json.loads(python(root, script))
    assert all(count >= 8 for count in forward), forward


def test_the_sampler_takes_little(sampler: subprocess.Popen[bytes], measured: Client) -> None:
    """Prints its memory and CPU; the figures of the appliance are those of tests/system."""
    found = Path("/proc") / str(sampler.pid)
    assert b"lbadmin.graphs" in (found / "cmdline").read_bytes().split(b"\0")
    before = time.monotonic(), ticks(found)
    for _ in range(20):
        measured.call("GET", "/graphs/cpu.csv")
    memory = next(line for line in (found / "status").read_text().splitlines() if line.startswith("VmRSS"))
    print(f"lbva-graphs: {memory}, {ticks(found) - before[1]} ticks for 20 tables")
    assert int(memory.split()[1]) < 60_000


def ticks(process: Path) -> int:
    fields = (process / "stat").read_text().rpartition(") ")[2].split()
    return int(fields[11]) + int(fields[12])
