"""What the hypervisors' agents need of the image that ships, where none of these hypervisors is at hand."""

import subprocess

import pytest

from tests.image.conftest import ROOTFS

LIBRARIES = "usr/lib/x86_64-linux-gnu"
PLUGINS = f"{LIBRARIES}/open-vm-tools/plugins"


def inside(*command: str) -> str:
    done = subprocess.run(
        ["chroot", ROOTFS, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.stdout


@pytest.mark.parametrize("module", ["hv_utils", "hv_balloon", "vmw_vmci", "vmw_vsock_vmci_transport"])
def test_the_agents_have_their_drivers(module: str) -> None:
    assert f"/{module}.ko" in modprobe(module)


@pytest.mark.parametrize("module", ["sr_mod", "isofs"])
def test_a_disc_with_ovf_properties_can_be_read(module: str) -> None:
    assert f"/{module}.ko" in modprobe(module)


def modprobe(module: str) -> str:
    (kernel,) = (path.name for path in (ROOTFS / "usr/lib/modules").iterdir())
    return inside("modprobe", "--set-version", kernel, "--show-depends", module)


def test_vmwares_tools_are_the_part_that_an_appliance_needs_and_whole() -> None:
    plugins = sorted(path.name for path in (ROOTFS / PLUGINS).rglob("*.so"))
    assert plugins == ["libguestInfo.so", "libpowerOps.so", "libtimeSync.so", "libvmbackup.so"]
    programs = ["vmtoolsd", "vmware-rpctool"]
    assert {path.name for path in (ROOTFS / "usr/bin").glob("vm*")} == {*programs, "vmstat"}
    files = [f"/usr/bin/{name}" for name in programs] + [f"/{PLUGINS}/vmsvc/{name}" for name in plugins]
    files += ["/usr/sbin/qemu-ga", "/usr/sbin/hv_kvp_daemon", "/usr/sbin/hv_vss_daemon"]
    listing = inside("ldd", *files)
    assert "libvmtools.so.0 => /" in listing
    assert "not found" not in listing


def test_every_setting_of_the_agents_units_is_known() -> None:
    units = (f"{name}.service" for name in ("open-vm-tools", "qemu-guest-agent", "hv-vss-daemon"))
    said = inside("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units)
    assert [line for line in said.splitlines() if "lbva.conf" in line or "guest-agent.conf" in line] == []
