"""The libvirt domain that ships for KVM, with what must differ in the lab. Pure."""

from xml.etree import ElementTree as ET

from harness.domain import (
    Accelerator,
    MachineFiles,
    MachineSpec,
    add_credentials,
    add_serial,
    plug_in,
    set_accelerator,
)
from harness.errors import LabError
from harness.topology import MACHINE_NETWORKS


def lab_xml(shipped: str, spec: MachineSpec, files: MachineFiles, accelerator: Accelerator) -> str:
    """The description `shipped` as the lab can start it. All that differs is:

    - the machine's name, and no UUID;
    - without KVM, an emulated processor;
    - the disk is the layer over the shipped one;
    - the two network cards are plugged into the lab's bridges, with the lab's MAC addresses;
    - the first serial port goes to the lab's log and socket;
    - credentials, as whoever deploys unattended adds them.
    """
    try:
        domain = ET.fromstring(shipped)  # noqa: S314 - this build's own
    except ET.ParseError as error:
        raise LabError(f"the shipped libvirt domain is no XML: {error}") from error
    devices = _only(domain, "devices")
    _only(domain, "name").text = spec.name
    for uuid in domain.findall("uuid"):
        domain.remove(uuid)
    if accelerator != "kvm":
        set_accelerator(domain, accelerator)
    source = _only(devices, "disk[@device='disk']/source")
    source.attrib = {"file": str(files.disk)}
    cards = devices.findall("interface")
    if len(cards) != len(MACHINE_NETWORKS):
        raise LabError(f"the shipped libvirt domain has {len(cards)} network cards", "the appliance has two")
    for number, card in enumerate(cards):
        model = _only(card, "model")
        card.clear()
        card.append(model)
        plug_in(card, spec.name, number)
    serial = _only(devices, "serial")
    serial.clear()
    add_serial(serial, files)
    add_credentials(domain, spec)
    return ET.tostring(domain, encoding="unicode")


def _only(element: ET.Element, path: str) -> ET.Element:
    found = element.findall(path)
    if len(found) != 1:
        raise LabError(
            f"the shipped libvirt domain has {len(found)} times {path} in its {element.tag}", "give it one"
        )
    return found[0]
