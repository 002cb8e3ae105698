"""Signatures fit one document and one key, and nothing that differs by a letter."""

import copy
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lethe.errors import ConfigurationError, SignatureError
from lethe.evidence import signing
from lethe.settings import Paths

DOCUMENT = {"number": "1", "stores": [{"name": "a", "found": 1}], "at": "2026-11-25T00:00:00Z"}


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths(home=tmp_path / "home", keys_dir=tmp_path / "keys")
    signing.create_key(found)
    return found


def test_what_was_signed_is_verified_with_the_public_key_alone(paths: Paths) -> None:
    signer = signing.Signer(paths)
    signed = signer.sign(DOCUMENT)
    public = signing.load_public(signing.public_pem(signer.public_key).encode(), "key")
    signing.verify(signed, public)


def test_the_order_of_names_does_not_matter(paths: Paths) -> None:
    signer = signing.Signer(paths)
    signed = signer.sign(DOCUMENT)
    signing.verify(dict(reversed(signed.items())), signer.public_key)


def _changed(change: str) -> dict[str, Any]:
    document: dict[str, Any] = copy.deepcopy(DOCUMENT)
    match change:
        case "edited":
            document["stores"][0]["found"] = 2
        case "added":
            document["more"] = True
        case "removed":
            del document["at"]
    return document


@pytest.mark.parametrize("change", ["edited", "added", "removed"])
def test_what_was_changed_is_not_verified(paths: Paths, change: str) -> None:
    signer = signing.Signer(paths)
    signature = signer.sign(DOCUMENT)["signature"]
    with pytest.raises(SignatureError, match="not what was signed"):
        signing.verify({**_changed(change), "signature": signature}, signer.public_key)


@pytest.mark.parametrize(
    ("signature", "why"),
    [
        (None, "has none"),
        ({"algorithm": "none"}, "algorithm"),
        ({"algorithm": "Ed25519", "key_id": "0" * 16}, "another key"),
    ],
)
def test_what_is_no_signature_of_ours_is_told(paths: Paths, signature: object, why: str) -> None:
    with pytest.raises(SignatureError, match=why):
        signing.verify({**DOCUMENT, "signature": signature}, signing.Signer(paths).public_key)


@pytest.mark.parametrize("value", ["", "no base64", "AAAA"])
def test_a_signature_of_another_shape_is_refused(paths: Paths, value: str) -> None:
    signer = signing.Signer(paths)
    signed = signer.sign(DOCUMENT)
    signed["signature"]["value"] = value
    with pytest.raises(SignatureError, match="not what was signed"):
        signing.verify(signed, signer.public_key)


def test_a_bare_signature_of_the_same_bytes_is_none_of_a_document(paths: Paths) -> None:
    """Whoever has the key sign something else gets no document signed."""
    import base64

    signer = signing.Signer(paths)
    seed = bytes.fromhex(signing.key_file(paths).read_text())
    bare = Ed25519PrivateKey.from_private_bytes(seed).sign(signing.canonical(DOCUMENT))
    signed = signer.sign(DOCUMENT)
    signed["signature"]["value"] = base64.b64encode(bare).decode()
    with pytest.raises(SignatureError):
        signing.verify(signed, signer.public_key)


def test_the_key_is_made_once(paths: Paths) -> None:
    first = signing.key_file(paths).read_bytes()
    signing.create_key(paths)
    assert signing.key_file(paths).read_bytes() == first
    assert signing.key_file(paths).stat().st_mode & 0o777 == 0o600


def test_without_a_key_nothing_is_signed(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="signing key"):
        signing.Signer(Paths(home=tmp_path / "home", keys_dir=tmp_path / "keys"))


def test_what_is_signed_is_not_signed_again(paths: Paths) -> None:
    signer = signing.Signer(paths)
    with pytest.raises(ValueError, match="already"):
        signer.sign(signer.sign(DOCUMENT))


@pytest.mark.parametrize("pem", [b"", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_what_is_no_public_key_is_told(pem: bytes) -> None:
    with pytest.raises(SignatureError, match=r"key\.pem: not"):
        signing.load_public(pem, "key.pem")
