"""Encrypted fields: one blob for each group of a row's columns, under the subject key (AES-256-GCM, NIST SP 800-38D).

Version (1 byte) | root (4) | generation (4) | register version (6) | nonce (12) | ciphertext and tag. The first 15
bytes, the subject_id and the group's name are the associated data: a blob opens only in its own row and column.
docs/protection.md has it byte by byte, with test vectors.
"""

import os
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lethe.errors import FieldCipherError
from lethe.protection.key_state import ROOT_BYTES
from lethe.protection.subject_keys import (
    GENERATION_BYTES,
    SUBJECT_BYTES,
    Derived,
    SubjectKeys,
    names_of,
)

VERSION: Final = 1
REGISTER_BYTES: Final = 6
NONCE_BYTES: Final = 12
KEY_BYTES: Final = 32
PAD_BYTES: Final = 32
HEADER_BYTES: Final = 1 + ROOT_BYTES + GENERATION_BYTES + REGISTER_BYTES
_TAG_BYTES: Final = 16
_BODY: Final = HEADER_BYTES + NONCE_BYTES
_LEAST_BYTES: Final = _BODY + PAD_BYTES + _TAG_BYTES
_VERSION_BYTE: Final = bytes([VERSION])

# Column name -> a JSON value, a date or a datetime (both become ISO 8601 text). Not a number becomes null.
Values: TypeAlias = dict[str, Any]


class Header(NamedTuple):
    """What stands in clear before the ciphertext; `register_version` is its 12 hex digits."""

    root: int
    generation: int
    register_version: str

    def to_bytes(self) -> bytes:
        """The blob's first 15 bytes."""
        return b"".join(
            [
                _VERSION_BYTE,
                self.root.to_bytes(ROOT_BYTES),
                self.generation.to_bytes(GENERATION_BYTES),
                _register_bytes(self.register_version),
            ]
        )


def _register_bytes(register_version: str) -> bytes:
    packed = bytes.fromhex(register_version)
    if len(packed) != REGISTER_BYTES:
        raise ValueError(
            f"a register's version has {2 * REGISTER_BYTES} hex digits, not {register_version!r}"
        )
    return packed


def _plaintext(group: str, values: Values) -> bytes:
    """A JSON object, with spaces up to a multiple of 32 bytes, so that its length tells little."""
    try:
        text = orjson.dumps(values)
    except TypeError as error:
        raise FieldCipherError(f"group {group}: a value has no JSON form") from error
    return text + b" " * (-len(text) % PAD_BYTES)


def seal(
    key: bytes, header: Header, subject_id: str, group: str, values: Values, *, nonce: bytes | None = None
) -> bytes:
    """One blob, under a subject key of 32 bytes. `nonce` (12 bytes) is for test vectors; None draws one.

    Raises FieldCipherError when a value has no JSON form; ValueError when a length is wrong.
    """
    drawn, head = nonce or os.urandom(NONCE_BYTES), header.to_bytes()
    if len(drawn) != NONCE_BYTES or len(key) != KEY_BYTES:
        raise ValueError(f"a nonce has {NONCE_BYTES} bytes and a key {KEY_BYTES}")
    (name,) = names_of([subject_id], [header.generation])
    associated = head + name[:SUBJECT_BYTES] + group.encode("ascii")
    return head + drawn + AESGCM(key).encrypt(drawn, _plaintext(group, values), associated)


def seal_batch(
    subjects: Sequence[Derived], group: str, register_version: str, values: Sequence[Values]
) -> list[bytes]:
    """A blob for each subject, of the values at the same place; raises FieldCipherError as `seal` does."""
    register, column = _register_bytes(register_version), group.encode("ascii")
    nonces = os.urandom(NONCE_BYTES * len(subjects))
    blobs: list[bytes] = []
    begin, begun_for = b"", -1
    for at, (subject, row) in enumerate(zip(subjects, values, strict=True)):
        if subject.root != begun_for:
            begin, begun_for = _VERSION_BYTE + subject.root.to_bytes(ROOT_BYTES), subject.root
        head = begin + subject.name[SUBJECT_BYTES:] + register
        nonce = nonces[at * NONCE_BYTES : (at + 1) * NONCE_BYTES]
        associated = head + subject.name[:SUBJECT_BYTES] + column
        blobs.append(head + nonce + subject.cipher.encrypt(nonce, _plaintext(group, row), associated))
    return blobs


def header_of(blob: bytes) -> Header:
    """What a blob says of itself; nothing of it is authenticated before the blob is opened.

    Raises FieldCipherError when it is too short, or of an unknown version.
    """
    if blob and blob[0] != VERSION:
        raise FieldCipherError(
            f"a blob of encrypted fields is of version {blob[0]}; this Lethe reads {VERSION}"
        )
    if len(blob) < _LEAST_BYTES:
        raise FieldCipherError(
            f"a blob of encrypted fields has {len(blob)} bytes, fewer than {_LEAST_BYTES}: it is cut short"
        )
    generation_at = 1 + ROOT_BYTES
    register_at = generation_at + GENERATION_BYTES
    return Header(
        int.from_bytes(blob[1:generation_at]),
        int.from_bytes(blob[generation_at:register_at]),
        blob[register_at:HEADER_BYTES].hex(),
    )


def open_blob(keys: SubjectKeys, subject_id: str, group: str, blob: bytes) -> dict[str, Any]:
    """The values by column name.

    Raises FieldCipherError when it is cut short, of an unknown version, altered, or moved here from another row or
    column; PuncturedError when the subject is erased; KeyStateError when the state does not have its root.
    """
    header = header_of(blob)
    return _opened(keys.one(subject_id, header.generation, header.root), group, blob)


def open_batch(
    keys: SubjectKeys, subject_ids: Sequence[str], group: str, blobs: Sequence[bytes]
) -> list[dict[str, Any] | None]:
    """Many rows' values, in their order; None where the subject is punctured. Raises as `open_blob` does else."""
    rows_by_root: dict[int, list[tuple[int, str, int]]] = {}
    for row, (subject_id, blob) in enumerate(zip(subject_ids, blobs, strict=True)):
        header = header_of(blob)
        rows_by_root.setdefault(header.root, []).append((row, subject_id, header.generation))
    opened: list[dict[str, Any] | None] = [None] * len(blobs)
    for root, rows in rows_by_root.items():
        derived = keys.derive([each[1] for each in rows], [each[2] for each in rows], root)
        for (row, *_), subject in zip(rows, derived, strict=True):
            opened[row] = _opened(subject, group, blobs[row]) if subject else None
    return opened


def _opened(subject: Derived, group: str, blob: bytes) -> dict[str, Any]:
    associated = blob[:HEADER_BYTES] + subject.name[:SUBJECT_BYTES] + group.encode("ascii")
    try:
        text = subject.cipher.decrypt(blob[HEADER_BYTES:_BODY], blob[_BODY:], associated)
    except InvalidTag:
        raise FieldCipherError(
            f"group {group}: the blob does not authenticate: it has been altered, or moved here from another row or "
            "column"
        ) from None
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError:  # it carries the text
        values = None
    if not isinstance(values, dict):
        raise FieldCipherError(f"group {group}: the blob holds no JSON object")
    return values
