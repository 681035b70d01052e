"""`make bench`: size, build times and boot times beside a plain Debian image with the same daemons.

Both are measured in the same run on the same machine, in turn, so the ratios hold where the times do not. The
plain image is what mkosi makes of the same packages when nothing is tuned (image/plain).
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from harness import topology
from harness.appliance import HTTPS_PORT, Appliance
from harness.clients import OcsClient
from harness.deadline import Deadline
from harness.lab import Lab
from harness.libvirt_machine import LibvirtMachine
from harness.state import REPOSITORY
from image import rootfs
from image.sizes import components

OUT = REPOSITORY / "build" / "bench"
BOOT_S = 600.0
MB = 1e6
CLIENT = "192.168.10.100"


@dataclass(frozen=True)
class Row:
    """One figure of both images, in `unit`; smaller is better."""

    what: str
    unit: str
    lbva: float
    plain: float

    @property
    def ratio(self) -> float:
        """The appliance's part of the plain image's."""
        return self.lbva / self.plain


def timed(action: Callable[[], object]) -> float:
    """Do `action` and return how many seconds it took."""
    started = time.monotonic()
    action()
    return time.monotonic() - started


def build(*arguments: str) -> float:
    """Run a build of room `image/` and return how many seconds it took."""
    log = OUT / "build.log"
    with log.open("a") as file:
        command = [sys.executable, "-m", *arguments]
        return timed(lambda: subprocess.run(command, cwd=REPOSITORY, check=True, stdout=file, stderr=file))


def build_rows() -> list[Row]:
    """Build both from scratch (downloads kept), then again after a change to lbadmin, and compare sizes.

    Ours are all artifacts, the plain image's is one.
    """
    plain = OUT / "plain.raw"
    ours = OUT / "lbva"
    cold = Row("build, cold", "s", build("image.build", "--force", "--out", str(ours)), build_plain())
    changed = REPOSITORY / "lbadmin" / "__init__.py"
    text = changed.read_text(encoding="utf-8")
    try:
        changed.write_text(text + "# measured\n", encoding="utf-8")
        warm_ours = build("image.build", "--out", str(ours))
    finally:
        changed.write_text(text, encoding="utf-8")
    warm = Row("build, lbadmin changed", "s", warm_ours, build_plain())
    release = next((ours / "release").glob("*-vmware.ova"))
    size = Row(
        "download (VMware)", "MB", release.stat().st_size / MB, (OUT / "plain.vmdk").stat().st_size / MB
    )
    used = [path.stat().st_blocks * 512 / MB for path in (ours / "lbva.raw", plain)]
    return [size, Row("disk used", "MB", *used), cold, warm]


def build_plain() -> float:
    """Build the plain image and return how many seconds it took."""
    return build("image.plain", str(OUT))


def plain_credentials() -> dict[str, str]:
    """Return the network of the plain image, handed over from outside: it has no management plane."""
    management, service = (topology.mac_address("lb1", number) for number in range(2))
    return {
        "network.network.10-mgmt": f"[Match]\nMACAddress={management}\n[Network]\nAddress=192.168.2.21/24\n",
        "network.link.10-svc": f"[Match]\nMACAddress={service}\n[Link]\nName=svc0\n",
        "network.network.10-svc": "[Match]\nName=svc0\n[Network]\nAddress=192.168.10.21/24\n",
    }


def boot_times(lab: Lab, machine: LibvirtMachine, scheme: str) -> tuple[float, float]:
    """Boot a machine and return the seconds from power-on until VIP and web page answer."""
    url = f"{scheme}://{machine.address}:{HTTPS_PORT}/lbadmin/login"
    client = OcsClient(lab, CLIENT)
    started = time.monotonic()
    deadline = Deadline(BOOT_S)
    machine.power_on()
    client.wait_until_served(deadline)
    vip = time.monotonic() - started
    with lab.http("", timeout_s=10) as web:
        deadline.wait_until(
            lambda: web.get(url).is_success,
            f"the web page of {machine.name}",
            ignoring=(OSError, httpx.HTTPError),
        )
    return vip, time.monotonic() - started


def boot_rows(runs: int) -> list[Row]:
    """Boot both in turn, each in a lab of its own, and return the medians."""
    vips: dict[str, list[float]] = {"lbva": [], "plain": []}
    pages: dict[str, list[float]] = {"lbva": [], "plain": []}
    with Lab.start(f"bench-{os.getpid()}") as ours, Lab.start(f"bench-plain-{os.getpid()}") as theirs:
        appliance = ours.add_machine("lb1", OUT / "lbva" / "lbva.raw")
        configure(ours, appliance)
        plain = theirs.add_machine("lb1", OUT / "plain.raw", credentials=plain_credentials())
        for run in range(runs):
            for name, lab, machine, scheme in (
                ("lbva", ours, appliance, "https"),
                ("plain", theirs, plain, "http"),
            ):
                vip, page = boot_times(lab, machine, scheme)
                machine.power_off()
                vips[name].append(vip)
                pages[name].append(page)
                print(f"  boot {run + 1} of {name}: VIP {vip:.1f} s, web page {page:.1f} s", flush=True)
    return [
        Row("power-on to VIP", "s", statistics.median(vips["lbva"]), statistics.median(vips["plain"])),
        Row("power-on to web page", "s", statistics.median(pages["lbva"]), statistics.median(pages["plain"])),
    ]


def configure(lab: Lab, machine: LibvirtMachine) -> None:
    """Boot the appliance for the first time, apply the guide, and switch it off."""
    machine.power_on()
    appliance = Appliance(lab, machine)
    appliance.wait_until_up(Deadline(BOOT_S))
    appliance.join_service_network()
    appliance.set_guide_timeouts()
    appliance.add_guide_service(lab)
    machine.shutdown(Deadline(120))


def component_rows() -> list[str]:
    """Return the parts of the image by their weight, a line each."""
    rootfs.unpack(OUT / "lbva" / "lbva.raw", OUT / "rootfs")
    parts = components(OUT / "rootfs")
    lines = [f"{each.name:26}{each.installed / MB:10.1f}{each.compressed / MB:8.1f}" for each in parts]
    return [f"{'':26}{'installed':>10}{'packed':>8}  MB", *lines]


def table(rows: list[Row]) -> str:
    """Return the rows as a table for people."""
    lines = [f"{'':26}{'LBVA':>10}{'plain':>10}{'ratio':>8}"]
    lines += [
        f"{f'{row.what}, {row.unit}':26}{row.lbva:10.1f}{row.plain:10.1f}{row.ratio:8.2f}" for row in rows
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, print the table, save build/bench/image.json."""
    parser = argparse.ArgumentParser(prog="python -m harness.bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="boots of each image (3)")
    options = parser.parse_args()
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    print("Building both images …", flush=True)
    rows = build_rows()
    rows += boot_rows(options.runs)
    figures = [
        {"what": r.what, "unit": r.unit, "lbva": r.lbva, "plain": r.plain, "ratio": r.ratio} for r in rows
    ]
    (OUT / "image.json").write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(table(rows))
    print("\n".join(["", *component_rows()]))


if __name__ == "__main__":
    main()
