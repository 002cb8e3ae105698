"""Each step of the stream, by itself: rows in, rows out."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from lethe.errors import FieldCipherError
from lethe.profiles import enrichment
from lethe.profiles.contract import PROFILES_TOPIC, Message
from lethe.profiles.reasons import Reason
from lethe.profiles.rules import Rules
from lethe.profiles.standing import Moments
from lethe.profiles.validation import check
from lethe.protection.fields import open_blob
from lethe.protection.key_state import KeyState
from lethe.protection.subject_keys import LeafNumbers, SubjectKeys, names_of
from lethe.register.model import Column, Group
from lethe.register.terms import Protection as FieldProtection
from lethe.stores.suppression import Ledger
from spark_apps import transforms
from spark_apps.transforms import Person, Protection, Row

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
ALICE, BOB = "3fa85f64-5717-4562-b3fc-2c963f66afa6", "9b2d1c1e-0d7f-4b57-8f4c-0a4d0f6c2e11"
RULES = Rules(
    minimum_age=16,
    purposes=frozenset({"account", "analytics", "marketing"}),
    policy_versions=frozenset({"2026-01", "2026-06"}),
    retention_days=1096,
    known_paths=frozenset({"login.uuid"}),
)
PEPPER, VERSION, ACCOUNT = bytes(32), "0123456789ab", frozenset({"account"})
KEYS = SubjectKeys(KeyState.new(bytes(range(16))), PEPPER)
Encrypt = FieldProtection.ENCRYPT
GRANT = {"purpose": "analytics", "granted": True, "at": "2026-11-01T00:00:00Z", "policy_version": "2026-06"}


def profile(user_id: str = ALICE, **changes: Any) -> dict[str, Any]:
    return {
        "login": {"uuid": user_id, "username": "x"},
        "name": {"title": "Ms", "first": " Zoé ", "last": "Ångström"},
        "email": "Zoe@Example.ORG",
        "gender": "female",
        "dob": {"date": "1990-05-17T08:00:00.000Z"},
        "registered": {"date": "2015-03-02T08:00:00.000Z"},
        "nat": "NL",
        "consents": [GRANT],
        "event_time": "2026-11-24T10:00:00.000Z",
        **changes,
    }


def message(body: Any, offset: int = 7, key: str | None = ALICE, control: bool = False) -> Message:
    value = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    headers = (("lethe", b"control"),) if control else None
    return Message(PROFILES_TOPIC, 1, offset, NOW_MS, key.encode() if key else None, value, headers)


def name_of(user_id: str) -> str:
    """A pseudonym that a test can read: 64 hex digits, the UUID's first."""
    return user_id.replace("-", "").ljust(64, "0")


def identified(messages: Sequence[Message]) -> list[Row]:
    return transforms.identify(transforms.parse(messages), name_of)


def ledger(user_id: str, erased_at: datetime, end: int) -> Ledger:
    held = Ledger()
    entry = {
        "_id": name_of(user_id),
        "version": 1,
        "erased_at": int(erased_at.timestamp() * 1_000_000),
        "ends": {PROFILES_TOPIC: {"1": end}},
        "generation": 1,
    }
    held.add([entry])
    return held


def test_messages_reads_every_record_of_an_arrow_batch() -> None:
    chunk = pa.RecordBatch.from_pylist(
        [
            {
                "topic": "t",
                "partition": 3,
                "offset": 9,
                "timestamp_ms": 5,
                "key": b"k",
                "value": b"v",
                "control": False,
            },
            {
                "topic": "t",
                "partition": 3,
                "offset": 10,
                "timestamp_ms": 6,
                "key": None,
                "value": None,
                "control": True,
            },
        ]
    )
    first, second = transforms.messages(chunk)
    assert first == Message("t", 3, 9, 5, b"k", b"v", None)
    assert second.offset == 10
    assert second.headers == (("lethe", b"control"),)


def test_parse_leaves_out_lethes_own_records_and_keeps_what_can_not_be_read() -> None:
    rows = transforms.parse([message(None, control=True), message(b"{", 8), message(profile(), 9)])
    assert [row.refusal.reason if row.refusal else None for row in rows] == [Reason.NOT_JSON, None]


def test_identify_names_the_subject_of_a_profile_by_its_pseudonym() -> None:
    (row,) = identified([message(profile())])
    assert row.subject_ids == (name_of(ALICE),)
    assert ALICE not in repr(row.subject_ids)


def test_identify_names_both_subjects_where_key_and_uuid_differ() -> None:
    (row,) = identified([message(profile(BOB))])
    assert set(row.subject_ids) == {name_of(ALICE), name_of(BOB)}


def test_identify_names_nobody_where_nothing_names_a_subject() -> None:
    (row,) = identified([message(b"[]", key="not-a-uuid")])
    assert row.subject_ids == ()


def suppressed(messages: Sequence[Message], held: Ledger) -> tuple[list[Row], int]:
    return transforms.suppress(
        identified(messages), held, lambda row: check(row.document, row.message, NOW_MS, RULES)
    )


def test_suppress_lets_everybody_pass_with_an_empty_ledger() -> None:
    rows, dropped = suppressed([message(profile())], Ledger())
    assert (len(rows), dropped) == (1, 0)


def test_a_message_below_the_recorded_end_is_dropped_whatever_its_time() -> None:
    held = ledger(ALICE, datetime(2026, 11, 1, tzinfo=UTC), end=8)
    late_consent = profile(consents=[{**GRANT, "at": "2026-11-20T00:00:00Z"}])
    assert suppressed([message(late_consent, 7)], held) == ([], 1)


def test_what_lies_above_goes_on_with_the_erasures_time_and_the_next_generation() -> None:
    erased = datetime(2026, 11, 10, tzinfo=UTC)
    rows, dropped = suppressed([message(profile(), 7)], ledger(ALICE, erased, end=5))
    assert (len(rows), dropped) == (1, 0)
    assert (rows[0].erased_at, rows[0].generation) == (int(erased.timestamp() * 1_000_000), 1)


def test_a_faulty_message_of_a_suppressed_subject_never_reaches_quarantine() -> None:
    held = ledger(ALICE, datetime(2026, 11, 10, tzinfo=UTC), end=5)
    faulty = [message(b"{", 7), message(profile(email="no"), 8), message(profile(BOB), 9)]
    assert suppressed(faulty, held) == ([], 3)


def test_validate_parts_the_valid_from_the_refused_and_says_why_and_where() -> None:
    rows = identified([message(profile(), 7), message(profile(nat="XX"), 8)])
    valid, refused = transforms.validate(rows, NOW_MS, RULES)
    assert [row.message.offset for row in valid] == [7]
    assert [(entry.reason, entry.place) for entry in refused] == [("bad_nationality", "user_profiles:1:8")]
    assert refused[0].subject_ids == (name_of(ALICE),)


def people(*messages: Message) -> list[Person]:
    rows, refused = transforms.validate(identified(messages), NOW_MS, RULES)
    assert refused == []
    return transforms.by_person(rows)


def test_by_person_keeps_each_subjects_rows_in_their_order() -> None:
    found = people(message(profile(), 7), message(profile(BOB), 8, BOB), message(profile(), 9))
    assert [[row.message.offset for row in each.rows] for each in found] == [[7, 9], [8]]


def moments(*purposes: str) -> Moments:
    return frozenset([frozenset(purposes)])


def with_columns(*messages: Message) -> list[Person]:
    """With every column computed, and keys."""
    found, punctured = transforms.derive(people(*messages), KEYS)
    assert punctured == 0
    for each in found:
        assert each.rows[-1].profile is not None
        each.columns = enrichment.enrich(each.rows[-1].profile)
    return found


def test_protect_leaves_out_what_has_no_standing_purpose_and_what_is_not_declared() -> None:
    columns = {"nationality": frozenset({"account"}), "birth_month": frozenset({"analytics"})}
    by = Protection(columns, [], ACCOUNT, VERSION)
    (alone,) = transforms.protect(with_columns(message(profile())), [moments()], by)
    assert alone.columns == {"nationality": "NL", "birth_month": None}
    (consenting,) = transforms.protect(with_columns(message(profile())), [moments("analytics")], by)
    assert consenting.columns == {"nationality": "NL", "birth_month": "1990-05"}


def test_a_purpose_that_was_interrupted_does_not_bring_a_column_back() -> None:
    by = Protection({"birth_month": frozenset({"analytics"})}, [], ACCOUNT, VERSION)
    interrupted = frozenset([frozenset({"marketing"})])
    (row,) = transforms.protect(with_columns(message(profile())), [interrupted], by)
    assert row.columns == {"birth_month": None}


def group(name: str, purposes: set[str], *columns: str) -> Group:
    return Group(
        name,
        tuple(Column(each, each, Encrypt, "text", tuple(purposes), False) for each in columns),
        frozenset(purposes),
    )


def protected(*bodies: tuple[str, dict[str, Any], Moments]) -> list[Person]:
    """Through protect, with a group that stays and one that rests on marketing."""
    found = with_columns(*(message(body, n, user) for n, (user, body, _) in enumerate(bodies)))
    groups = [
        group("sealed", {"account"}, "email", "username"),
        group("sealed_marketing", {"marketing"}, "first_name", "phone"),
    ]
    return transforms.protect(
        found, [each for _, _, each in bodies], Protection({}, groups, ACCOUNT, VERSION)
    )


def test_protect_encrypts_a_group_that_opens_under_the_subjects_key_alone() -> None:
    (alice, bob) = protected((ALICE, profile(), moments()), (BOB, profile(BOB), moments()))
    blob = alice.columns["sealed"]
    assert isinstance(blob, bytes)
    assert b"zoe" not in blob.lower()
    assert open_blob(KEYS, alice.subject_id, "sealed", blob) == {"email": "zoe@example.org", "username": "x"}
    with pytest.raises(FieldCipherError):
        open_blob(KEYS, bob.subject_id, "sealed", blob)


def test_a_group_without_a_purpose_that_stands_is_not_encrypted_but_absent() -> None:
    (alice, bob) = protected((ALICE, profile(), moments()), (BOB, profile(BOB), moments("marketing")))
    assert alice.columns["sealed_marketing"] is None
    blob = bob.columns["sealed_marketing"]
    assert isinstance(blob, bytes)
    assert open_blob(KEYS, bob.subject_id, "sealed_marketing", blob) == {"first_name": "Zoé"}


def test_derive_drops_whose_key_was_punctured_and_gives_who_returned_the_next_one() -> None:
    (alice,) = people(message(profile()))
    (leaf,) = LeafNumbers(PEPPER).of(names_of([name_of(ALICE)], [0]))
    keys = SubjectKeys(KEYS.state.puncture({1: np.array([leaf], dtype=np.uint64)}), PEPPER)
    assert transforms.derive([alice], keys) == ([], 1)
    alice.generation = 1
    assert transforms.derive([alice], keys) == ([alice], 0)
    assert alice.names == (keys.one(name_of(ALICE), 1).contribution_id,)


def test_derive_names_a_contribution_under_every_root_the_newest_first() -> None:
    (alice,) = people(message(profile()))
    keys = SubjectKeys(KEYS.state.with_new_root(bytes(16)), PEPPER)
    transforms.derive([alice], keys)
    assert alice.names == tuple(keys.one(name_of(ALICE), 0, root).contribution_id for root in (2, 1))
