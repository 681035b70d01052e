"""`make image` from a small disk: what a release has, and that nothing ever leaves half of one."""

import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from image import ed25519, release
from image.build import Build, fingerprint, make_all
from image.errors import BuildError
from image.version import commit_time, version

TREE = Path(__file__).resolve().parents[2]
DEADLINE_S = 60.0
PACKAGE = {"name": "hello", "version": "2.10-5", "architecture": "amd64"}
STATUS = """\
Package: hello
Status: install ok installed
Maintainer: Nobody <nobody@example.com>
Architecture: amd64
Version: 2.10-5
Description: example
"""


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A build folder whose disk is up to date: 16 MiB with a root slot of one package."""
    tree, folder = tmp_path / "tree", tmp_path / "out"
    for name, text in (
        ("usr/lib/os-release", 'ID=debian\nVERSION_ID="13"\nPRETTY_NAME="Debian 13"\n'),
        ("var/lib/dpkg/status", STATUS),
        ("usr/share/doc/hello/copyright", "Licensed under /usr/share/common-licenses/GPL-3\n"),
    ):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    (tree / "etc").mkdir()
    (tree / "etc/os-release").symlink_to("../usr/lib/os-release")
    folder.mkdir()
    raw = folder / "lbva.raw"
    with raw.open("wb") as disk:
        disk.truncate(16 * 2**20)
    table = "label: gpt\nstart=2048, size=28672, name=root-a\n"
    subprocess.run(["sfdisk", "--quiet", str(raw)], input=table, text=True, check=True)
    options = [f"offset={2048 * 512}"]
    make = ["mke2fs", "-q", "-t", "ext4", "-E", *options, "-d", str(tree), str(raw), "14336k"]
    subprocess.run(make, check=True)
    (folder / "lbva.manifest").write_text(json.dumps({"packages": [PACKAGE]}))
    build = Build(TREE, folder, version(TREE), commit_time(TREE))
    build.stamp.write_text(fingerprint(build))
    return folder


def command(out: Path, *options: str) -> list[str]:
    # The builder's own Python, which has Debian's modules.
    return ["/usr/bin/python3", "-m", "image.build", f"--out={out}", *options]


def run(out: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(out, *options), cwd=TREE, capture_output=True, text=True, check=False, timeout=DEADLINE_S
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def leftovers(out: Path) -> set[str]:
    ours = {"lbva.raw", "lbva.manifest", "lbva.stamp", "release", "release.stamp", ".lock"}
    return {path.name for path in out.iterdir()} - ours


def test_a_release_is_complete_and_its_checksums_hold(out: Path) -> None:
    made = run(out)
    assert made.returncode == 0, made.stderr
    name = f"lbva-{version(TREE)}"
    formats = ["vmware.ova", "virtualbox.ova", "hyperv.zip", "kvm.zip", "xen.xva", "azure.vhd", "gcp.tar.gz"]
    expected = {f"{name}-{suffix}" for suffix in formats}
    expected |= {f"{name}.packages", f"{name}.cdx.json", "ReadMe.txt", "index.html", "SHA256SUMS"}
    release = out / "release"
    assert set(contents(release)) == expected
    check = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    subprocess.run(check, cwd=release, check=True)
    listed = (release / "SHA256SUMS").read_text().splitlines()
    assert {line.split("  ")[1] for line in listed} == expected - {"SHA256SUMS"}
    assert (release / f"{name}.packages").read_text() == "hello 2.10-5 amd64\n"
    assert json.loads((release / f"{name}.cdx.json").read_text())["components"]
    assert leftovers(out) == set()
    for line in made.stdout.splitlines()[2:-1]:
        assert " s  lbva-" in line, "each artifact is told when it is made"


def test_nothing_is_done_twice_and_fewer_formats_replace_more(out: Path) -> None:
    assert run(out, "--formats=kvm azure").returncode == 0
    made = (out / "release").stat().st_mtime_ns
    assert "is up to date" in run(out, "--formats=azure,kvm").stdout
    assert (out / "release").stat().st_mtime_ns == made
    assert run(out, "--formats=azure").returncode == 0
    names = set(contents(out / "release"))
    assert not [name for name in names if name.endswith("kvm.zip")]
    assert [name for name in names if name.endswith("azure.vhd")]


@contextmanager
def a_key(folder: Path, passphrase: str = "", usage: str = "sign") -> Iterator[Path]:
    """A file with a new secret key."""
    home = folder / "gnupg"
    home.mkdir(mode=0o700)
    gpg = ["gpg", f"--homedir={home}", "--batch", "--quiet", "--pinentry-mode=loopback"]
    gpg.append(f"--passphrase={passphrase}")
    try:
        subprocess.run([*gpg, "--quick-generate-key", "Release test", "ed25519", usage], check=True)
        exported = subprocess.run([*gpg, "--armor", "--export-secret-keys"], check=True, capture_output=True)
        file = folder / "key.asc"
        file.write_bytes(exported.stdout)
        yield file
    finally:
        subprocess.run(["gpgconf", f"--homedir={home}", "--kill", "all"], check=False)


@pytest.fixture
def key(tmp_path: Path) -> Iterator[Path]:
    with a_key(tmp_path) as file:
        yield file


def test_a_signed_release_is_verified_with_the_key_beside_it(out: Path, key: Path, tmp_path: Path) -> None:
    assert run(out, "--formats=kvm", f"--key={key}").returncode == 0
    release, home = out / "release", tmp_path / "other"
    home.mkdir(mode=0o700)
    gpg = ["gpg", f"--homedir={home}", "--batch", "--quiet"]
    subprocess.run([*gpg, "--import", str(release / "lbva-release-key.asc")], check=True)
    verify = [*gpg, "--verify", str(release / "SHA256SUMS.asc"), str(release / "SHA256SUMS")]
    assert subprocess.run(verify, check=False, capture_output=True).returncode == 0
    with (release / "SHA256SUMS").open("a") as sums:
        sums.write("forged\n")
    assert subprocess.run(verify, check=False, capture_output=True).returncode != 0
    assert b"PRIVATE" not in b"".join(contents(release).values())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--formats=kvm vmvare"], "there is no format 'vmvare'"),
        (["--key=/nonexistent/key"], "there is no signing key /nonexistent/key"),
        (["--key=/etc/passwd"], "gpg failed: gpg: no valid OpenPGP data found"),
        (["--licence-key=/nonexistent/key"], "there is no file /nonexistent/key"),
        (["--licence-key=/etc/passwd"], "/etc/passwd is not an Ed25519 key in PEM"),
        (["--packages=/nonexistent/list"], "the list of packages /nonexistent/list cannot be read"),
        (["--packages=/etc/passwd"], "line 1 of /etc/passwd is not NAME VERSION ARCHITECTURE"),
    ],
)
def test_a_wrong_input_is_one_line_with_a_way_out(out: Path, options: list[str], words: str) -> None:
    refused = run(out, *options)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"image: {words}")
    assert [line[:4] for line in refused.stderr.splitlines()[1:]] == ["  → "]
    assert not (out / "release").exists()


@pytest.mark.parametrize(
    ("passphrase", "usage", "words"),
    [("correct horse", "sign", "gpg: signing failed"), ("", "cert", "gpg: signing failed")],
)
def test_a_key_that_cannot_sign_is_told_before_anything_is_made(
    out: Path, tmp_path: Path, passphrase: str, usage: str, words: str
) -> None:
    with a_key(tmp_path, passphrase, usage) as file:
        refused = run(out, f"--key={file}")
    assert refused.returncode == 1
    assert words in refused.stderr.splitlines()[0]
    assert refused.stderr.splitlines()[1].endswith("that signs, unexpired, without passphrase")
    assert "Packaging" not in refused.stdout


def test_a_release_says_whose_licences_it_takes(out: Path, tmp_path: Path) -> None:
    assert run(out, "--formats=kvm").returncode == 0
    words = "licence keys that anybody can make"
    assert words in (out / "release/index.html").read_text()
    assert words in (out / "release/ReadMe.txt").read_text()
    public = ed25519.public_key(ed25519.private_key(bytes(32)), "key")
    (tmp_path / "licence.pem").write_text(public)
    build = Build(TREE, out, version(TREE), commit_time(TREE), licence_key=public)
    build.stamp.write_text(fingerprint(build))
    made = run(out, "--formats=kvm", f"--licence-key={tmp_path / 'licence.pem'}")
    assert made.returncode == 0, made.stderr
    assert words not in (out / "release/index.html").read_text()
    assert words not in (out / "release/ReadMe.txt").read_text()


def test_a_private_licence_key_is_refused_and_not_shown(out: Path, tmp_path: Path) -> None:
    private = ed25519.private_key(bytes(range(32)))
    (tmp_path / "key.pem").write_text(private)
    refused = run(out, "--disk", f"--licence-key={tmp_path / 'key.pem'}")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"image: {tmp_path / 'key.pem'} is a private key")
    assert private.splitlines()[1] not in refused.stdout + refused.stderr


def wait_for(folder: Path, pattern: str, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + DEADLINE_S
    while not list(folder.glob(pattern)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("how", "moment"),
    [
        (signal.SIGINT, "*.packages"),
        (signal.SIGTERM, "*-gcp.tar.gz"),
        (signal.SIGHUP, "*.cdx.json"),
        (signal.SIGKILL, "*-gcp.tar.gz"),
    ],
)
def test_an_interrupted_build_leaves_the_release_as_it_was(
    out: Path, how: signal.Signals, moment: str
) -> None:
    assert run(out, "--formats=kvm").returncode == 0
    before = contents(out / "release")
    # Enough to do that it is caught in the middle.
    with (out / "lbva.raw").open("r+b") as disk:
        disk.seek(15 * 2**20)
        disk.truncate(2**30)
        disk.write(os.urandom(40 * 2**20))
    process = subprocess.Popen(
        # In the background of a shell it would be ignored.
        ["env", "--default-signal=INT", *command(out, "--formats=vmware gcp xen")],
        cwd=TREE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(out / "release.part", moment, process)
    process.send_signal(how)
    _, words = process.communicate(timeout=DEADLINE_S)
    assert contents(out / "release") == before
    if how != signal.SIGKILL:
        assert process.returncode == 1
        assert words == "image: interrupted; build/release is as it was\n"
        assert leftovers(out) == set()
    again = run(out, "--formats=gcp")
    assert again.returncode == 0, again.stderr
    assert leftovers(out) == set()


def test_a_full_disk_is_told_once_and_leaves_the_release_as_it_was(out: Path) -> None:
    assert run(out, "--formats=kvm").returncode == 0
    before = contents(out / "release")
    limited = ["prlimit", f"--fsize={4 * 2**20}", *command(out, "--formats=azure")]
    failed = subprocess.run(
        limited, cwd=TREE, capture_output=True, text=True, check=False, timeout=DEADLINE_S
    )
    assert failed.returncode == 1
    cause, hint = failed.stderr.splitlines()
    assert cause.startswith("image: azure: qemu-img failed: ")
    assert "File too large" in cause
    assert hint == "  → is the disk full? `df -h .`"
    assert contents(out / "release") == before
    assert leftovers(out) == set()


def test_a_release_that_lacks_something_is_made_again(out: Path) -> None:
    assert run(out, "--formats=kvm").returncode == 0
    before = contents(out / "release")
    (out / "release" / "ReadMe.txt").unlink()
    assert "is up to date" in run(out, "--formats=kvm").stdout.splitlines()[0], "the disk is"
    assert contents(out / "release") == before


def test_a_second_build_in_the_same_tree_says_that_it_waits(out: Path) -> None:
    with (out / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = subprocess.Popen(command(out, "--formats=kvm"), cwd=TREE, stdout=subprocess.PIPE, text=True)
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == "another build is running in this tree; waiting for it\n"
        assert not (out / "release").exists()
    waiting.communicate(timeout=DEADLINE_S)
    assert waiting.returncode == 0
    assert (out / "release").exists()


def test_too_little_room_is_told_before_anything_is_made(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(out, "--formats=kvm").returncode == 0
    before = contents(out / "release")
    monkeypatch.setattr(release, "BYTES_NEEDED", 2**50)
    build = Build(TREE, out, version(TREE), commit_time(TREE))
    with pytest.raises(BuildError, match=r"GiB free, this build needs 2097152\.0 GiB"):
        make_all(build, ("azure", "kvm"), None, 0, force=False)
    assert contents(out / "release") == before
    assert leftovers(out) == set()
