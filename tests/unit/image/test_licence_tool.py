"""Licence files: signed as others verify them, refused when anything in them is not as it was signed."""

import base64
import json
import os
import re
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from image import ed25519, licence_key
from image.errors import BuildError
from image.licence import main

TREE = Path(__file__).parents[3]
ID = "0123456789abcdef"
SOLD = ["--customer=Contoso – Öl & Söhne", "--serial=S-1", "--edition=standard", "--issued=2026-01-31"]
# The format, byte for byte, as the appliance takes it.
SIGNED = (
    '{"appliances":["0123456789abcdef","00000000000000ff"],"customer":"Contoso – Öl & Söhne",'
    '"edition":"standard","expires":"2030-12-31","issued":"2026-01-31","serial":"S-1"}'
).encode()
DEVELOPMENT_PUBLIC = """\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAVatba9DR8JovsO4SZB1n5t0FZFlIrKrDOQEMGZkNHl4=
-----END PUBLIC KEY-----
"""

Licence = Callable[..., str]


@pytest.fixture
def licence(capsys: pytest.CaptureFixture[str]) -> Licence:
    """Runs a command and returns what it printed."""

    def run(*arguments: str | Path) -> str:
        capsys.readouterr()
        main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert printed.err == ""
        return printed.out

    return run


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Licence:
    """Runs a command, which has to fail as all of them do, and returns in which words."""

    def run(*arguments: str | Path) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        assert capsys.readouterr().out == ""
        # Python prints a text to the standard error and ends with status 1.
        assert isinstance(ended.value.code, str)
        problem, way_out = ended.value.code.split("\n")
        assert way_out.startswith("  → ")
        return problem.removeprefix("licence: ")

    return run


@pytest.fixture
def key(tmp_path: Path, licence: Licence) -> Path:
    licence("make-key", tmp_path / "key.pem")
    return tmp_path / "key.pem"


@pytest.fixture
def signed(tmp_path: Path, key: Path, licence: Licence) -> Path:
    """A licence of `key` for two appliances."""
    options = ["--expires=2030-12-31", f"--appliance={ID}", "--appliance=00000000000000ff"]
    file = tmp_path / "licence.json"
    file.write_text(licence("sign", "--key", key, *SOLD, *options))
    return file


def body(pem: str) -> str:
    return pem.splitlines()[1]


def test_a_new_key_is_its_owners_alone_whatever_the_umask(tmp_path: Path, licence: Licence) -> None:
    before = os.umask(0)
    try:
        told = licence("make-key", tmp_path / "key.pem")
    finally:
        os.umask(before)
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600
    assert body((tmp_path / "key.pem").read_text()) not in told
    licence("make-key", tmp_path / "other.pem")
    assert (tmp_path / "key.pem").read_text() != (tmp_path / "other.pem").read_text()


def test_no_key_is_overwritten(tmp_path: Path, key: Path, refused: Licence) -> None:
    before = key.read_text()
    assert refused("make-key", key) == f"{key} is there already"
    assert key.read_text() == before
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    assert refused("make-key", tmp_path / "link") == f"{tmp_path / 'link'} is there already"


def test_others_verify_the_signature_over_the_bytes_of_the_format(
    key: Path, signed: Path, licence: Licence
) -> None:
    document = json.loads(signed.read_text())
    assert list(document) == ["lbva_licence", "licence", "signature"]
    assert document["lbva_licence"] == 1
    assert document["licence"] == json.loads(SIGNED)
    public = load_pem_public_key(licence("public-key", key).encode())
    assert isinstance(public, Ed25519PublicKey)
    signature = base64.b64decode(document["signature"], validate=True)
    public.verify(signature, SIGNED)
    with pytest.raises(InvalidSignature):
        public.verify(signature, SIGNED + b"\n")


def test_a_licence_is_shown_with_either_half_of_its_key(
    tmp_path: Path, key: Path, signed: Path, licence: Licence
) -> None:
    public = tmp_path / "public.pem"
    public.write_text(licence("public-key", key))
    shown = licence("show", signed, "--key", public)
    assert shown == licence("show", signed, "--key", key)
    assert dict(line.split(maxsplit=1) for line in shown.splitlines()) == {
        "customer": "Contoso – Öl & Söhne",
        "serial": "S-1",
        "edition": "standard",
        "issued": "2026-01-31",
        "expires": "2030-12-31",
        "appliances": f"{ID} 00000000000000ff",
        "signature": "of this key",
    }


def test_what_is_not_given_is_made_up_or_open(key: Path, licence: Licence) -> None:
    sold = [licence("sign", "--key", key, "--customer=A", "--edition=B") for _ in range(2)]
    first, second = (json.loads(text)["licence"] for text in sold)
    assert re.fullmatch("[A-Z2-7]{12}", first["serial"])
    assert first["serial"] != second["serial"]
    assert abs(date.fromisoformat(first["issued"]).toordinal() - date.today().toordinal()) <= 1
    assert (first["expires"], first["appliances"]) == ("", [])


def test_a_licence_without_end_or_appliances_says_so(tmp_path: Path, licence: Licence) -> None:
    file = tmp_path / "licence.json"
    file.write_text(licence("sign", "--development", *SOLD))
    lines = licence("show", file, "--development").splitlines()
    assert lines[-3:] == [
        "expires     never",
        "appliances  any",
        "signature   of the development key",
    ]


def test_the_development_key_is_always_the_same(licence: Licence) -> None:
    assert licence("public-key", "--development") == DEVELOPMENT_PUBLIC
    assert licence("sign", "--development", *SOLD) == licence("sign", "--development", *SOLD)


FORGERIES: list[Callable[[dict[str, Any]], object]] = [
    lambda document: document["licence"].update(customer="Fabrikam"),
    lambda document: document["licence"].update(serial="S-2"),
    lambda document: document["licence"].update(edition="enterprise"),
    lambda document: document["licence"].update(issued="2026-01-30"),
    lambda document: document["licence"].update(expires="2040-12-31"),
    lambda document: document["licence"].update(expires=""),
    lambda document: document["licence"].update(appliances=[]),
    lambda document: document["licence"]["appliances"].reverse(),
    lambda document: document.update(signature=base64.b64encode(bytes(64)).decode()),
    lambda document: document.update(signature=document["signature"][:-4]),
    lambda document: document.update(signature=""),
]


@pytest.mark.parametrize("forge", FORGERIES)
def test_a_forged_licence_is_refused(
    key: Path, signed: Path, refused: Licence, forge: Callable[[dict[str, Any]], object]
) -> None:
    document = json.loads(signed.read_text())
    forge(document)
    signed.write_text(json.dumps(document))
    assert refused("show", signed, "--key", key) == f"the signature of {signed} does not hold"


MALFORMED: list[Callable[[dict[str, Any]], object]] = [
    lambda document: document.update(lbva_licence=2),
    lambda document: document.update(lbva_licence=True),
    lambda document: document.update(more=1),
    lambda document: document.pop("signature"),
    lambda document: document.update(signature=7),
    lambda document: document.update(signature="ä" * 88),
    lambda document: document.update(signature="*" * 88),
    lambda document: document.update(licence="all"),
    lambda document: document.update(licence=[]),
    lambda document: document["licence"].update(more="1"),
    lambda document: document["licence"].pop("expires"),
    lambda document: document["licence"].update(customer=1),
    lambda document: document["licence"].update(appliances=ID),
    lambda document: document["licence"].update(appliances=[1]),
]


@pytest.mark.parametrize("spoil", MALFORMED)
def test_a_file_of_another_form_is_refused(
    key: Path, signed: Path, refused: Licence, spoil: Callable[[dict[str, Any]], object]
) -> None:
    document = json.loads(signed.read_text())
    spoil(document)
    signed.write_text(json.dumps(document))
    assert refused("show", signed, "--key", key) == f"{signed} is not a licence file, or not whole"


def test_a_truncated_licence_is_refused(key: Path, signed: Path, refused: Licence) -> None:
    whole = signed.read_text()
    for length in range(0, len(whole) - 2, 3):
        signed.write_text(whole[:length])
        assert refused("show", signed, "--key", key) == f"{signed} is not a licence file, or not whole"


@pytest.mark.parametrize("text", ["[]", "null", "7", '"text"', "[" * 60_000, "9" * 10_000])
def test_other_json_is_refused(tmp_path: Path, refused: Licence, text: str) -> None:
    file = tmp_path / "licence.json"
    file.write_text(text)
    assert refused("show", file, "--development") == f"{file} is not a licence file, or not whole"


def test_the_licence_of_another_key_is_refused(
    tmp_path: Path, signed: Path, licence: Licence, refused: Licence
) -> None:
    licence("make-key", tmp_path / "other.pem")
    assert refused("show", signed, "--key", tmp_path / "other.pem").endswith("does not hold")
    assert refused("show", signed, "--development").endswith("does not hold")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--customer="], "customer '' cannot stand in a licence"),
        (["--customer= A"], "customer ' A' cannot stand in a licence"),
        (["--customer=A\nB"], r"customer 'A\nB' cannot stand in a licence"),
        (["--serial=\x1b[2J"], r"serial '\x1b[2J' cannot stand in a licence"),
        (["--edition=\udcff"], r"edition '\udcff' cannot stand in a licence"),
        (["--edition=" + 201 * "x"], f"edition '{200 * 'x'}' cannot stand in a licence"),
        (["--expires=2026-02-30"], "expires '2026-02-30' is not a date"),
        (["--expires=20300101"], "expires '20300101' is not a date"),
        (["--expires=never"], "expires 'never' is not a date"),
        (["--issued="], "issued '' is not a date"),
        (["--issued=31.01.2026"], "issued '31.01.2026' is not a date"),
        (["--expires=2026-01-30"], "expires, 2026-01-30, is before issued, 2026-01-31"),
        (["--appliance=0123456789ABCDEF"], "'0123456789ABCDEF' is not an appliance's id"),
        (["--appliance="], "'' is not an appliance's id"),
        ([f"--appliance={ID}", f"--appliance={ID}0"], f"'{ID}0' is not an appliance's id"),
        (["--colour=red"], "unrecognized arguments: --colour=red"),
    ],
)
def test_a_wrong_argument_is_one_line_with_a_way_out(
    refused: Licence, options: list[str], problem: str
) -> None:
    assert refused("sign", "--development", *SOLD, *options) == problem


def test_the_longest_texts_are_taken_and_an_appliance_counts_once(licence: Licence) -> None:
    options = ["--customer=" + 200 * "ö", f"--appliance={ID}", f"--appliance={ID}"]
    said = json.loads(licence("sign", "--development", *SOLD, *options))["licence"]
    assert (said["customer"], said["appliances"]) == (200 * "ö", [ID])


def test_what_is_missing_is_named(tmp_path: Path, key: Path, refused: Licence) -> None:
    assert refused() == "the following arguments are required: COMMAND"
    assert refused("sign", "--customer=A", "--edition=B").startswith("one of the arguments --key --develop")
    assert refused("sign", "--development", "--edition=B").endswith("required: --customer")
    assert "not allowed with argument" in refused("sign", "--development", "--key", key, *SOLD)
    absent = tmp_path / "absent"
    assert refused("show", absent, "--development") == f"there is no file {absent}"
    assert refused("sign", "--key", absent, *SOLD) == f"there is no file {absent}"
    assert refused("public-key", tmp_path) == f"{tmp_path} is not a small text file"


def test_a_public_key_signs_nothing(tmp_path: Path, key: Path, licence: Licence, refused: Licence) -> None:
    public = tmp_path / "public.pem"
    public.write_text(licence("public-key", key))
    assert refused("sign", "--key", public, *SOLD) == f"{public} is not a private key"


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The argument lists of all programs that are started."""
    started: list[list[str]] = []
    start = subprocess.run

    def recorded(command: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:  # noqa: ANN401
        started.append(command)
        return start(command, **options)

    monkeypatch.setattr(subprocess, "run", recorded)
    return started


def test_a_private_key_is_in_no_output_and_no_argument_list(
    key: Path, signed: Path, licence: Licence, refused: Licence, commands: list[list[str]]
) -> None:
    broken = key.with_name("broken.pem")
    broken.write_text(key.read_text().replace("END PRIVATE", "END"))
    told = [
        licence("public-key", key),
        licence("sign", "--key", key, *SOLD),
        licence("show", signed, "--key", key),
        refused("show", key, "--key", key),
        refused("sign", "--key", broken, *SOLD),
        refused("make-key", key),
    ]
    with pytest.raises(BuildError) as no_image:
        licence_key.of_image(key)
    secret = body(key.read_text())
    assert commands
    for text in (*told, str(no_image.value), *(word for command in commands for word in command)):
        assert secret not in text
        assert secret[-40:] not in text


def test_an_image_takes_a_public_key_alone(tmp_path: Path, key: Path, licence: Licence) -> None:
    public = tmp_path / "public.pem"
    public.write_text("Contoso's key\n" + licence("public-key", key))
    assert licence_key.of_image(public) == licence("public-key", key)
    with pytest.raises(BuildError, match=r"key\.pem is a private key, which must not get into an image\n"):
        licence_key.of_image(key)
    public.write_text(key.read_text() + licence("public-key", key))
    with pytest.raises(BuildError, match="is a private key"):
        licence_key.of_image(public)
    public.write_text("text")
    with pytest.raises(BuildError, match=r"public\.pem is not an Ed25519 key in PEM"):
        licence_key.of_image(public)


def test_the_development_key_is_known_however_it_is_given(tmp_path: Path) -> None:
    public = tmp_path / "public.pem"
    public.write_text(f"# development\n{DEVELOPMENT_PUBLIC}")
    assert licence_key.of_image(public) is None
    assert licence_key.of_image(None) is None


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_an_image_has_the_key_and_says_when_it_is_the_development_one(tmp_path: Path, umask: int) -> None:
    own = ed25519.public_key(ed25519.private_key(bytes(32)), "key")
    before = os.umask(umask)
    try:
        for key, names in ((None, ["development", "licence.pem"]), (own, ["licence.pem"])):
            licence_key.write_tree(tmp_path / "tree", key)
            files = sorted((tmp_path / "tree").iterdir())
            assert [file.name for file in files] == names
            assert {file.stat().st_mode & 0o777 for file in files} == {0o644}
            assert (tmp_path / "tree").stat().st_mode & 0o777 == 0o755
            assert (tmp_path / "tree/licence.pem").read_text() == (key or DEVELOPMENT_PUBLIC)
    finally:
        os.umask(before)


def test_the_builders_own_python_is_enough(tmp_path: Path) -> None:
    command = [
        "/usr/bin/python3",
        "-I",
        "-c",
        "import sys; sys.path.insert(0, '.'); import image.licence as l; l.main()",
    ]
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    sold = subprocess.run(
        [*command, "sign", "--development", *SOLD],
        cwd=TREE,
        env=environment,
        capture_output=True,
        check=False,
    )
    assert sold.stderr == b""
    (tmp_path / "licence.json").write_bytes(sold.stdout)
    show = [*command, "show", str(tmp_path / "licence.json"), "--development"]
    shown = subprocess.run(show, cwd=TREE, env=environment, capture_output=True, check=False)
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert "Contoso – Öl & Söhne".encode() in shown.stdout
    failed = subprocess.run([*command, "sign"], cwd=TREE, env=environment, capture_output=True, check=False)
    assert failed.returncode == 1
    assert failed.stderr.startswith(b"licence: ")
