"""The texts of a release say what is in it, and can be read where people read them."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

from image import pages
from image.pages import PLATFORMS, README_COLUMNS, Artifact, Release
from tests.unit.image.commands import run

LONG_VERSION = "10.11.12-1234-g0123456789-dirty"
SUFFIXES = {
    "vmware": "vmware.ova",
    "virtualbox": "virtualbox.ova",
    "hyperv": "hyperv.zip",
    "kvm": "kvm.zip",
    "xen": "xen.xva",
    "azure": "azure.vhd",
    "gcp": "gcp.tar.gz",
}
VOID = {"meta", "link", "br", "wbr", "hr", "img", "input"}


def release(*platforms: str, version: str = "0.1.0", signed: bool = True, fingerprint: str = "") -> Release:
    artifacts = tuple(
        Artifact(f"lbva-{version}-{SUFFIXES[platform]}", platform, 121_300_000 + number, f"{number:064x}")
        for number, platform in enumerate(platforms)
    )
    return Release(version, 1_700_000_000, artifacts, signed, fingerprint)


class Markup(HTMLParser):
    """What a page links to and has for headings; its elements have to be closed in their order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.headings: list[int] = []
        self.elements: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        for name, value in attrs:
            if name in {"href", "src"} and value:
                self.links.append(value)
            if name == "id" and value:
                self.ids.add(value)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_formats_are_the_platforms() -> None:
    assert set(SUFFIXES) == set(PLATFORMS)


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_the_page_names_each_file_with_size_and_checksum_and_no_other(count: int) -> None:
    for platforms in itertools.combinations(PLATFORMS, count):
        chosen = release(*platforms)
        page = pages.download_page(chosen)
        markup = Markup(page)
        downloads = [link for link in markup.links if link.startswith("lbva-0.1.0-")]
        assert downloads == [artifact.name for artifact in chosen.ordered]
        assert page.count(" MB</td>") == count
        for artifact in chosen.artifacts:
            assert page.count(artifact.sha256) == 1


def test_the_page_needs_nothing_from_elsewhere() -> None:
    page = pages.download_page(release(*PLATFORMS))
    markup = Markup(page)
    assert not {"script", "img", "iframe", "object"} & set(markup.elements)
    assert "url(" not in page
    assert "@import" not in page
    own = {artifact.name for artifact in release(*PLATFORMS).artifacts} | {
        "ReadMe.txt",
        "SHA256SUMS",
        "SHA256SUMS.asc",
        "lbva-release-key.asc",
        "lbva-0.1.0.packages",
        "lbva-0.1.0.cdx.json",
    }
    for link in markup.links:
        assert link in own or link.removeprefix("#") in markup.ids or link.startswith("data:"), link


def test_the_headings_of_the_page_follow_each_other() -> None:
    headings = Markup(pages.download_page(release(*PLATFORMS))).headings
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(headings))


def test_the_order_of_the_files_is_the_same_however_they_were_made() -> None:
    page = pages.download_page(release("xen", "vmware"))
    assert page.index("vmware.ova") < page.index("xen.xva")


def test_what_is_not_signed_says_so_and_shows_no_signature() -> None:
    for text in (
        pages.download_page(release("kvm", signed=False)),
        pages.readme(release("kvm", signed=False)),
    ):
        assert "not signed" in " ".join(text.split())
        assert ".asc" not in text
    for text in (pages.download_page(release("kvm")), pages.readme(release("kvm"))):
        assert "gpg --verify SHA256SUMS.asc SHA256SUMS" in text
        assert "lbva-release-key.asc" in text


def test_a_fingerprint_is_shown_where_it_is_known() -> None:
    signed = release("kvm", fingerprint="0123 4567 89AB CDEF")
    assert "0123 4567 89AB CDEF" in pages.download_page(signed)
    assert "0123 4567 89AB CDEF" in pages.readme(signed)


@pytest.mark.parametrize(
    ("version", "development"),
    [
        ("0.1.0", False),
        ("1.2", False),
        ("0-g1d40418", True),
        ("0.1.0-3-gabc1234", True),
        ("0.1.0-dirty", True),
    ],
)
def test_what_is_no_numbered_version_is_called_a_development_build(version: str, development: bool) -> None:
    chosen = release("kvm", version=version)
    assert ("development build" in pages.download_page(chosen).lower()) == development
    assert ("development build" in pages.readme(chosen)) == development


@pytest.mark.parametrize("version", ["0.1.0", LONG_VERSION])
@pytest.mark.parametrize("development_key", [True, False])
def test_each_reason_for_being_a_development_build_is_told(version: str, development_key: bool) -> None:
    chosen = replace(release("kvm", version=version), development_key=development_key)
    for text in (pages.download_page(chosen), pages.readme(chosen)):
        told = " ".join(text.split()).lower()
        assert ("development build" in told) == (development_key or version == LONG_VERSION)
        assert ("a state between two versions" in told) == (version == LONG_VERSION)
        assert ("licence keys that anybody can make" in told) == development_key
        assert ("the development key" in told) == development_key


@pytest.mark.parametrize("version", ["0.1.0", LONG_VERSION])
@pytest.mark.parametrize("signed", [True, False])
def test_the_readme_fits_any_window_and_notepad(version: str, signed: bool) -> None:
    for platforms in [*itertools.combinations(PLATFORMS, 1), tuple(PLATFORMS), ()]:
        chosen = release(*platforms, version=version, signed=signed)
        text = pages.readme(replace(chosen, development_key=not signed))
        assert text.isascii()
        assert text.count("\n") == text.count("\r\n")
        lines = text.split("\r\n")
        assert max(map(len, lines)) <= README_COLUMNS
        assert all(line == line.rstrip() for line in lines)
        assert "\r\n\r\n\r\n\r\n" not in text


def test_the_readme_has_each_platforms_way_and_no_other() -> None:
    ways = {
        "vmware": "ovftool",
        "virtualbox": "VBoxManage import",
        "hyperv": "New-LBVA.ps1",
        "kvm": "virsh define",
        "xen": "xe vm-import",
        "azure": "az disk create",
        "gcp": "gcloud compute images create",
    }
    assert set(ways) == set(PLATFORMS)
    for chosen in PLATFORMS:
        text = pages.readme(release(chosen))
        assert [platform for platform, way in ways.items() if way in text] == [chosen]


def test_first_steps_are_told_whatever_was_built() -> None:
    for text in (pages.readme(release("xen")), pages.download_page(release("xen"))):
        assert "https://192.168.2.21:9443/lbadmin/" in text
        assert "loadbalancer" in text
        assert "password" in text


def test_markup_in_a_version_is_shown_and_not_obeyed() -> None:
    page = pages.download_page(release("kvm", version="<b>&"))
    assert "<b>&" not in page
    assert "&lt;b&gt;&amp;" in page


@pytest.mark.parametrize("version", ["0.1.0", LONG_VERSION, "1" * 80])
def test_names_in_a_cloud_are_of_the_form_that_it_takes(version: str) -> None:
    assert re.fullmatch(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])", pages.cloud_name(version))


def test_sizes_are_whole_megabytes() -> None:
    assert pages.megabytes(121_500_001) == "122 MB"
    assert pages.megabytes(8 * 2**30 + 512) == "8,590 MB"
    assert pages.megabytes(3) == "1 MB"


@pytest.mark.parametrize("version", ["0.1.0", LONG_VERSION])
def test_what_lies_beside_the_disks_can_be_read_on_their_hosts(version: str) -> None:
    texts = {**pages.kvm_companions(version), **pages.hyperv_companions(version)}
    assert set(texts) == {"lbva.xml", "New-LBVA.ps1", "ReadMe.txt"}
    for companions in (pages.kvm_companions(version), pages.hyperv_companions(version)):
        text = companions["ReadMe.txt"]
        assert text.isascii()
        assert text.count("\n") == text.count("\r\n")
        assert max(map(len, text.split("\r\n"))) <= README_COLUMNS


def test_libvirt_takes_the_domain(tmp_path: Path) -> None:
    domain = tmp_path / "lbva.xml"
    domain.write_text(pages.kvm_companions("0.1.0")["lbva.xml"])
    assert "validates" in run("virt-xml-validate", str(domain), "domain")
    assert "lbva" in run("virsh", "--connect", "test:///default", "define", str(domain))
    assert "/var/lib/libvirt/images/lbva-0.1.0.qcow2" in domain.read_text()


def parsed(script: str) -> Node:
    return Parser(Language(tree_sitter_powershell.language())).parse(script.encode()).root_node


def within(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from within(child)


@pytest.fixture
def script() -> str:
    return pages.hyperv_companions("0.1.0")["New-LBVA.ps1"]


def test_powershell_can_parse_the_script(script: str) -> None:
    assert not parsed(script).has_error
    # The parser would notice.
    assert parsed(script.replace("'lbva-*.vhdx'", "'lbva-*.vhdx", 1)).has_error
    assert parsed(script.replace("exit 1\r\n}", "exit 1\r\n", 1)).has_error


def test_windows_powershell_reads_the_script_as_it_was_written(script: str) -> None:
    # Without a byte order mark version 5.1 takes a script for one in Windows' old code page.
    assert script.isascii()
    # Such are PowerShell 7's alone.
    operators = {node.type for node in within(parsed(script))}
    assert not {"&&", "||", "??", "??="} & operators


def test_the_script_asks_hyper_v_alone_for_what_others_have_too(script: str) -> None:
    names = {(node.text or b"").decode() for node in within(parsed(script)) if node.type == "command_name"}
    hyper_v = {name for name in names if re.search(r"-VM", name)}
    assert hyper_v
    assert all(name.startswith("Hyper-V\\") for name in hyper_v)


def test_nothing_is_changed_before_the_script_has_asked(script: str) -> None:
    asked = script.index("$PSCmdlet.ShouldProcess(")
    for command in ("New-Item ", "Copy-Item ", "New-VM @", "Set-VM -VM", "Set-VMFirmware ", "Remove-Item "):
        assert script.index(command) > asked
