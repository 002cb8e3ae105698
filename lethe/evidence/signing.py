"""Signed documents: JSON in its canonical form (RFC 8785) under an Ed25519 key (RFC 8032) of this installation.

The private key lies in the keys folder, never below the data; whoever checks needs the public key alone, which stands
in each document's signature by its id and is given out as a file.
"""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from lethe import durable_files
from lethe.errors import ConfigurationError, SignatureError
from lethe.protection import keys_folder
from lethe.settings import Paths

ALGORITHM = "Ed25519"
SIGNATURE = "signature"
_PURPOSE = b"lethe signed document 1\0"  # so that no other use of the key gives a signature that fits here

Document = dict[str, Any]


def canonical(document: Mapping[str, Any]) -> bytes:
    """The one form of a JSON document (RFC 8785). Raises ValueError for what JSON can't say exactly."""
    return rfc8785.dumps(dict(document))


def digest(document: Mapping[str, Any]) -> str:
    """SHA-256 of a document's canonical form, its signature included; hex."""
    return hashlib.sha256(canonical(document)).hexdigest()


def key_file(paths: Paths) -> Path:
    """Where the private key lies."""
    return paths.keys_dir / "signing-key"


def create_key(paths: Paths) -> None:
    """Make the signing key once; one that is there is left alone, since what it signed is checked by it.

    Raises ConfigurationError when the keys folder lies inside the data folder.
    """
    keys_folder.made(paths)
    seed = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
    )
    durable_files.create(key_file(paths), keys_folder.as_written(seed))


class Signer:
    """Signs as this installation; raises ConfigurationError where its key is missing, malformed or open to others."""

    def __init__(self, paths: Paths | None = None) -> None:
        file = key_file(paths or Paths())
        try:
            self._key = Ed25519PrivateKey.from_private_bytes(keys_folder.read(file, "signing key"))
        except FileNotFoundError as error:
            raise ConfigurationError(f"signing key: there is no {file}; `lethe up` makes one") from error

    @property
    def public_key(self) -> Ed25519PublicKey:
        """What checks the signatures."""
        return self._key.public_key()

    def sign(self, document: Mapping[str, Any]) -> Document:
        """The document with its signature. Raises ValueError where it has one, or is nothing that JSON can say."""
        if SIGNATURE in document:
            raise ValueError("the document is signed already")
        value = self._key.sign(_PURPOSE + canonical(document))
        signature = {
            "algorithm": ALGORITHM,
            "key_id": key_id(self.public_key),
            "value": base64.b64encode(value).decode("ascii"),
        }
        return {**document, SIGNATURE: signature}


def verify(document: Mapping[str, Any], public_key: Ed25519PublicKey) -> None:
    """See that the document is what the holder of the key signed; raises SignatureError, which says why not."""
    signature = document.get(SIGNATURE)
    if not isinstance(signature, Mapping):
        raise SignatureError("no signature: the document has none")
    if signature.get("algorithm") != ALGORITHM:
        raise SignatureError(f"signature: its algorithm is not {ALGORITHM}")
    if signature.get("key_id") != key_id(public_key):
        raise SignatureError("signature: made by another key than the one given")
    signed = {name: value for name, value in document.items() if name != SIGNATURE}
    try:
        value = base64.b64decode(str(signature.get("value")), validate=True)
        public_key.verify(value, _PURPOSE + canonical(signed))
    except (InvalidSignature, ValueError) as error:
        raise SignatureError("signature: the document is not what was signed") from error


def key_id(public_key: Ed25519PublicKey) -> str:
    """The first 16 hex digits of the SHA-256 of the raw public key: names a key, proves nothing."""
    raw = public_key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def public_pem(public_key: Ed25519PublicKey) -> str:
    """The public key as others' tools read it (PEM, RFC 8410)."""
    pem = public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return pem.decode("ascii")


def load_public(pem: bytes, name: str) -> Ed25519PublicKey:
    """A public key from its PEM, which errors call `name`; raises SignatureError where it is none of this kind."""
    try:
        key = serialization.load_pem_public_key(pem)
    except ValueError as error:
        raise SignatureError(f"{name}: not a public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise SignatureError(f"{name}: not an {ALGORITHM} key")
    return key
