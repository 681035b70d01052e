"""Artifacts that are wrong in one way each, and are refused with one sentence that says which."""

import hashlib
import io
import struct
import tarfile
import xmlrpc.client
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from harness.artifacts import machines, ova, ovf, release, vmdk, xva
from harness.artifacts.archives import extract_tar, extract_zip
from harness.errors import LabError
from harness.hardware import (
    CLOUD,
    HYPERV_2,
    VIRTUALBOX,
    VMWARE_BIOS,
    VMWARE_UEFI,
    Chipset,
    DiskBus,
    Firmware,
    Hardware,
)

MIB = 2**20
SECTOR = 512

Members = Sequence[tuple[str, bytes]]


def write_tar(path: Path, members: Members, kind: int = tarfile.USTAR_FORMAT) -> Path:
    with tarfile.open(path, "w", format=kind) as archive:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


# --- archives


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "folder/../../outside", "..\\outside"])
def test_no_archive_writes_outside_its_folder(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    tar = write_tar(tmp_path / "a.tar", [(name, b"x")])
    packed = tmp_path / "a.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, "x")
    for extract, path in ((extract_tar, tar), (extract_zip, packed)):
        with pytest.raises(LabError, match=r"leads out of the folder"):
            extract(path, inside)
    assert list(inside.iterdir()) == []
    assert not (tmp_path / "outside").exists()


def test_a_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        archive.addfile(link)
    with pytest.raises(LabError, match=r"link in a\.tar is no plain file"):
        extract_tar(path, tmp_path)


@pytest.mark.parametrize("keep", [0, 100, 700, 5000])
def test_a_truncated_tar_is_refused(tmp_path: Path, keep: int) -> None:
    path = write_tar(tmp_path / "a.tar", [("disk", bytes(range(256)) * 40)])
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(LabError, match=r"a\.tar is damaged"):
        extract_tar(path, tmp_path)


@pytest.mark.parametrize("name", ["a.tar.gz", "a.zip"])
def test_a_truncated_compressed_archive_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    data = hashlib.shake_256(b"random").digest(50_000)
    if name.endswith("zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("disk", data)
    else:
        with tarfile.open(path, "w:gz") as archive:
            member = tarfile.TarInfo("disk")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    path.write_bytes(path.read_bytes()[:-20_000])
    with pytest.raises(LabError, match=r"is damaged"):
        (extract_zip if name.endswith("zip") else extract_tar)(path, tmp_path)


def test_a_zip_whose_contents_were_altered_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("disk", b"before")
    path.write_bytes(path.read_bytes().replace(b"before", b"behind"))
    with pytest.raises(LabError, match=r"a\.zip is damaged: Bad CRC"):
        extract_zip(path, tmp_path)


def test_an_artifact_that_is_missing_says_who_builds_it(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"no lbva-VERSION-kvm\.zip in .*: `make image` builds it"):
        release.artifact("kvm.zip", tmp_path)


def test_several_versions_of_an_artifact_are_refused(tmp_path: Path) -> None:
    for version in ("1", "2"):
        (tmp_path / f"lbva-{version}-kvm.zip").touch()
    with pytest.raises(LabError, match=r"several versions: lbva-1-kvm\.zip, lbva-2-kvm\.zip"):
        release.artifact("kvm.zip", tmp_path)


# --- VMDK


def stream(*, grains: Sequence[bytes] = (b"abc", b"x" * 600), end: bool = True) -> bytes:
    """A stream-optimized VMDK: a header, grains, a grain table, the end."""
    header = struct.pack("<4sIIQQQQIQQQ", b"KDMV", 3, 0x30001, 2048, 128, 0, 0, 512, 0, 0, 1)
    data = header.ljust(SECTOR, b"\0")
    for number, grain in enumerate(grains):
        piece = struct.pack("<QI", number * 128, len(grain)) + grain
        data += piece.ljust(-(-len(piece) // SECTOR) * SECTOR, b"\0")
    data += struct.pack("<QII", 4, 0, 1).ljust(SECTOR, b"\0") + bytes(4 * SECTOR)
    return data + bytes(SECTOR) if end else data


def test_the_end_of_a_stream_is_found_behind_grains_and_tables(tmp_path: Path) -> None:
    disk = tmp_path / "d.vmdk"
    disk.write_bytes(stream())
    assert vmdk.stream_end(disk) == len(stream()) == SECTOR * (1 + 1 + 2 + 5 + 1)
    vmdk.check_end(disk)


def test_what_follows_the_end_of_a_stream_is_found(tmp_path: Path) -> None:
    disk = tmp_path / "d.vmdk"
    disk.write_bytes(stream() + bytes(1024))
    with pytest.raises(LabError, match=r"d\.vmdk has 1024 bytes behind its end-of-stream marker"):
        vmdk.check_end(disk)


@pytest.mark.parametrize("data", [stream(end=False), stream()[:-1], stream()[: 3 * SECTOR]])
def test_a_stream_without_its_end_is_refused(tmp_path: Path, data: bytes) -> None:
    disk = tmp_path / "d.vmdk"
    disk.write_bytes(data)
    with pytest.raises(LabError, match=r"d\.vmdk ends before its end-of-stream marker"):
        vmdk.check_end(disk)


@pytest.mark.parametrize("data", [b"", b"KDMV", bytes(1024)])
def test_what_is_no_vmdk_is_refused(tmp_path: Path, data: bytes) -> None:
    disk = tmp_path / "d.vmdk"
    disk.write_bytes(data)
    with pytest.raises(LabError, match=r"d\.vmdk is no sparse VMDK"):
        vmdk.check_end(disk)


# --- OVA

ITEM = """<Item><r:AllocationUnits>{units}</r:AllocationUnits><r:HostResource>{resource}</r:HostResource>
<r:InstanceID>{number}</r:InstanceID><r:Parent>{parent}</r:Parent><r:ResourceSubType>{kind}</r:ResourceSubType>
<r:ResourceType>{type}</r:ResourceType><r:VirtualQuantity>{quantity}</r:VirtualQuantity></Item>"""
RASD = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
VSSD = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData"


def descriptor(
    *,
    size: int | None = None,
    units: str = "byte * 2^20",
    controller: tuple[str, str] = ("6", "VirtualSCSI"),
    cards: Sequence[str] = ("VmxNet3", "VmxNet3"),
    parent: str = "3",
    family: str = "",
    beside: tuple[str, str] | None = None,
) -> bytes:
    empty = {"units": "", "resource": "", "parent": "", "kind": "", "quantity": ""}
    items: list[Mapping[str, str]] = [
        {"type": "3", "quantity": "1"},
        {"type": "4", "quantity": "2048", "units": units},
        {"type": controller[0], "kind": controller[1]},
        {"type": "17", "parent": parent, "resource": "ovf:/disk/disk1"},
        *({"type": "10", "kind": card} for card in cards),
        *([{"type": beside[0], "kind": beside[1]}] if beside else []),
    ]
    rows = "".join(ITEM.format(**{**empty, "number": str(n), **row}) for n, row in enumerate(items, 1))
    return f"""<?xml version="1.0"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:o="http://schemas.dmtf.org/ovf/envelope/1"
  xmlns:r="{RASD}" xmlns:v="{VSSD}">
<References><File o:id="f" o:href="a.vmdk" o:size="{size or len(stream())}"/></References>
<DiskSection><Disk o:diskId="disk1" o:fileRef="f"/></DiskSection>
<VirtualSystem><VirtualHardwareSection><System><v:VirtualSystemType>{family}</v:VirtualSystemType></System>{rows}</VirtualHardwareSection></VirtualSystem></Envelope>""".encode()


def manifest_of(*members: tuple[str, bytes]) -> bytes:
    return "".join(f"SHA256({name})= {hashlib.sha256(data).hexdigest()}\n" for name, data in members).encode()


def ova_members(text: bytes | None = None, disk: bytes | None = None) -> list[tuple[str, bytes]]:
    both = [("a.ovf", text or descriptor()), ("a.vmdk", disk or stream())]
    return [both[0], ("a.mf", manifest_of(*both)), both[1]]


def unpack(folder: Path, members: Members, kind: int = tarfile.USTAR_FORMAT) -> ova.Ova:
    out = folder / "out"
    out.mkdir()
    return ova.unpack(write_tar(folder / "a.ova", members, kind), out)


def test_an_ova_says_which_machine_it_wants(tmp_path: Path) -> None:
    unpacked = unpack(tmp_path, ova_members())
    assert unpacked.machine == ovf.OvfMachine("a.vmdk", 1, 2048, "pvscsi", ("vmxnet3", "vmxnet3"))
    assert unpacked.machine.on(VMWARE_BIOS) == VMWARE_BIOS
    # The controller that the lab's UEFI can't boot from is replaced by one that it can.
    assert unpacked.machine.on(VMWARE_UEFI) == VMWARE_UEFI
    assert unpacked.disk.read_bytes() == stream()


def test_another_controller_and_another_card_make_other_hardware(tmp_path: Path) -> None:
    text = descriptor(controller=("20", "AHCI"), cards=["VirtioNet", "VirtioNet"])
    assert unpack(tmp_path, ova_members(text)).machine.on(VIRTUALBOX) == VIRTUALBOX


def test_virtualbox_may_have_its_own_names_beside(tmp_path: Path) -> None:
    unpack(tmp_path, ova_members(descriptor(family="virtualbox-2.2", beside=("5", "PIIX4"))))


def test_members_in_another_order_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"holds a\.mf, a\.ovf, a\.vmdk, not descriptor, manifest, disk"):
        unpack(tmp_path, sorted(ova_members(), key=lambda member: member[0] != "a.mf"))


def test_another_kind_of_tar_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"a\.ova is no plain ustar archive"):
        unpack(tmp_path, ova_members(), tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (b"SHA256(", b"SHA256 (", r"a\.mf has the line 'SHA256 \(a\.ovf\)"),
        (b"SHA256(", b"SHA2-256(", r"a\.mf has the line"),
        (b")= ", b") = ", r"a\.mf has the line"),
        (b"(a.vmdk)", b"(b.vmdk)", r"a\.mf lists a\.ovf, b\.vmdk"),
    ],
)
def test_a_manifest_in_other_words_is_refused(
    tmp_path: Path, before: bytes, after: bytes, sentence: str
) -> None:
    text, (name, manifest), disk = ova_members()
    with pytest.raises(LabError, match=sentence):
        unpack(tmp_path, [text, (name, manifest.replace(before, after)), disk])


def test_a_wrong_checksum_in_a_manifest_is_found(tmp_path: Path) -> None:
    text, manifest, (name, disk) = ova_members()
    with pytest.raises(LabError, match=r"a\.vmdk has the checksum [0-9a-f]{64}, its manifest says"):
        unpack(tmp_path, [text, manifest, (name, disk.replace(b"abc", b"abd"))])


def test_a_descriptor_that_is_wrong_about_a_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"a\.ovf tells of the files and sizes \{'a\.vmdk': 7\}"):
        unpack(tmp_path, ova_members(descriptor(size=7)))


def test_a_descriptor_that_is_no_xml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"a\.ovf is no XML"):
        unpack(tmp_path, ova_members(b"<Envelope>"))


def test_a_disk_with_something_behind_its_end_is_refused(tmp_path: Path) -> None:
    disk = stream() + bytes(SECTOR)
    with pytest.raises(LabError, match=r"512 bytes behind"):
        unpack(tmp_path, ova_members(descriptor(size=len(disk)), disk))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (descriptor(controller=("6", "lsilogic")), "disk controller 'lsilogic' has no driver"),
        (descriptor(cards=["E1000"]), "network card 'e1000' has no driver"),
        (descriptor(cards=["VirtioNet", "VmxNet3"]), "network cards are virtio, vmxnet3"),
        (descriptor(cards=[]), "network cards are none"),
        (descriptor(parent="9"), "disk hangs on no controller"),
        (descriptor(units="furlongs"), "counts memory in 'furlongs'"),
        (descriptor(family="vmx-13", beside=("5", "PIIX4")), "vCenter knows no 'PIIX4' of resource type 5"),
        (descriptor(family="vmx-13", beside=("15", "cdrom")), "vCenter knows no 'cdrom' of resource type 15"),
    ],
)
def test_a_machine_that_the_appliance_can_not_be_is_refused(
    tmp_path: Path, text: bytes, sentence: str
) -> None:
    with pytest.raises(LabError, match=sentence):
        unpack(tmp_path, ova_members(text))


# --- XVA


def description(size: int, disks: int = 1) -> bytes:
    objects = [{"class": "VM", "id": "Ref:0", "snapshot": {}}]
    objects += [
        {"class": "VDI", "id": f"Ref:{4 + n}", "snapshot": {"virtual_size": str(size)}} for n in range(disks)
    ]
    value = xmlrpc.client.dumps(({"objects": objects},))
    return value[value.index("<value>") : value.rindex("</value>") + 8].encode()


def chunk(number: int, letter: bytes, disk: str = "Ref:4") -> list[tuple[str, bytes]]:
    data = letter * MIB
    checksum = hashlib.sha1(data, usedforsecurity=False).hexdigest().encode()
    return [(f"{disk}/{number:08}", data), (f"{disk}/{number:08}.checksum", checksum)]


def whole() -> list[tuple[str, bytes]]:
    return [("ova.xml", description(4 * MIB)), *chunk(0, b"a"), *chunk(2, b"c"), *chunk(3, b"\0")]


def raw_of(folder: Path, members: Members) -> bytes:
    return xva.unpack(write_tar(folder / "a.xva", members), folder / "raw").read_bytes()


def test_chunks_that_an_xva_leaves_out_are_zeros(tmp_path: Path) -> None:
    assert raw_of(tmp_path, whole()) == b"a" * MIB + bytes(MIB) + b"c" * MIB + bytes(MIB)


def test_a_compressed_xva_is_read_like_a_plain_one(tmp_path: Path) -> None:
    plain = write_tar(tmp_path / "plain", whole())
    packed = tmp_path / "a.xva"
    with tarfile.open(packed, "w:gz") as archive, tarfile.open(plain) as source:
        for member in source:
            archive.addfile(member, source.extractfile(member))
    assert xva.unpack(packed, tmp_path / "raw").read_bytes().startswith(b"a" * MIB + bytes(MIB))


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ([], r"does not begin with ova\.xml"),
        (whole()[1:], r"does not begin with ova\.xml"),
        (whole()[:3], "lacks the disk's first or last chunk"),
        ([whole()[0], *whole()[3:]], "lacks the disk's first or last chunk"),
        ([*whole()[:2], *whole()[3:]], r"no checksum follows Ref:4/00000000"),
        (whole()[:-1], r"no checksum follows Ref:4/00000003"),
        ([*whole()[:4], ("Ref:4/00000002.checksum", b"0" * 40)], r"Ref:4/00000002 has the checksum"),
        ([*whole(), *chunk(1, b"b")], r"Ref:4/00000001 .* comes too late"),
        ([*whole(), *chunk(4, b"b")], r"Ref:4/00000004 of 1048576 bytes does not fit a disk of 4194304"),
        ([*whole(), *chunk(4, b"b", "Ref:7")], r"Ref:7/00000004 in a\.xva is no chunk of Ref:4"),
        ([*whole(), ("../outside", b"")], r"\.\./outside in a\.xva is no chunk"),
        ([("ova.xml", b"<value>"), *whole()[1:]], r"ova\.xml of a\.xva tells of no single disk"),
        ([("ova.xml", b"<value><string>x</string></value>")], "tells of no single disk"),
        ([("ova.xml", description(4 * MIB, disks=2)), *whole()[1:]], "tells of no single disk"),
    ],
)
def test_an_xva_that_xenserver_would_refuse_is_refused(
    tmp_path: Path, members: Members, sentence: str
) -> None:
    with pytest.raises(LabError, match=sentence):
        raw_of(tmp_path, members)


@pytest.mark.parametrize("keep", [0, 300, 700, MIB])
def test_a_truncated_xva_is_refused(tmp_path: Path, keep: int) -> None:
    path = write_tar(tmp_path / "a.xva", whole())
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(LabError, match=r"a\.xva"):
        xva.unpack(path, tmp_path / "raw")


# --- machines


@pytest.mark.parametrize(
    ("chipset", "firmware", "disk", "sentence"),
    [
        ("pc", "uefi", "pvscsi", "UEFI is built without a driver for pvscsi"),
        ("pc", "secure-boot", "sata", "Secure Boot needs the chipset q35"),
        ("q35", "bios", "ide", "q35 has no IDE disks"),
    ],
)
def test_hardware_that_can_not_boot_is_refused(
    chipset: Chipset, firmware: Firmware, disk: DiskBus, sentence: str
) -> None:
    with pytest.raises(LabError, match=sentence):
        Hardware("odd", chipset, firmware, disk)


def test_a_file_that_is_no_artifact_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"lbva-1-abacus\.box is no artifact that can be booted: they end in"):
        machines.unpack(tmp_path / "lbva-1-abacus.box", tmp_path, VMWARE_BIOS)


def test_an_archive_with_two_disks_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "lbva-1-hyperv.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for name in ("a.vhdx", "b.vhdx"):
            packed.writestr(name, "")
    with pytest.raises(LabError, match=r"lbva-1-hyperv\.zip holds 2 files \*\.vhdx, not one"):
        machines.unpack(archive, tmp_path, HYPERV_2)


def test_an_archive_for_google_with_more_than_the_disk_is_refused(tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "lbva-1-gcp.tar.gz", [("disk.raw", b""), ("ReadMe.txt", b"")])
    with pytest.raises(LabError, match=r"holds disk\.raw, ReadMe\.txt; Google wants disk\.raw alone"):
        machines.unpack(archive, tmp_path, CLOUD)


def test_a_disk_that_qemu_can_not_read_is_refused(tmp_path: Path) -> None:
    disk = tmp_path / "d.vhdx"
    disk.write_bytes(b"vhdxfile" + bytes(4096))
    with pytest.raises(LabError, match=r"QEMU can't read d\.vhdx as vhdx: "):
        release.imported(disk, "vhdx", tmp_path)
