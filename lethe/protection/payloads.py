"""Payloads of quarantine: one refused Kafka message each, under its subject's key or a day's (AES-256-GCM).

"Q" (1 byte) | version (1) | "s", root (4), generation (4), or "d", day (4) | nonce (12) | ciphertext and tag. The bytes
before the nonce, the subject_id (only with "s"), the word "quarantine" and the message's place are the associated data:
a payload opens in its own document only. docs/security.md, Payloads in quarantine, has it byte by byte.

Nothing is compressed: a length would tell how much of what one person may choose repeats what they may not know
(CRIME, 2012). The length tells what it tells in Kafka, rounded up.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from struct import Struct
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lethe.errors import PayloadError, ProtectionError, PuncturedError
from lethe.protection.day_keys import DayKeys
from lethe.protection.subject_keys import SUBJECT_BYTES, Derived, SubjectKeys

VERSION: Final = 1
NONCE_BYTES: Final = 12
PAD_BYTES: Final = 32
_BEGIN: Final = b"Q" + bytes([VERSION])
_SUBJECT: Final = b"s"
_DAY: Final = b"d"
_GROUP: Final = b"quarantine"
_FIRST_DAY: Final = date(1970, 1, 1)
_TAG_BYTES: Final = 16
_SUBJECT_HEADER: Final = Struct(">2scII")
_DAY_HEADER: Final = Struct(">2scI")
_LENGTHS: Final = Struct(">qii")  # timestamp, length of the key (-1: none), length of the value


class Content(NamedTuple):
    """What a payload holds of a Kafka message: key, value, and timestamp (Unix ms; -1: none)."""

    key: bytes | None
    value: bytes
    timestamp_ms: int

    def to_bytes(self) -> bytes:
        """Timestamp (8 bytes), lengths of key (4; -1: none) and value (4), key, value, zeros up to a multiple of 32."""
        key = self.key or b""
        lengths = _LENGTHS.pack(self.timestamp_ms, -1 if self.key is None else len(key), len(self.value))
        filled = len(lengths) + len(key) + len(self.value)
        return b"".join((lengths, key, self.value, bytes(-filled % PAD_BYTES)))

    @classmethod
    def from_bytes(cls, data: bytes) -> "Content":
        """Read `to_bytes`."""
        timestamp_ms, key_length, value_length = _LENGTHS.unpack_from(data)
        value_at = _LENGTHS.size + max(key_length, 0)
        key = None if key_length < 0 else data[_LENGTHS.size : value_at]
        return cls(key, data[value_at : value_at + value_length], timestamp_ms)


@dataclass(frozen=True, slots=True, repr=False)
class Seal:
    """Encrypts under one key: `header` stands in clear before the nonce, `bound` is the associated data but the place.

    `root`: of a subject key, by its id.
    """

    header: bytes
    bound: bytes
    cipher: AESGCM
    root: int | None = None

    def close(self, place: str, content: Content, *, nonce: bytes | None = None) -> bytes:
        """A payload for the document of a place. `nonce` (12 bytes) is for test vectors; None draws one."""
        drawn = nonce or os.urandom(NONCE_BYTES)
        bound = self.bound + place.encode("ascii")
        return self.header + drawn + self.cipher.encrypt(drawn, content.to_bytes(), bound)


def under_subject(subject: Derived) -> Seal:
    """Under a subject key."""
    header = _SUBJECT_HEADER.pack(_BEGIN, _SUBJECT, subject.root, subject.generation)
    return Seal(header, header + subject.name[:SUBJECT_BYTES] + _GROUP, subject.cipher, subject.root)


def under_day(day: date, key: bytes) -> Seal:
    """Under a day's key of 32 bytes.

    Nonces are random: within NIST SP 800-38D s8.3 up to 2^32 messages a day, 49,000 a second.
    """
    header = _DAY_HEADER.pack(_BEGIN, _DAY, (day - _FIRST_DAY).days)
    return Seal(header, header + _GROUP, AESGCM(key))


class Closed(NamedTuple):
    """A payload as it lies: its document's place, and the first of its subjects if there is one."""

    place: str
    subject_id: str | None
    payload: bytes


class Header(NamedTuple):
    """What a payload says of itself, not authenticated before it is opened: root and generation, or the day."""

    size: int  # bytes
    root: int = 0
    generation: int = 0
    day: date | None = None


def header_of(payload: bytes) -> Header:
    """Read the bytes before the nonce; raises PayloadError when it is no payload, cut short, or of another version."""
    if payload[:1] != _BEGIN[:1] or len(payload) < len(_BEGIN) + 1:
        raise PayloadError("a payload in quarantine is not one")
    if payload[1] != VERSION:
        raise PayloadError(f"a payload in quarantine is of version {payload[1]}; this Lethe reads {VERSION}")
    kind = payload[2:3]
    if kind not in (_SUBJECT, _DAY):
        raise PayloadError("a payload in quarantine is under neither a subject's key nor a day's")
    layout = _SUBJECT_HEADER if kind == _SUBJECT else _DAY_HEADER
    if len(payload) < layout.size + NONCE_BYTES + _TAG_BYTES + PAD_BYTES:
        raise PayloadError("a payload in quarantine is cut short")
    numbers = layout.unpack_from(payload)[2:]
    if kind == _SUBJECT:
        return Header(layout.size, *numbers)
    try:
        return Header(layout.size, day=_FIRST_DAY + timedelta(days=numbers[0]))
    except OverflowError:
        raise PayloadError("a payload in quarantine names no day") from None


def open_batch(
    keys: SubjectKeys, day_keys: DayKeys, payloads: Sequence[Closed]
) -> list[Content | ProtectionError]:
    """What each payload holds, in their order; in place of one that can't be opened, why.

    PuncturedError where the subject is erased; DestroyedKeyError where the day's key is gone; KeyStateError where the
    state lacks its root; PayloadError where it is damaged, altered, or moved here from another document.
    """
    opened: dict[int, Content | ProtectionError] = {}
    by_root: dict[int, list[tuple[int, Header]]] = {}
    for at, closed in enumerate(payloads):
        try:
            header = header_of(closed.payload)
            if header.day is not None:
                opened[at] = _opened(under_day(header.day, day_keys.load(header.day)), closed)
            elif closed.subject_id is None:
                raise PayloadError(
                    "a payload in quarantine is under a subject's key, and its document names none"
                )
            else:
                by_root.setdefault(header.root, []).append((at, header))
        except ProtectionError as error:
            opened[at] = error
    for root, rows in by_root.items():
        opened |= _opened_under(keys, root, rows, payloads)
    return [opened[at] for at in range(len(payloads))]


def _opened_under(
    keys: SubjectKeys, root: int, rows: Sequence[tuple[int, Header]], payloads: Sequence[Closed]
) -> dict[int, Content | ProtectionError]:
    """Those under subject keys of one root, derived together."""
    subjects = [str(payloads[at].subject_id) for at, _ in rows]
    found: dict[int, Content | ProtectionError] = {}
    try:
        derived = keys.derive(subjects, [header.generation for _, header in rows], root)
    except ProtectionError as error:
        return {at: error for at, _ in rows}
    for (at, _), subject in zip(rows, derived, strict=True):
        try:
            if subject is None:
                raise PuncturedError("the subject's key has been destroyed by an erasure")
            found[at] = _opened(under_subject(subject), payloads[at])
        except ProtectionError as error:
            found[at] = error
    return found


def _opened(seal: Seal, closed: Closed) -> Content:
    begin, body = len(seal.header), len(seal.header) + NONCE_BYTES
    nonce, sealed = closed.payload[begin:body], closed.payload[body:]
    bound = closed.payload[:begin] + seal.bound[begin:] + closed.place.encode()
    try:
        return Content.from_bytes(seal.cipher.decrypt(nonce, sealed, bound))
    except InvalidTag:
        raise PayloadError(
            "a payload in quarantine does not authenticate: it has been altered, or moved here from another document"
        ) from None
