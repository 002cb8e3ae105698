"""Keys of cases: user_id and reply address are read with a case's own key, until nothing needs them any more.

A sealed field is: `C` | version (1) | nonce (12) | ciphertext and tag (16), by AES-256-GCM (NIST SP 800-38D).
Associated data: the first two bytes, the word `case`, the case_id (32 hex digits), the field's name. Plaintext: the
text's length (4, big endian), the text in UTF-8, zeros up to a multiple of 32 bytes.
"""

import os
import re
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lethe import durable_files
from lethe.errors import DestroyedKeyError, InputError, SealedFieldError
from lethe.protection import keys_folder
from lethe.requests.case_terms import CASE_ID_PATTERN
from lethe.settings import Paths

CASE_ID: Final = re.compile(CASE_ID_PATTERN.strip("^$"))
LONGEST_TEXT: Final = 2_000  # bytes
_FILE: Final = re.compile(r"\.?case-([0-9a-f]{32})(?:\.\d+\.new)?")
_HEADER: Final = b"C\x01"
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_LENGTH_BYTES: Final = 4
_STEP: Final = 32


def case_id_of(text: str) -> str:
    """A case_id as a user gives it. Raises InputError, without the text itself, where it is none."""
    if CASE_ID.fullmatch(text) is None:
        raise InputError("CASE is not a case_id (32 hexadecimal digits); `lethe case list` shows them")
    return text


class CaseKeys:
    """256-bit keys as files `case-<case_id>` in the keys folder.

    Raises ConfigurationError when that folder lies inside the data folder. When a call returns, what it did would
    survive a power failure.
    """

    def __init__(self, paths: Paths | None = None) -> None:
        self._paths = paths or Paths()
        self._folder = keys_folder.checked(self._paths)

    def make(self, case_id: str) -> None:
        """Make the case's key; one that is there is left alone. Make it before anything tells of the case."""
        keys_folder.made(self._paths)
        key = secrets.token_bytes(keys_folder.KEY_BYTES)
        durable_files.create(self._file(case_id), keys_folder.as_written(key))

    def seal(self, case_id: str, field: str, text: str) -> bytes:
        """The text under the case's key, bound to case and field.

        Raises DestroyedKeyError where there is no key, InputError for a text of more than 2,000 bytes.
        """
        plain = text.encode()
        if len(plain) > LONGEST_TEXT:
            raise InputError(f"{field} is longer than {LONGEST_TEXT:,} bytes")
        body = len(plain).to_bytes(_LENGTH_BYTES) + plain
        padded = body.ljust(-(-len(body) // _STEP) * _STEP, b"\0")
        nonce = os.urandom(_NONCE_BYTES)
        return _HEADER + nonce + AESGCM(self._key(case_id)).encrypt(nonce, padded, _bound(case_id, field))

    def unseal(self, case_id: str, field: str, blob: bytes) -> str:
        """Read `seal`.

        Raises DestroyedKeyError once the key is shredded, SealedFieldError for what is not this field of this case,
        unaltered.
        """
        begin = len(_HEADER) + _NONCE_BYTES
        if not blob.startswith(_HEADER) or len(blob) < begin + _TAG_BYTES:
            raise SealedFieldError(f"case {case_id}: {field} is no sealed field of a format that is known")
        cipher = AESGCM(self._key(case_id))
        try:
            padded = cipher.decrypt(blob[len(_HEADER) : begin], blob[begin:], _bound(case_id, field))
        except InvalidTag:
            raise SealedFieldError(
                f"case {case_id}: {field} does not authenticate: it has been altered, or moved here from elsewhere"
            ) from None
        end = _LENGTH_BYTES + int.from_bytes(padded[:_LENGTH_BYTES])
        return padded[_LENGTH_BYTES:end].decode()

    def shred(self, case_id: str) -> None:
        """Destroy the key, and what a killed `make` left of one; nothing happens where there is none."""
        for _, file in self._files(case_id):
            durable_files.destroy(file)

    def older_than(self, age: timedelta, now: datetime) -> list[str]:
        """Cases that have a key, or the rest of one, that was written so long ago; ascending."""
        limit = (now - age).timestamp()
        return sorted({name for name, file in self._files() if _written_at(file) <= limit})

    def _key(self, case_id: str) -> bytes:
        try:
            return keys_folder.read(self._file(case_id), f"key of case {case_id}")
        except FileNotFoundError as error:
            raise DestroyedKeyError(
                f"key of case {case_id}: it has been shredded, or lies on another machine; what it sealed can't be read"
            ) from error

    def _file(self, case_id: str) -> Path:
        return self._folder / f"case-{case_id_of(case_id)}"

    def _files(self, case_id: str | None = None) -> Iterator[tuple[str, Path]]:
        """The files of one case, or of all; the key before its partials, so that it is the first to go."""
        if case_id is not None:
            file = self._file(case_id)
            if self._folder.exists():
                yield from ((case_id, each) for each in (file, *durable_files.partials(file)))
            return
        for file in sorted(self._folder.iterdir()) if self._folder.exists() else ():
            match = _FILE.fullmatch(file.name)
            if match:
                yield match[1], file


def _written_at(file: Path) -> float:
    """Unix time; of a file that is gone meanwhile, never."""
    try:
        return file.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _bound(case_id: str, field: str) -> bytes:
    return _HEADER + b"case" + case_id.encode("ascii") + field.encode("ascii")
