"""Check a certificate with nothing but its file and the public key."""

import json
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lethe.errors import InputError, SignatureError
from lethe.evidence import signing
from lethe.requests.certificate import bulk, model
from lethe.requests.certificate.model import Certificate

_LARGEST: Final = (
    64 * 2**20
)  # bytes of a certificate; a file of proofs may be larger, and is read a line at a time
_DEEPEST: Final = 32


def read(file: Path) -> dict[str, Any]:
    """The document in a file.

    Raises InputError where it can't be read, SignatureError where it is no JSON object or gives a name twice, which
    two readers could read differently.
    """
    try:
        if file.stat().st_size > _LARGEST:
            raise InputError(f"{file}: too large for a certificate")
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: can't be read ({error.strerror})") from error
    return parse(content, str(file))


def parse(content: bytes, name: str) -> dict[str, Any]:
    """The document in JSON text; raises as `read` does, calling it `name`."""
    try:
        found = json.loads(content.decode("utf-8"), object_pairs_hook=_once, parse_constant=_constant)
        _see_depth(found, _DEEPEST)
        signing.canonical({"document": found})
    except (ValueError, RecursionError) as error:
        raise SignatureError(f"{name}: not a JSON document that can be signed") from error
    if not isinstance(found, dict):
        raise SignatureError(f"{name}: not a JSON object")
    return found


def _see_depth(value: object, left: int) -> None:
    """What is nested deeper than any certificate could exhaust the stack of who reads it."""
    if not left:
        raise ValueError("nested too deep")
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        _see_depth(each, left - 1)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is given twice")
    return found


def _constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def verify(file: Path, public_key: Ed25519PublicKey) -> Certificate:
    """The certificate, once its signature fits, and the revision before, where that lies beside it.

    Raises SignatureError or CertificateError, which say in one line what is wrong, and InputError for a file that can't
    be read.
    """
    document = read(file)
    signing.verify(document, public_key)
    certificate = model.read(document)
    before = file.with_name(f"{certificate.revision - 1}.json")
    if file.name == f"{certificate.revision}.json" and before.exists():
        earlier = read(before)
        signing.verify(earlier, public_key)
        if signing.digest(earlier) != certificate.previous or earlier.get("number") != certificate.number:
            raise SignatureError(f"{file}: the revision before, {before.name}, is not the one that it names")
    return certificate


def verify_proofs(file: Path, certificate: Certificate) -> int:
    """How many proofs a file holds, one a line, all of which lead to the certificate's root; raises as `verify`."""
    count = 0
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                bulk.verify(bulk.read_proof(parse(line, f"{file}: line {number}")), certificate)
                count += 1
    except OSError as error:
        raise InputError(f"{file}: can't be read ({error.strerror})") from error
    if not count:
        raise SignatureError(f"{file}: holds no proof")
    return count
