"""Keys and signatures as RFC 8032 has them, and what is refused as a key."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, x25519

from image.ed25519 import is_private, private_key, public_key, sign, verify
from image.errors import BuildError

# RFC 8032, section 7.1, test 2.
SEED = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
PUBLIC = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
MESSAGE = b"\x72"
SIGNATURE = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | ed448.Ed448PrivateKey
PEM = serialization.Encoding.PEM


def private_pem(key: PrivateKey | x25519.X25519PrivateKey, passphrase: bytes = b"") -> str:
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase)
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, encryption).decode()


def public_pem(key: PrivateKey | x25519.X25519PrivateKey) -> str:
    kind = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(PEM, kind).decode()


def test_keys_are_those_of_the_rfc_in_the_form_that_others_write() -> None:
    theirs = ed25519.Ed25519PrivateKey.from_private_bytes(SEED)
    assert private_key(SEED) == private_pem(theirs)
    assert public_key(private_key(SEED), "key") == public_pem(theirs)
    read = serialization.load_pem_public_key(public_key(private_key(SEED), "key").encode())
    assert isinstance(read, ed25519.Ed25519PublicKey)
    assert read.public_bytes_raw() == PUBLIC


def test_the_signature_is_the_one_of_the_rfc_and_holds_for_nothing_else() -> None:
    public = public_key(private_key(SEED), "key")
    assert sign(private_key(SEED), MESSAGE) == SIGNATURE
    assert verify(public, SIGNATURE, MESSAGE)
    assert not verify(public, SIGNATURE, b"\x73")
    assert not verify(public, SIGNATURE[:-1] + b"\x01", MESSAGE)
    assert not verify(public, SIGNATURE[:-1], MESSAGE)
    assert not verify(public, b"", MESSAGE)
    assert not verify(public_key(private_key(bytes(32)), "key"), SIGNATURE, MESSAGE)


def test_a_public_key_comes_without_what_stood_beside_it() -> None:
    public = public_key(private_key(SEED), "key")
    assert public_key(f"# the key\r\n{public.strip()}\r\nend", "key") == public


def test_other_keys_are_no_ed25519_keys() -> None:
    for key in (
        ec.generate_private_key(ec.SECP256R1()),
        ed448.Ed448PrivateKey.generate(),
        x25519.X25519PrivateKey.generate(),
    ):
        with pytest.raises(BuildError, match=r"^mine is not an Ed25519 key in PEM\n"):
            public_key(public_pem(key), "mine")
        with pytest.raises(BuildError, match=r"^mine is not a private Ed25519 key without passphrase"):
            public_key(private_pem(key), "mine")


def test_what_is_no_single_key_is_refused() -> None:
    public, private = public_key(private_key(SEED), "key"), private_key(SEED)
    for text in ("", "text\n", public[:60], public + public, public + private, private[:60]):
        with pytest.raises(BuildError, match=r"^mine is not "):
            public_key(text, "mine")


def test_a_key_with_a_passphrase_is_refused_and_not_asked_for() -> None:
    locked = private_pem(ed25519.Ed25519PrivateKey.generate(), b"secret")
    with pytest.raises(BuildError, match="without passphrase"):
        public_key(locked, "mine")


def test_private_keys_of_any_kind_are_known_as_such() -> None:
    for label in ("PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"):
        assert is_private(f"-----BEGIN {label}-----\n")
    assert not is_private(public_key(private_key(SEED), "key"))
