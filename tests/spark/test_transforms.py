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
from lethe.protection.fields import open_blob
from lethe.protection.key_state import KeyState
from lethe.protection.subject_keys import LeafNumbers, SubjectKeys, names_of
from lethe.register.model import Column, Group
from lethe.register.terms import Protection as FieldProtection
from lethe.stores.suppression import Ledger
from spark_apps import transforms
from spark_apps.transforms import Protection, Row

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


def test_suppress_lets_everybody_pass_with_an_empty_ledger() -> None:
    rows, dropped = transforms.suppress(identified([message(profile())]), Ledger(), NOW_MS, RULES)
    assert (len(rows), dropped) == (1, 0)


def test_a_message_below_the_recorded_end_is_dropped_whatever_its_time() -> None:
    held = ledger(ALICE, datetime(2026, 11, 1, tzinfo=UTC), end=8)
    late_consent = profile(consents=[{**GRANT, "at": "2026-11-20T00:00:00Z"}])
    rows, dropped = transforms.suppress(identified([message(late_consent, 7)]), held, NOW_MS, RULES)
    assert (rows, dropped) == ([], 1)


def test_a_later_event_alone_is_no_return() -> None:
    held = ledger(ALICE, datetime(2026, 11, 10, tzinfo=UTC), end=5)
    rows, dropped = transforms.suppress(identified([message(profile(), 7)]), held, NOW_MS, RULES)
    assert (rows, dropped) == ([], 1)


def test_a_consent_granted_after_the_erasure_is_a_return() -> None:
    held = ledger(ALICE, datetime(2026, 11, 10, tzinfo=UTC), end=5)
    back = profile(consents=[{**GRANT, "at": "2026-11-20T00:00:00Z"}])
    rows, dropped = transforms.suppress(identified([message(back, 7)]), held, NOW_MS, RULES)
    assert (len(rows), dropped) == (1, 0)
    assert rows[0].generation == 1


def test_a_faulty_message_of_a_suppressed_subject_never_reaches_quarantine() -> None:
    held = ledger(ALICE, datetime(2026, 11, 10, tzinfo=UTC), end=5)
    faulty = [message(b"{", 7), message(profile(email="no"), 8), message(profile(BOB), 9)]
    rows, dropped = transforms.suppress(identified(faulty), held, NOW_MS, RULES)
    assert (rows, dropped) == ([], 3)


def test_validate_parts_the_valid_from_the_refused_and_says_why_and_where() -> None:
    rows = identified([message(profile(), 7), message(profile(nat="XX"), 8)])
    valid, refused = transforms.validate(rows, NOW_MS, RULES)
    assert [row.message.offset for row in valid] == [7]
    assert [(entry.reason, entry.partition, entry.offset) for entry in refused] == [("bad_nationality", 1, 8)]
    assert refused[0].subject_id == name_of(ALICE)


def test_latest_keeps_the_greatest_event_time_then_the_greatest_offset() -> None:
    older, newer = profile(event_time="2026-11-24T09:00:00Z"), profile()
    rows, _ = transforms.validate(
        identified([message(newer, 7), message(older, 8), message(newer, 9)]), NOW_MS, RULES
    )
    kept, superseded = transforms.latest(rows)
    assert [row.message.offset for row in kept] == [9]
    assert superseded == 2


def test_consent_gives_what_is_in_force() -> None:
    rows, _ = transforms.validate(
        identified([message(profile()), message(profile(BOB, consents=[]), 8, BOB)]), NOW_MS, RULES
    )
    assert [row.standing for row in transforms.consent(rows, RULES)] == [{"analytics": "2026-06"}, {}]


def test_enrich_gives_columns_by_the_registers_names() -> None:
    rows, _ = transforms.validate(identified([message(profile())]), NOW_MS, RULES)
    (row,) = transforms.enrich(rows, enrichment.enrich)
    assert row.columns["birth_month"] == "1990-05"
    assert row.columns["nationality"] == "NL"
    assert row.columns["country_name"] == "Netherlands"


def test_protect_leaves_out_what_has_no_standing_purpose_and_what_is_not_declared() -> None:
    rows, _ = transforms.validate(identified([message(profile(consents=[]))]), NOW_MS, RULES)
    rows = transforms.enrich(transforms.consent(rows, RULES), enrichment.enrich)
    columns = {"nationality": frozenset({"account"}), "birth_month": frozenset({"analytics"})}
    (row,) = transforms.protect(rows, Protection(columns, [], ACCOUNT, VERSION))
    assert row.columns == {"nationality": "NL", "birth_month": None}


def test_protect_keeps_what_a_consent_in_force_allows() -> None:
    rows, _ = transforms.validate(identified([message(profile())]), NOW_MS, RULES)
    rows = transforms.enrich(transforms.consent(rows, RULES), enrichment.enrich)
    by = Protection({"birth_month": frozenset({"analytics"})}, [], ACCOUNT, VERSION)
    (row,) = transforms.protect(rows, by)
    assert row.columns == {"birth_month": "1990-05"}


def group(name: str, purposes: set[str], *columns: str) -> Group:
    return Group(
        name,
        tuple(Column(each, each, Encrypt, "text", tuple(purposes), False) for each in columns),
        frozenset(purposes),
    )


def protected(*bodies: tuple[str, dict[str, Any]]) -> list[Row]:
    """Through the steps from derive to protect, with a group that stays and one that rests on marketing."""
    found = [message(body, offset, user) for offset, (user, body) in enumerate(bodies)]
    rows, _ = transforms.validate(identified(found), NOW_MS, RULES)
    rows, punctured = transforms.derive(rows, KEYS)
    assert punctured == 0
    rows = transforms.enrich(transforms.consent(rows, RULES), enrichment.enrich)
    groups = [
        group("sealed", {"account"}, "email", "username"),
        group("sealed_marketing", {"marketing"}, "first_name", "phone"),
    ]
    return transforms.protect(rows, Protection({}, groups, ACCOUNT, VERSION))


def test_protect_encrypts_a_group_that_opens_under_the_subjects_key_alone() -> None:
    (alice, bob) = protected((ALICE, profile()), (BOB, profile(BOB)))
    blob = alice.columns["sealed"]
    assert isinstance(blob, bytes)
    assert b"zoe" not in blob.lower()
    assert open_blob(KEYS, alice.subject_id, "sealed", blob) == {"email": "zoe@example.org", "username": "x"}
    with pytest.raises(FieldCipherError):
        open_blob(KEYS, bob.subject_id, "sealed", blob)


def test_a_group_without_a_purpose_that_stands_is_not_encrypted_but_absent() -> None:
    marketing = {**GRANT, "purpose": "marketing"}
    (alice, bob) = protected((ALICE, profile()), (BOB, profile(BOB, consents=[marketing])))
    assert alice.columns["sealed_marketing"] is None
    blob = bob.columns["sealed_marketing"]
    assert isinstance(blob, bytes)
    assert open_blob(KEYS, bob.subject_id, "sealed_marketing", blob) == {"first_name": "Zoé"}


def test_derive_drops_whose_key_was_punctured_and_gives_who_returned_the_next_one() -> None:
    rows, _ = transforms.validate(identified([message(profile())]), NOW_MS, RULES)
    (leaf,) = LeafNumbers(PEPPER).of(names_of([name_of(ALICE)], [0]))
    keys = SubjectKeys(KEYS.state.puncture({1: np.array([leaf], dtype=np.uint64)}), PEPPER)
    assert transforms.derive(rows, keys) == ([], 1)
    rows[0].generation = 1
    kept, punctured = transforms.derive(rows, keys)
    assert (len(kept), punctured) == (1, 0)
    assert kept[0].contribution_id == keys.one(name_of(ALICE), 1).contribution_id
