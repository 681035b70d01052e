"""Every format from a small disk: the same bytes again, the same disk inside, what importers insist on."""

import hashlib
import os
import struct
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET
from xmlrpc.client import loads

import pytest

from image.disk import BLOCK, blocks, digest, identity
from image.errors import BuildError
from image.formats import convert
from image.formats.__main__ import SUFFIXES, make
from image.formats.ova import OVF, RASD
from image.formats.product import Product
from image.version import commit_time, version

SIZE = 24 * BLOCK
EPOCH = 1_700_000_000
PLACES = {BLOCK // 2: b"first", 3 * BLOCK + 4096: b"KDMV conectix vhdxfile", 9 * BLOCK - 12: b"ends a block"}


def write_disk(path: Path, *, holes: bool) -> Path:
    """A disk of a few words, its first half's zeros as holes or written."""
    with path.open("wb") as file:
        file.truncate(SIZE)
        if not holes:
            file.write(bytes(SIZE // 2))
        for place, text in PLACES.items():
            file.seek(place)
            file.write(text)
    return path


@pytest.fixture
def product(tmp_path: Path) -> Product:
    return Product(write_disk(tmp_path / "lbva.raw", holes=True), "1.0", EPOCH)


def descriptor(ova: Path) -> ET.Element:
    """The OVF of an appliance."""
    with tarfile.open(ova) as archive:
        file = archive.extractfile(f"{ova.stem}.ovf")
        assert file is not None
        return ET.fromstring(file.read())  # noqa: S314 - it is our own


def made(product: Product, name: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    [(made_name, path)] = make(product, [name], folder)
    assert made_name == name
    return path


@pytest.mark.parametrize("name", SUFFIXES)
def test_the_same_disk_gives_the_same_bytes_wherever_its_zeros_are_holes(
    tmp_path: Path, product: Product, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other = Product(write_disk(elsewhere / "lbva.raw", holes=False), "1.0", EPOCH)
    one = made(product, name, tmp_path / "one")
    monkeypatch.setenv("TZ", "Pacific/Chatham")
    two = made(other, name, tmp_path / "two" / "deeper")
    assert one.read_bytes() == two.read_bytes()
    assert one.name == f"lbva-1.0-{SUFFIXES[name]}"
    assert [path.name for path in one.parent.iterdir()] == [one.name], "it leaves nothing beside it"


@pytest.mark.parametrize("name", SUFFIXES)
def test_another_disk_gives_other_bytes(tmp_path: Path, product: Product, name: str) -> None:
    one = made(product, name, tmp_path / "one").read_bytes()
    with product.raw.open("r+b") as file:
        file.seek(5 * BLOCK)
        file.write(b"!")
    assert made(product, name, tmp_path / "two").read_bytes() != one


def same_disk(image: Path, kind: str, raw: Path) -> bool:
    command = ["qemu-img", "compare", "-f", kind, "-F", "raw", str(image), str(raw)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("kind", ["vmdk", "vhdx", "vpc", "qcow2"])
def test_the_pinned_disk_is_the_raw_disk(tmp_path: Path, product: Product, kind: str) -> None:
    target, disk_digest = tmp_path / "disk", digest(product.raw)
    writers: dict[str, Callable[[], None]] = {
        "vmdk": lambda: convert.vmdk(product.raw, target, disk_digest),
        "vhdx": lambda: convert.vhdx(product.raw, target, disk_digest),
        "vpc": lambda: convert.vhd(product.raw, target, disk_digest),
        "qcow2": lambda: convert.qcow2(product.raw, target),
    }
    writers[kind]()
    assert same_disk(target, kind, product.raw)
    if kind != "vpc":
        check = subprocess.run(
            ["qemu-img", "check", "-f", kind, str(target)], check=False, capture_output=True
        )
        assert check.returncode == 0, check.stderr


def test_a_vmdk_ends_with_one_sector_of_zeros(tmp_path: Path, product: Product) -> None:
    target = tmp_path / "disk.vmdk"
    convert.vmdk(product.raw, target, digest(product.raw))
    data = target.read_bytes()
    assert len(data) % convert.SECTOR == 0
    assert data[-convert.SECTOR :] == bytes(convert.SECTOR)
    assert data[-2 * convert.SECTOR : -convert.SECTOR].strip(b"\0")


def test_a_vhd_s_footer_adds_up_and_is_fixed_and_whole(tmp_path: Path, product: Product) -> None:
    image = made(product, "azure", tmp_path)
    data = image.read_bytes()
    footer = data[-512:]
    assert len(data) == SIZE + 512
    assert footer.startswith(b"conectix")
    assert struct.unpack_from(">I", footer, 60) == (2,), "2 is a fixed disk"
    (checksum,) = struct.unpack_from(">I", footer, 64)
    assert checksum == ~sum(footer[:64] + footer[68:]) & 0xFFFFFFFF


def test_crc32c_is_the_one_of_rfc_3720() -> None:
    """RFC 3720, appendix B.4."""
    assert convert.crc32c(bytes(32)) == 0x8A9136AA
    assert convert.crc32c(b"\xff" * 32) == 0x62A8AB43
    assert convert.crc32c(bytes(range(32))) == 0x46DD794E


@pytest.mark.parametrize("name", ["vmware", "virtualbox"])
def test_an_ova_holds_descriptor_manifest_and_disk_in_this_order(
    tmp_path: Path, product: Product, name: str
) -> None:
    image = made(product, name, tmp_path)
    assert image.read_bytes()[257:263] == b"ustar\0"
    with tarfile.open(image) as archive:
        names = archive.getnames()
        assert names == [f"lbva-1.0-{name}.ovf", f"lbva-1.0-{name}.mf", "lbva-1.0-disk1.vmdk"]
        contents = {each: archive.extractfile(each).read() for each in names}  # type: ignore[union-attr]
        assert {(member.mtime, member.uid, member.mode) for member in archive} == {(EPOCH, 0, 0o644)}
    sums = [f"SHA256({each})= {hashlib.sha256(contents[each]).hexdigest()}" for each in (names[0], names[2])]
    assert contents[names[1]].decode().splitlines() == sums
    root = ET.fromstring(contents[names[0]])  # noqa: S314 - it is our own
    file = root.find(f"{{{OVF}}}References/{{{OVF}}}File")
    disk = root.find(f"{{{OVF}}}DiskSection/{{{OVF}}}Disk")
    assert file is not None
    assert disk is not None
    assert file.get(f"{{{OVF}}}size") == str(len(contents[names[2]]))
    assert disk.get(f"{{{OVF}}}capacity") == str(SIZE)


def test_virtualbox_is_told_the_card_by_the_name_that_it_knows(tmp_path: Path, product: Product) -> None:
    root = descriptor(made(product, "virtualbox", tmp_path))
    items = list(root.iter(f"{{{OVF}}}Item"))
    kinds = {
        item.findtext(f"{{{RASD}}}ResourceType"): item.findtext(f"{{{RASD}}}ResourceSubType")
        for item in items
    }
    assert kinds["10"] == "VirtioNet"
    assert kinds["20"] == "AHCI"
    assert not list(root.iter(f"{{{OVF}}}Property")), "VirtualBox hands over no OVF environment"


def test_the_elements_of_an_item_are_in_the_order_of_the_schema(tmp_path: Path, product: Product) -> None:
    root = descriptor(made(product, "vmware", tmp_path))
    for item in root.iter(f"{{{OVF}}}Item"):
        names = [element.tag for element in item]
        assert names == sorted(names)
    keys = [each.get(f"{{{OVF}}}key") for each in root.iter(f"{{{OVF}}}Property")]
    assert keys == ["address", "prefix", "gateway", "dns", "hostname"]


def test_an_xva_is_the_disk_in_chunks_with_checksums(tmp_path: Path, product: Product) -> None:
    disk = bytearray(SIZE)
    with tarfile.open(made(product, "xen", tmp_path)) as archive:
        members = archive.getmembers()
        assert members[0].name == "ova.xml"
        description = archive.extractfile(members[0]).read().decode()  # type: ignore[union-attr]
        numbers = []
        for chunk, checksum in zip(members[1::2], members[2::2], strict=True):
            data = archive.extractfile(chunk).read()  # type: ignore[union-attr]
            told = archive.extractfile(checksum).read().decode()  # type: ignore[union-attr]
            assert checksum.name == f"{chunk.name}.checksum"
            assert told == hashlib.sha1(data, usedforsecurity=False).hexdigest()
            reference, _, number = chunk.name.partition("/")
            numbers.append(int(number))
            disk[int(number) * BLOCK : (int(number) + 1) * BLOCK] = data
    assert bytes(disk) == product.raw.read_bytes()
    assert numbers == [0, 3, 8, SIZE // BLOCK - 1], "the last chunk is there though it is empty"
    ((machine,), _) = loads(f"<params><param>{description}</param></params>")
    assert isinstance(machine, dict)
    records = {each["id"]: (each["class"], each["snapshot"]) for each in machine["objects"]}
    assert records[reference][0] == "VDI"
    assert records[reference][1]["virtual_size"] == str(SIZE)
    # Older versions of xapi refuse a time without its zone.
    times = [record["snapshot_time"] for _, record in records.values() if "snapshot_time" in record]
    assert [str(each) for each in times] == ["19700101T00:00:00Z"] * 2
    for _, record in records.values():
        linked = [value for name in ("VM", "VDI", "SR", "network") if (value := record.get(name))]
        assert set(linked) <= set(records), "each record's references are in the archive"


def test_the_archive_for_google_has_the_sparse_disk_alone(tmp_path: Path, product: Product) -> None:
    image = made(product, "gcp", tmp_path)
    with tarfile.open(image, "r:gz") as archive:
        (member,) = archive.getmembers()
        assert (member.name, member.size, member.type) == ("disk.raw", SIZE, tarfile.GNUTYPE_SPARSE)
        assert archive.extractfile(member).read() == product.raw.read_bytes()  # type: ignore[union-attr]


@pytest.mark.parametrize(("name", "suffix", "kind"), [("hyperv", "vhdx", "vhdx"), ("kvm", "qcow2", "qcow2")])
def test_a_zip_has_the_disk_and_what_makes_a_machine_of_it(
    tmp_path: Path, product: Product, name: str, suffix: str, kind: str
) -> None:
    with zipfile.ZipFile(made(product, name, tmp_path)) as archive:
        assert archive.testzip() is None
        folder = f"lbva-1.0-{name}"
        assert {each.split("/")[0] for each in archive.namelist()} == {folder}
        disk = archive.extract(f"{folder}/lbva-1.0.{suffix}", tmp_path)
        files = {each.split("/")[1] for each in archive.namelist()}
    assert same_disk(Path(disk), kind, product.raw)
    assert (
        files - {f"lbva-1.0.{suffix}"}
        == {
            "hyperv": {"New-LBVA.ps1", "ReadMe.txt"},
            "kvm": {"lbva.xml", "ReadMe.txt"},
        }[name]
    )


def test_blocks_are_those_that_hold_something(tmp_path: Path) -> None:
    for holes in (True, False):
        disk = write_disk(tmp_path / "disk", holes=holes)
        assert [number for number, _ in blocks(disk)] == [0, 3, 8]
    disk.write_bytes(b"")
    assert list(blocks(disk)) == []
    disk.write_bytes(b"\0" * 100 + b"end")
    assert list(blocks(disk)) == [(0, b"\0" * 100 + b"end")]


def test_a_disk_has_one_identity_for_each_purpose(tmp_path: Path) -> None:
    one = digest(write_disk(tmp_path / "disk", holes=True))
    os.truncate(tmp_path / "disk", SIZE + BLOCK)
    other = digest(tmp_path / "disk")
    ids = {identity(seed, purpose) for seed in (one, other) for purpose in ("vmdk", "vhdx")}
    assert len(ids) == 4
    assert {each.version for each in ids} == {4}


def test_what_qemu_img_says_is_passed_on(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"No such file"):
        convert.qcow2(tmp_path / "nowhere.raw", tmp_path / "disk.qcow2")


def test_a_tree_without_git_has_a_time_that_every_format_knows(tmp_path: Path, product: Product) -> None:
    undated = Product(product.raw, version(tmp_path), commit_time(tmp_path))
    for name in SUFFIXES:
        made(undated, name, tmp_path / name)


def test_a_tree_whose_git_does_not_answer_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: /nonexistent\n")
    with pytest.raises(BuildError, match="git failed: fatal: not a git repository"):
        version(tmp_path)
