"""Signed tree heads: what the trail was at a moment, kept where who can change the trail can't reach it.

Each also proves that it grew from the one before it (RFC 6962 s2.1.2): the files can be checked without the store.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from lethe import durable_files
from lethe.audit.report import Findings, Kind
from lethe.errors import InputError, SignatureError
from lethe.evidence import merkle, signing
from lethe.evidence.signing import Signer
from lethe.moments import time_text
from lethe.settings import Paths

KIND: Final = "lethe audit checkpoint"
PUBLIC_KEY: Final = "public-key.pem"
MOST_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The first `size` entries had the Merkle root `root`; the last of them, the hash `head`; hex. `at`: when."""

    name: str
    size: int
    root: str
    head: str
    at: str
    previous: tuple[int, str, tuple[str, ...]] | None = None  # size and root of the one before, and the proof


def folder(paths: Paths) -> Path:
    """Where checkpoints are written."""
    return paths.evidence / "checkpoints"


def made(
    size: int, root: str, head: str, before: Checkpoint | None, proof: Sequence[bytes]
) -> dict[str, Any]:
    """A checkpoint to be signed; `proof`: that it grew from the one `before`."""
    document: dict[str, Any] = {
        "kind": KIND,
        "version": 1,
        "at": time_text(datetime.now(UTC)),
        "size": size,
        "root": root,
        "head": head,
    }
    if before is not None:
        shown = [each.hex() for each in proof]
        document["previous"] = {"size": before.size, "root": before.root, "proof": shown}
    return document


def write(where: Path, document: dict[str, Any], signer: Signer) -> Path:
    """Sign a checkpoint and put it on disk, with the public key beside it; one that is there is left alone."""
    where.mkdir(mode=0o700, parents=True, exist_ok=True)
    durable_files.create(where / PUBLIC_KEY, signing.public_pem(signer.public_key).encode())
    at = str(document["at"]).replace("-", "").replace(":", "").replace(".", "")
    file = where / f"{int(document['size']):012d}-{at}.json"
    durable_files.create(file, signing.canonical(signer.sign(document)) + b"\n")
    return file


def read(file: Path, key: Ed25519PublicKey) -> Checkpoint:
    """A checkpoint whose signature holds. Raises InputError where it can't be read, SignatureError else."""
    try:
        with file.open("rb") as stream:
            document = json.loads(stream.read(MOST_BYTES))
    except OSError as error:
        raise InputError(f"checkpoint {file.name}: can't be read ({error.strerror})") from error
    except ValueError as error:
        raise SignatureError(f"checkpoint {file.name}: not JSON") from error
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise SignatureError(f"checkpoint {file.name}: not a checkpoint of the audit trail")
    try:
        signing.verify(document, key)
    except SignatureError as error:
        raise SignatureError(f"checkpoint {file.name}: {error}") from error
    previous = document.get("previous")
    before = (previous["size"], previous["root"], tuple(previous["proof"])) if previous else None
    return Checkpoint(file.name, document["size"], document["root"], document["head"], document["at"], before)


def files(where: Path) -> list[Path]:
    """The checkpoints of a folder, the smallest first; none where there is no folder."""
    return sorted(where.glob("[0-9]*.json"))


def read_all(several: Iterable[Path], key: Ed25519PublicKey, findings: Findings) -> list[Checkpoint]:
    """Those whose signature and whose growth from the one before hold, the smallest first; the others are findings.

    Raises InputError where a file can't be read.
    """
    good: list[Checkpoint] = []
    for file in several:
        try:
            checkpoint = read(file, key)
        except SignatureError:
            findings.add(Kind.BAD_CHECKPOINT, 0, where=file.name)
            continue
        if _grew(checkpoint):
            good.append(checkpoint)
        else:
            findings.add(Kind.BAD_CHECKPOINT, checkpoint.size, where=file.name)
    return sorted(good, key=lambda each: (each.size, each.at))


def _grew(checkpoint: Checkpoint) -> bool:
    if checkpoint.previous is None:
        return True
    size, root, proof = checkpoint.previous
    roots = bytes.fromhex(root), bytes.fromhex(checkpoint.root)
    return merkle.is_consistent(size, checkpoint.size, *roots, [bytes.fromhex(each) for each in proof])


def newest(where: Path, key: Ed25519PublicKey) -> Checkpoint | None:
    """The greatest checkpoint of a folder whose signature holds; None where there is none with an entry."""
    good = [each for each in read_all(files(where), key, Findings()) if each.size > 0]
    return good[-1] if good else None
