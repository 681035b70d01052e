"""The release folder as it is: every artifact holds the disk that was built, and is what its importers take.

Nothing is booted; tests/system/test_artifacts.py does that.
"""

import json
import subprocess
import tarfile
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness import guestfs
from harness.artifacts import ova, xva
from harness.artifacts.archives import extract_tar, extract_zip
from harness.artifacts.machines import GCP_DISK
from harness.artifacts.release import RAW, RELEASE, artifact

MIB = 2**20
OVAS = ("vmware.ova", "virtualbox.ova")
INSPECTION_S = 900


def qemu_img(*arguments: str) -> str:
    result = subprocess.run(["qemu-img", *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr or result.stdout
    return result.stdout


def assert_holds_the_disk(image: Path, kind: str) -> None:
    """QEMU finds the very disk that was built in an image of the format `kind`."""
    assert size_of(image, kind) == RAW.stat().st_size
    assert "identical" in qemu_img("compare", "-f", "raw", "-F", kind, str(RAW), str(image))


def size_of(image: Path, kind: str) -> int:
    """The size of the disk in an image, in bytes."""
    return int(json.loads(qemu_img("info", "--output=json", "-f", kind, str(image)))["virtual-size"])


def test_all_checksums_hold() -> None:
    command = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    result = subprocess.run(command, cwd=RELEASE, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"`make image` builds what is missing: {result.stdout}{result.stderr}"


def test_every_file_of_the_release_has_a_checksum() -> None:
    listed = {line.split()[1] for line in (RELEASE / "SHA256SUMS").read_text(encoding="utf-8").splitlines()}
    there = {path.name for path in RELEASE.iterdir()}
    # The list itself, and what a signed release has beside it.
    assert there - listed <= {"SHA256SUMS", "SHA256SUMS.asc", "lbva-release-key.asc"}


@pytest.mark.parametrize("suffix", OVAS)
def test_an_ova_is_taken_by_the_strictest_importer(tmp_path: Path, suffix: str) -> None:
    unpacked = ova.unpack(artifact(suffix), tmp_path)
    assert (unpacked.machine.cpus, unpacked.machine.memory_mib) == (1, 2048)
    assert len(unpacked.machine.cards) == 2
    assert_holds_the_disk(unpacked.disk, "vmdk")


@pytest.mark.parametrize(("suffix", "kind"), [("kvm.zip", "qcow2"), ("hyperv.zip", "vhdx")])
def test_a_zip_holds_one_folder_with_the_disk(tmp_path: Path, suffix: str, kind: str) -> None:
    archive = artifact(suffix)
    names = extract_zip(archive, tmp_path)
    assert {Path(name).parts[0] for name in names} == {archive.stem}
    (disk,) = [tmp_path / name for name in names if name.endswith(f".{kind}")]
    qemu_img("check", "-f", kind, str(disk))
    assert_holds_the_disk(disk, kind)


def test_the_libvirt_domain_is_xml_for_the_disk_beside_it(tmp_path: Path) -> None:
    names = extract_zip(artifact("kvm.zip"), tmp_path)
    (description,) = [tmp_path / name for name in names if name.endswith(".xml")]
    source = ET.parse(description).find("devices/disk[@device='disk']/source")  # noqa: S314 - our own
    assert source is not None
    assert Path(source.attrib["file"]).name in {Path(name).name for name in names}


def test_an_xva_holds_the_disk_in_chunks_with_right_checksums(tmp_path: Path) -> None:
    assert_holds_the_disk(xva.unpack(artifact("xen.xva"), tmp_path / "raw"), "raw")


def test_a_vhd_for_azure_is_fixed_and_of_whole_mebibytes() -> None:
    disk = artifact("azure.vhd")
    size = size_of(disk, "vpc")
    assert size % MIB == 0
    # A fixed one is the disk and a footer of 512 bytes.
    assert disk.stat().st_size == size + 512
    assert_holds_the_disk(disk, "vpc")


def test_an_archive_for_google_holds_one_sparse_disk_of_whole_gibibytes(tmp_path: Path) -> None:
    archive = artifact("gcp.tar.gz")
    assert extract_tar(archive, tmp_path) == [GCP_DISK]
    with tarfile.open(archive) as tar:
        member = tar.getmember(GCP_DISK)
        # GNU tar's old format: the one that Google documents.
        assert member.type == tarfile.GNUTYPE_SPARSE
        assert member.size % (1024 * MIB) == 0
    assert_holds_the_disk(tmp_path / GCP_DISK, "raw")


@pytest.mark.nightly
@pytest.mark.timeout(INSPECTION_S)
@pytest.mark.parametrize(
    ("suffix", "bus", "card"), [(OVAS[0], "scsi", "vmxnet3"), (OVAS[1], "sata", "virtio")]
)
def test_virt_v2v_reads_the_machine_of_an_ova(suffix: str, bus: str, card: str) -> None:
    path = str(guestfs.INSIDE / artifact(suffix).name)
    told = guestfs.run(["virt-v2v", "-i", "ova", path, "--print-source"], RELEASE, INSPECTION_S)
    assert "nr vCPUs: 1\n" in told
    assert f"memory: {2048 * MIB} (bytes)" in told
    assert f"[{bus}]" in told
    assert told.count(f"[{card}") == 2


@pytest.mark.nightly
@pytest.mark.timeout(INSPECTION_S)
def test_libguestfs_finds_debian_on_the_disk_of_an_ova(tmp_path: Path) -> None:
    disk = ova.unpack(artifact(OVAS[0]), tmp_path).disk
    command = ["virt-inspector", "--no-applications", "--no-icon", "--format=vmdk"]
    told = guestfs.run([*command, "-a", str(guestfs.INSIDE / disk.name)], tmp_path, INSPECTION_S)
    system = ET.fromstring(told).find("operatingsystem")  # noqa: S314 - our own disk
    assert system is not None
    facts = {name: system.findtext(name) for name in ("distro", "major_version", "hostname")}
    assert facts == {"distro": "debian", "major_version": "13", "hostname": "lbva"}
