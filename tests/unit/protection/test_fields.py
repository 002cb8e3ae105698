"""Blobs of encrypted fields: they open where they belong, and nowhere else."""

import os
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given, settings
from hypothesis import strategies as st

from lethe.errors import FieldCipherError, KeyStateError, PuncturedError
from lethe.protection import fields
from lethe.protection.fields import Header
from lethe.protection.key_state import KeyState
from lethe.protection.subject_keys import LeafNumbers, SubjectKeys, names_of
from tests.unit.protection import reference
from tests.unit.protection.installation import ANNA, BODO, CARL, GROUP, PEPPER, REGISTER, VALUES

STATE = KeyState.new(bytes(range(16)))
KEYS = SubjectKeys(STATE, PEPPER)
NONCE = bytes(range(12))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
JSON = st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), TEXTS, st.lists(TEXTS, max_size=3))


def blob_of(subject_id: str, values: dict[str, Any] = VALUES, keys: SubjectKeys = KEYS) -> bytes:
    (blob,) = fields.seal_batch([keys.one(subject_id, 0)], GROUP, REGISTER, [values])
    return blob


@settings(deadline=None)
@given(st.dictionaries(TEXTS, JSON, max_size=6))
def test_what_is_sealed_is_opened(values: dict[str, Any]) -> None:
    assert fields.open_blob(KEYS, ANNA, GROUP, blob_of(ANNA, values)) == values


@settings(deadline=None)
@given(
    st.dictionaries(TEXTS.filter(str.isprintable), st.integers(0, 9) | st.just("ü€𝄞"), max_size=6),
    st.integers(0, 2**32 - 1),
)
def test_a_blob_is_that_of_the_slow_form(values: dict[str, Any], generation: int) -> None:
    key, place = os.urandom(32), reference.Place(3, generation, REGISTER, BODO, GROUP)
    blob = fields.seal(key, Header(3, generation, REGISTER), BODO, GROUP, values, nonce=NONCE)
    assert blob == reference.blob(key, place, values, NONCE)


def test_a_batch_gives_what_one_alone_gives() -> None:
    people = [ANNA, BODO, CARL]
    two_roots = SubjectKeys(STATE.with_new_root(os.urandom(16)), PEPPER)
    subjects = [
        two_roots.one(person, number, root) for number, person in enumerate(people) for root in (1, 2)
    ]
    rows = [{"number": number} for number in range(len(subjects))]
    for subject, row, blob in zip(
        subjects, rows, fields.seal_batch(subjects, GROUP, REGISTER, rows), strict=True
    ):
        header = Header(subject.root, subject.generation, REGISTER)
        alone = fields.seal(subject.key, header, subject.subject_id, GROUP, row, nonce=blob[15:27])
        assert blob == alone


def test_no_nonce_is_used_twice() -> None:
    subjects = [KEYS.one(ANNA, 0)] * 1_000
    batch = fields.seal_batch(subjects, GROUP, REGISTER, [VALUES] * 1_000)
    alone = [fields.seal(subjects[0].key, Header(1, 0, REGISTER), ANNA, GROUP, VALUES) for _ in range(1_000)]
    assert len({blob[15:27] for blob in (*batch, *alone)}) == 2_000


def test_the_header_says_what_a_reader_needs() -> None:
    assert fields.header_of(blob_of(ANNA)) == Header(1, 0, REGISTER)
    sealed = fields.seal(bytes(32), Header(2**32 - 1, 7, "ffffffffffff"), ANNA, GROUP, {})
    assert fields.header_of(sealed) == Header(2**32 - 1, 7, "ffffffffffff")


@pytest.mark.parametrize(("letters", "length"), [(0, 32), (24, 32), (25, 64), (56, 64), (57, 96)])
def test_lengths_are_rounded_up_to_32_bytes(letters: int, length: int) -> None:
    assert len(blob_of(ANNA, {"a": "x" * letters})) == 27 + length + 16


def test_dates_and_times_are_stored_as_iso_text() -> None:
    values = {
        "day": date(1990, 2, 28),
        "at": datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC),
        "local": datetime(2026, 3, 1, 12, 30),  # noqa: DTZ001 - a time without a zone stays one
    }
    assert fields.open_blob(KEYS, ANNA, GROUP, blob_of(ANNA, values)) == {
        "day": "1990-02-28",
        "at": "2026-03-01T12:30:15.250000+00:00",
        "local": "2026-03-01T12:30:00",
    }


@pytest.mark.parametrize("value", [b"bytes", object(), 2**70, "\ud800", {1: 2}])
def test_a_value_without_a_json_form_is_refused_without_being_repeated(value: object) -> None:
    with pytest.raises(FieldCipherError) as refusal:
        blob_of(ANNA, {"secret_column": value})
    assert str(refusal.value) == f"group {GROUP}: a value has no JSON form"


@pytest.mark.parametrize(
    ("key", "register", "subject_id", "group", "nonce"),
    [
        (bytes(16), REGISTER, ANNA, GROUP, NONCE),
        (bytes(32), REGISTER[:-2], ANNA, GROUP, NONCE),
        (bytes(32), REGISTER, ANNA[:-2], GROUP, NONCE),
        (bytes(32), REGISTER, ANNA, "größe", NONCE),
        (bytes(32), REGISTER, ANNA, GROUP, bytes(16)),
    ],
)
def test_no_blob_is_made_of_parts_of_another_length(
    key: bytes, register: str, subject_id: str, group: str, nonce: bytes
) -> None:
    with pytest.raises(ValueError, match=r"bytes|digits|ascii") as refusal:
        fields.seal(key, Header(1, 0, register), subject_id, group, VALUES, nonce=nonce)
    assert ANNA[:8] not in str(refusal.value)
    if register != REGISTER:
        with pytest.raises(ValueError, match="12 hex digits"):
            fields.seal_batch([KEYS.one(ANNA, 0)], GROUP, register, [VALUES])


# What does not belong


def test_a_blob_of_another_row_or_column_does_not_open() -> None:
    blob = blob_of(ANNA)
    for subject_id, group in ((BODO, GROUP), (ANNA, "marketing_fields"), (ANNA, GROUP + "2"), (ANNA, "")):
        with pytest.raises(FieldCipherError, match="altered, or moved here from another row or column"):
            fields.open_blob(KEYS, subject_id, group, blob)


def test_subject_and_group_are_bound_by_themselves_and_not_only_by_the_key() -> None:
    key, header = bytes(32), Header(1, 0, REGISTER)
    blob = fields.seal(key, header, ANNA, GROUP, VALUES, nonce=NONCE)
    cipher = fields.AESGCM(key)
    bound = header.to_bytes() + bytes.fromhex(ANNA) + GROUP.encode()
    assert cipher.decrypt(NONCE, blob[27:], bound)
    for other in (
        Header(2, 0, REGISTER).to_bytes() + bound[15:],
        Header(1, 1, REGISTER).to_bytes() + bound[15:],
        Header(1, 0, "0123456789aa").to_bytes() + bound[15:],
        bound[:15] + bytes.fromhex(BODO) + bound[47:],
        bound[:47] + b"marketing_fields",
    ):
        with pytest.raises(InvalidTag):
            cipher.decrypt(NONCE, blob[27:], other)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_flipped_bit_anywhere_is_noticed(data: st.DataObject) -> None:
    blob = bytearray(blob_of(ANNA))
    at = data.draw(st.integers(0, len(blob) - 1))
    blob[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(
        (FieldCipherError, KeyStateError)
    ):  # a flip in the root's id names a root that is not there
        fields.open_blob(KEYS, ANNA, GROUP, bytes(blob))


@pytest.mark.parametrize("left", [0, 1, 14, 27, 74, -1])
def test_a_blob_that_is_cut_short_is_noticed(left: int) -> None:
    with pytest.raises(FieldCipherError):
        fields.open_blob(KEYS, ANNA, GROUP, blob_of(ANNA)[:left])
    with pytest.raises(FieldCipherError):
        fields.open_blob(KEYS, ANNA, GROUP, blob_of(ANNA) + b"x")


@pytest.mark.parametrize("version", [0, 2, 255])
def test_an_unknown_version_is_named(version: int) -> None:
    for blob in (bytes([version]) + blob_of(ANNA)[1:], bytes([version])):
        with pytest.raises(FieldCipherError, match=f"is of version {version}; this Lethe reads 1"):
            fields.header_of(blob)


def test_errors_name_no_value_and_no_subject() -> None:
    for subject_id, blob in ((BODO, blob_of(ANNA)), (ANNA, blob_of(ANNA)[:-1]), (ANNA, b"\x01")):
        with pytest.raises(FieldCipherError) as refusal:
            fields.open_blob(KEYS, subject_id, GROUP, blob)
        assert "Utrecht" not in str(refusal.value)
        assert subject_id not in str(refusal.value)


def test_a_plaintext_that_is_no_object_is_refused() -> None:
    header, subject = Header(1, 0, REGISTER), KEYS.one(ANNA, 0)
    bound = header.to_bytes() + bytes.fromhex(ANNA) + GROUP.encode()
    for text in (b"[1]".ljust(32), b"{".ljust(32)):
        blob = header.to_bytes() + NONCE + subject.cipher.encrypt(NONCE, text, bound)
        with pytest.raises(FieldCipherError, match="holds no JSON object"):
            fields.open_blob(KEYS, ANNA, GROUP, blob)


# Erased, rotated


def punctured(*people: str, of: KeyState = STATE) -> SubjectKeys:
    leaves = LeafNumbers(PEPPER).of(names_of(people, [0] * len(people)))
    return SubjectKeys(of.puncture(dict.fromkeys(of.roots, leaves)), PEPPER)


def test_an_erased_subjects_blob_does_not_open() -> None:
    with pytest.raises(PuncturedError):
        fields.open_blob(punctured(ANNA), ANNA, GROUP, blob_of(ANNA))
    assert fields.open_blob(punctured(ANNA), BODO, GROUP, blob_of(BODO)) == VALUES


def test_a_batch_of_rows_of_several_roots_opens_in_its_order() -> None:
    two_roots = STATE.with_new_root(os.urandom(16))
    keys = SubjectKeys(two_roots, PEPPER)
    people = [os.urandom(32).hex() for _ in range(20)]
    old = [blob_of(person, {"number": at}) for at, person in enumerate(people)]
    new = [blob_of(person, {"number": at}, keys) for at, person in enumerate(people)]
    mixed = [pair[at % 2] for at, pair in enumerate(zip(old, new, strict=True))]
    assert fields.open_batch(keys, people, GROUP, mixed) == [{"number": at} for at in range(20)]
    half = punctured(*people[:10], of=two_roots)
    opened = fields.open_batch(half, people, GROUP, mixed)
    assert opened == [None] * 10 + [{"number": at} for at in range(10, 20)]
    assert fields.open_batch(keys, [], GROUP, []) == []


def test_a_batch_with_a_moved_blob_is_an_error() -> None:
    with pytest.raises(FieldCipherError):
        fields.open_batch(KEYS, [ANNA, BODO], GROUP, [blob_of(BODO), blob_of(ANNA)])
    with pytest.raises(ValueError, match="zip"):
        fields.open_batch(KEYS, [ANNA, BODO], GROUP, [blob_of(ANNA)])


def test_a_row_of_a_root_that_was_dropped_says_so() -> None:
    rotated = SubjectKeys(STATE.with_new_root(os.urandom(16)).without_root(1), PEPPER)
    with pytest.raises(KeyStateError, match="root 1 is not in the key state"):
        fields.open_blob(rotated, ANNA, GROUP, blob_of(ANNA))


def test_sealing_needs_as_many_rows_as_subjects() -> None:
    with pytest.raises(ValueError, match="zip"):
        fields.seal_batch([KEYS.one(ANNA, 0)], GROUP, REGISTER, [VALUES, VALUES])


def test_a_leaf_is_found_from_the_subject_id_alone() -> None:
    assert np.array_equal(LeafNumbers(PEPPER).of(names_of([ANNA], [0])), [reference.leaf(PEPPER, ANNA, 0)])
