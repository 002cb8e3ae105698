"""Consents that come alone: what is taken, what is refused and why, and what is ignored."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lethe.profiles.consent_messages import FIELDS, parse_consent
from lethe.profiles.contract import HEADER, MAX_MESSAGE_BYTES, Consent, ConsentMessage, Message, Refusal
from lethe.profiles.reasons import Reason
from lethe.profiles.times import instant_ms
from lethe.register.load import current
from tests.model import Model
from tests.unit.profiles.examples import ALICE, BOB, CALM, NOW, NOW_MS, RULES, consent, consent_message

AT_MS = instant_ms("2026-10-01T00:00:00Z") or 0


def parse(record: Message) -> ConsentMessage | Refusal | None:
    return parse_consent(record, NOW_MS, RULES)


def said(**changes: Any) -> dict[str, Any]:
    """A valid message's object; a change to ... leaves the field out."""
    whole = {"user_id": ALICE, **consent(), **changes}
    return {name: value for name, value in whole.items() if value is not ...}


def test_a_consent_is_read_with_its_person_and_place() -> None:
    assert parse(consent_message()) == ConsentMessage(
        ALICE, 1, 7, Consent("analytics", True, AT_MS, "2026-06", False)
    )
    withdrawal = parse(consent_message(said(granted=False, policy_version=..., by_guardian=True)))
    assert isinstance(withdrawal, ConsentMessage)
    assert withdrawal.consent == Consent("analytics", False, AT_MS, "", True)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", Reason.NOT_JSON),
        (b"", Reason.NOT_JSON),
        ([said()], Reason.NOT_AN_OBJECT),
        (said(user_id=...), Reason.BAD_LOGIN_UUID),
        (said(user_id=ALICE.upper()), Reason.BAD_LOGIN_UUID),
        (said(user_id=7), Reason.BAD_LOGIN_UUID),
        (said(user_id=BOB), Reason.KEY_MISMATCH),
        (said(granted="yes"), Reason.BAD_CONSENTS),
        (said(granted=...), Reason.BAD_CONSENTS),
        (said(purpose=None), Reason.BAD_CONSENTS),
        (said(at="2026-10-01"), Reason.BAD_CONSENTS),
        (said(at="2026-11-24T12:05:00.001Z"), Reason.BAD_CONSENTS),
        (said(policy_version=...), Reason.BAD_CONSENTS),
        (said(policy_version="x" * 65), Reason.BAD_CONSENTS),
        (said(by_guardian="no"), Reason.BAD_CONSENTS),
        (said(purpose="profiling"), Reason.UNKNOWN_PURPOSE),
        (said(purpose=""), Reason.UNKNOWN_PURPOSE),
        (said(user_id=BOB, granted="yes"), Reason.KEY_MISMATCH),
        (said(purpose="profiling", granted="yes"), Reason.BAD_CONSENTS),
    ],
)
def test_a_faulty_one_is_refused_for_the_first_rule_that_it_breaks(body: Any, reason: Reason) -> None:
    found = parse(consent_message(body))
    assert isinstance(found, Refusal)
    assert found.reason is reason
    assert found.user_id == (BOB if isinstance(body, dict) and body.get("user_id") == BOB else ALICE)


def test_the_size_limit_is_that_of_profiles() -> None:
    body = said(padding="")
    padding = MAX_MESSAGE_BYTES - len(json.dumps(body))
    assert isinstance(parse(consent_message(said(padding="x" * padding))), ConsentMessage)
    assert parse(consent_message(said(padding="x" * (padding + 1)))) == Refusal(Reason.TOO_LARGE, ALICE)


def test_without_a_user_id_in_either_place_a_refusal_names_nobody() -> None:
    assert parse(consent_message(said(user_id="?"), key=None)) == Refusal(Reason.BAD_LOGIN_UUID, None)


def test_tombstones_and_lethes_own_records_are_ignored() -> None:
    assert parse(consent_message(value=None)) is None
    assert parse(consent_message(b"{", headers=[(HEADER, b"control")])) is None


def test_a_time_up_to_five_minutes_ahead_is_taken() -> None:
    assert isinstance(parse(consent_message(said(at="2026-11-24T12:05:00Z"))), ConsentMessage)


def test_unknown_fields_are_named() -> None:
    found = parse(consent_message(said(channel="app", **{"a b": 1})))
    assert isinstance(found, ConsentMessage)
    assert sorted(found.unknown_fields) == ["(other)", "channel"]


def test_its_fields_are_those_that_the_register_declares_for_the_topic() -> None:
    assert current().stores["kafka.user_consents"].fields.keys() == FIELDS | {"key", "timestamp"}


VALUES = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "user_id": st.sampled_from([ALICE, BOB, ALICE.upper()]) | VALUES,
        "purpose": st.sampled_from(["analytics", "marketing", "account", "profiling"]) | VALUES,
        "granted": VALUES,
        "at": st.sampled_from(["2026-10-01T00:00:00Z", "2026-11-24T12:05:00Z", "2026-11-24T12:05:00.001Z"])
        | VALUES,
        "policy_version": st.sampled_from(["2026-06", "x" * 64, "x" * 65]) | VALUES,
        "by_guardian": VALUES,
        "more": VALUES,
    },
)


@CALM
@given(BODIES.map(lambda changes: said(**changes)) | BODIES | st.binary(max_size=30) | st.none())
def test_the_model_and_lethe_read_any_consent_message_alike(body: Any) -> None:
    raw = {"value": body} if body is None or isinstance(body, bytes) else {}
    record = consent_message(body, **raw)
    oracle = Model(bytes(32), NOW)
    oracle.feed(record)
    found = parse(record)
    assert list(oracle.quarantine().values()) == ([found.reason] if isinstance(found, Refusal) else [])
    events = [found.consent] if isinstance(found, ConsentMessage) else []
    assert list(oracle.consent_states().values()) == [
        {each.purpose: [each.granted, each.at_ms, each.policy_version, each.by_guardian]} for each in events
    ]
    (reading,) = oracle.readings.values()
    assert reading.ignored is (found is None)
    assert reading.user_id == (found.user_id if found else None)
