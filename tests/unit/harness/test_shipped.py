"""The libvirt domain that ships, as the lab starts it: what differs, and that nothing else does."""

from ipaddress import IPv4Address
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness.domain import Accelerator, MachineFiles, MachineSpec
from harness.errors import LabError
from harness.shipped import lab_xml

FILES = MachineFiles(Path("/d/disk.qcow2"), Path("/d/vars.fd"), Path("/d/console.log"), Path("/run/c"))
SPEC = MachineSpec("lb1", Path("/image"), IPv4Address("192.168.2.21"), credentials={"a": "b"})
CARD = "<interface type='network'><source network='default'/><model type='virtio'/></interface>"
SHIPPED = f"""<domain type='kvm'><name>lbva</name><uuid>u</uuid><memory unit='MiB'>2048</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os><cpu mode='host-passthrough'/><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2' discard='unmap'/>
<source file='/images/lbva.qcow2'/><target dev='vda' bus='virtio'/></disk>
<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>
{CARD}{CARD}<serial type='pty'/><watchdog model='i6300esb' action='reset'/></devices></domain>"""


def adapted(shipped: str = SHIPPED, accelerator: Accelerator = "tcg") -> ET.Element:
    return ET.fromstring(lab_xml(shipped, SPEC, FILES, accelerator))  # noqa: S314 - it is our own


def attributes(root: ET.Element, path: str) -> list[dict[str, str]]:
    return [element.attrib for element in root.findall(path)]


def test_the_machine_is_the_labs() -> None:
    domain = adapted()
    assert domain.findtext("name") == "lb1"
    assert domain.find("uuid") is None
    assert attributes(domain, "devices/disk[@device='disk']/source") == [{"file": "/d/disk.qcow2"}]
    bridges = [source["bridge"] for source in attributes(domain, "devices/interface/source")]
    assert bridges == ["br-mgmt", "br-svc"]
    assert attributes(domain, "devices/serial/log") == [{"file": "/d/console.log", "append": "on"}]
    assert domain.findtext("sysinfo/oemStrings/entry") == "io.systemd.credential:a=b"


def test_what_the_lab_has_no_say_in_stays() -> None:
    domain, shipped = adapted(), ET.fromstring(SHIPPED)  # noqa: S314 - it is our own
    for path in (
        "memory",
        "vcpu",
        "os/type",
        "devices/disk/driver",
        "devices/disk/target",
        "devices/watchdog",
    ):
        assert attributes(domain, path) == attributes(shipped, path)
        assert domain.findtext(path) == shipped.findtext(path)
    assert attributes(domain, "devices/interface/model") == [{"type": "virtio"}] * 2
    assert len(domain.findall("devices/disk")) == 2


@pytest.mark.parametrize(
    ("accelerator", "kind", "cpu"),
    [("kvm", "kvm", {"mode": "host-passthrough"}), ("tcg", "qemu", {"mode": "custom"})],
)
def test_the_processor_changes_only_where_there_is_no_kvm(
    accelerator: Accelerator, kind: str, cpu: dict[str, str]
) -> None:
    domain = adapted(accelerator=accelerator)
    assert domain.get("type") == kind
    (found,) = attributes(domain, "cpu")
    assert cpu.items() <= found.items()


@pytest.mark.parametrize(
    ("shipped", "sentence"),
    [
        ("<domain>", "is no XML"),
        (SHIPPED.replace(CARD, "", 1), "has 1 network cards: the appliance has two"),
        (SHIPPED.replace("<serial type='pty'/>", ""), "has 0 times serial in its devices"),
        (
            SHIPPED.replace("device='cdrom'", "device='disk'").replace(
                "<target dev='sda'", "<source/><target"
            ),
            "2 times",
        ),
    ],
)
def test_a_domain_that_the_lab_can_not_plug_in_is_refused(shipped: str, sentence: str) -> None:
    with pytest.raises(LabError, match=sentence):
        lab_xml(shipped, SPEC, FILES, "tcg")
