"""The oracle itself: worked examples by hand, and agreement with lethe's reading of any message."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lethe.profiles.consent import NO_CONSENTS, in_force, to_document
from lethe.profiles.contract import HEADER, Message, Profile, Refusal
from lethe.profiles.enrichment import enrich
from lethe.profiles.minors import admit
from lethe.profiles.parsing import parse
from lethe.profiles.times import instant_ms
from lethe.profiles.validation import check
from tests.model import Model, age_by_month
from tests.model_reading import moment, ms
from tests.unit.profiles.examples import (
    ALICE,
    BOB,
    CALM,
    NOW,
    NOW_MS,
    RULES,
    consent,
    consent_message,
    document,
    message,
)

PEPPER = b"p" * 32
HOUR_US = 3_600_000_000
NOW_US = NOW_MS * 1000


def model() -> Model:
    return Model(PEPPER, NOW)


def at(hours_ago: float, offset: int, user_id: str = ALICE, **changes: Any) -> Message:
    event = (NOW - timedelta(hours=hours_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = document(event_time=event, login={"uuid": user_id}, **changes)
    return message(body, key=user_id, offset=offset)


def only_row(oracle: Model) -> dict[str, Any]:
    (row,) = oracle.rows().values()
    return row


def test_a_row_is_the_message_in_its_columns() -> None:
    oracle = model()
    oracle.feed(message())
    assert oracle.rows() == {
        oracle.subject_id(ALICE): {
            "event_time": datetime(2026, 11, 24, 10, 0, 0, 123_000, UTC),
            "source_partition": 1,
            "source_offset": 7,
            "consents": {"analytics": "2026-06"},
            "nationality": "NL",
            "gender": "female",
            "city": "Delft",
            "birth_month": "1990-05",
            "registered_month": "2015-03",
            "account_age_years": 11,
        }
    }
    assert len(oracle.subject_id(ALICE)) == 64


def test_the_latest_event_stands_and_of_equal_ones_the_later_offset() -> None:
    messages = [
        at(5, 1, nat="NL"),
        at(3, 2, nat="DE"),
        at(4, 3, nat="FR"),
        at(3, 4, nat="ES"),
        at(6, 5, nat="IT"),
    ]
    for seed in range(10):
        shuffled = random.Random(seed).sample(messages * 2, k=10)
        oracle = model()
        oracle.feed_all(shuffled)
        assert only_row(oracle)["nationality"] == "ES"
        assert oracle.users_by_nationality().keys() == {"ES"}


def test_figures_count_those_who_consent_and_by_month_of_birth() -> None:
    oracle = model()
    oracle.feed(at(1, 1, ALICE, dob={"date": "1990-11-30"}))  # 36 from 1 November on
    oracle.feed(at(1, 2, BOB, dob={"date": "1990-12-01"}))  # 35 until 1 December
    assert oracle.users_by_nationality() == {"NL": (2, 35.5)}
    assert oracle.average_age(date(2026, 12, 1)) == (2, 36.0)
    oracle.feed(at(0.5, 3, BOB, dob={"date": "1990-12-01"}, consents=[consent(False)]))
    assert oracle.average_age() == (1, 36.0)
    assert oracle.not_counted() == 1
    assert len(oracle.rows()) == 2
    oracle.feed(at(0.4, 4, ALICE, dob={"date": "1990-11-30"}, consents=...))  # silence withdraws nothing
    assert oracle.average_age() == (1, 36.0)
    oracle.feed(at(0.3, 5, ALICE, consents=[consent(False)]))
    assert oracle.average_age() is None
    assert oracle.users_by_nationality() == {}


def test_contributions_hold_figures_of_those_who_consent() -> None:
    oracle = model()
    oracle.feed(at(1, 1, ALICE))
    oracle.feed(at(1, 2, BOB, consents=[]))
    figures = {
        "nationality": "NL",
        "gender": "female",
        "birth_month": "1990-05",
        "registered_month": "2015-03",
    }
    assert oracle.contributions() == {oracle.subject_id(ALICE): figures, oracle.subject_id(BOB): {}}


def test_a_refused_message_changes_nothing_but_quarantine() -> None:
    oracle = model()
    oracle.feed(at(5, 1, nat="NL"))
    oracle.feed(at(1, 2, nat="XX"))
    oracle.feed(message(b"{", offset=3))
    oracle.feed(message(value=None, offset=4))
    oracle.feed(message(value=None, offset=5, headers=[(HEADER, b"tombstone")]))
    assert only_row(oracle)["nationality"] == "NL"
    assert oracle.quarantine() == {
        "user_profiles:1:2": "bad_nationality",
        "user_profiles:1:3": "not_json",
        "user_profiles:1:4": "producer_deletion",
    }
    assert oracle.quarantine_by_reason() == {"bad_nationality": 1, "not_json": 1, "producer_deletion": 1}


ENDS = {"user_profiles": {"1": 10}, "user_consents": {"1": 0}}


def test_an_erased_subject_is_gone_and_a_replay_brings_nothing_back() -> None:
    oracle = model()
    oracle.feed_all([at(5, 1), at(4, 2, nat="XX"), at(5, 3, BOB)])
    oracle.erase(ALICE, NOW_US - 2 * HOUR_US, ENDS)
    oracle.feed_all([at(5, 1), at(4, 2, nat="XX")])
    assert oracle.rows().keys() == {oracle.subject_id(BOB)}
    assert oracle.users_by_nationality() == {"NL": (1, 36.0)}
    assert oracle.quarantine() == {}
    assert oracle.suppressed() == {"user_profiles:1:1", "user_profiles:1:2"}


LATER = consent(at="2026-11-24T11:00:00Z")


@pytest.mark.parametrize(
    ("hours_ago", "offset", "changes", "returns"),
    [
        (1, 10, {"consents": [LATER]}, True),
        (1, 10, {"registered": {"date": "2026-11-24T11:00:00Z"}}, True),
        (1, 9, {"consents": [LATER]}, False),  # below the end of the topic at the erasure
        (2, 10, {"consents": [LATER]}, False),  # the event is not later than the erasure
        (1, 10, {}, False),  # a dump: later event, no act of the person since
        (1, 10, {"consents": [{**LATER, "granted": False}]}, False),
        (1, 10, {"registered": {"date": "2026-11-24T10:00:00Z"}}, False),
        (1, 10, {"consents": [LATER], "nat": "XX"}, False),
    ],
)
def test_a_return_takes_a_later_event_and_a_later_act_of_the_person(
    hours_ago: float, offset: int, changes: dict[str, Any], returns: bool
) -> None:
    oracle = model()
    oracle.feed(at(5, 1))
    oracle.erase(ALICE, NOW_US - 2 * HOUR_US, ENDS)
    oracle.feed(at(hours_ago, offset, **changes))
    assert bool(oracle.rows()) is returns
    assert oracle.quarantine() == {}


def test_a_second_erasure_raises_the_first() -> None:
    oracle = model()
    oracle.feed(at(1, 10, consents=[LATER]))
    oracle.erase(ALICE, NOW_US - 2 * HOUR_US, ENDS)
    assert len(oracle.rows()) == 1
    oracle.erase(ALICE, NOW_US, {"user_profiles": {"1": 11}})
    oracle.erase(ALICE, NOW_US - 3 * HOUR_US, {"user_profiles": {"1": 5}})
    assert oracle.rows() == {}


def test_a_message_under_an_erased_subjects_key_is_kept_out_too() -> None:
    oracle = model()
    oracle.erase(ALICE, NOW_US, ENDS)
    oracle.feed(message(document(login={"uuid": BOB}), key=ALICE, offset=3))
    assert oracle.quarantine() == {}


def test_a_column_without_a_purpose_that_stands_is_none() -> None:
    oracle = Model(PEPPER, NOW, column_purposes={"gender": {"analytics"}})
    oracle.feed_all([at(1, 1, ALICE), at(1, 2, BOB, consents=[])])
    rows = oracle.rows()
    assert [rows[oracle.subject_id(user)]["gender"] for user in (ALICE, BOB)] == ["female", None]


CHILD = {"dob": {"date": "2014-05-17"}, "registered": {"date": "2026-01-01"}}


def alone(offset: int, granted: bool = True, at: str = "2026-11-01T00:00:00Z", **changes: Any) -> Message:
    return consent_message({"user_id": ALICE, **consent(granted, at, **changes)}, offset=offset)


def test_a_consent_alone_changes_who_is_counted_and_the_state_is_of_everything_said() -> None:
    oracle = model()
    oracle.feed_all([at(2, 1), alone(0, granted=False)])
    assert (oracle.not_counted(), only_row(oracle)["consents"]) == (1, {})
    oracle.feed(at(3, 2, consents=[consent(at="2026-11-02T00:00:00Z", policy_version="2026-01")]))
    assert only_row(oracle)["source_offset"] == 1
    assert only_row(oracle)["consents"] == {"analytics": "2026-01"}
    assert oracle.consent_states() == {
        oracle.subject_id(ALICE): {"analytics": [True, 1_793_577_600_000, "2026-01", False]}
    }


def test_a_consent_message_that_can_not_be_taken_is_quarantined_and_a_tombstone_is_ignored() -> None:
    oracle = model()
    oracle.feed_all([alone(0, purpose="profiling"), alone(1, granted="yes")])
    oracle.feed_all([alone(2)._replace(key=b"?"), alone(3)._replace(value=None)])
    assert oracle.quarantine() == {
        "user_consents:1:0": "unknown_purpose",
        "user_consents:1:1": "bad_consents",
        "user_consents:1:2": "key_mismatch",
    }
    assert oracle.consent_states() == {}


def columns_after(*rounds: list[Message]) -> Any:
    oracle = Model(PEPPER, NOW, column_purposes={"gender": {"analytics"}})
    for number, messages in enumerate(rounds):
        oracle.feed_all(messages, round=number)
    return only_row(oracle)["gender"], oracle.lost_columns()[oracle.subject_id(ALICE)]


def test_what_stands_by_consent_alone_depends_on_the_moment() -> None:
    silent, withdrawal, grant = at(2, 1, consents=[]), alone(0, granted=False), alone(1)
    again = alone(2, at="2026-11-03T00:00:00Z")
    assert columns_after([grant, silent]) == ("female", set())
    assert columns_after([silent], [grant]) == (None, {"gender"})
    assert columns_after([at(2, 1)], [withdrawal]) == (None, {"gender"})
    assert columns_after([at(2, 1)], [withdrawal], [again]) == (None, {"gender"})
    assert columns_after([at(2, 1)], [withdrawal, again]) == (None, {"gender"})
    assert columns_after([at(2, 1)], [withdrawal], [again], [at(1, 2)]) == ("female", set())
    assert columns_after([at(2, 1, consents=[]), at(3, 2)]) == (None, {"gender"})
    assert columns_after([at(3, 1), at(2, 2, consents=[])]) == ("female", set())


def test_a_child_waits_for_a_guardian() -> None:
    guardians = alone(0, by_guardian=True)
    oracle = model()
    oracle.feed(at(3, 1, **CHILD), round=0)
    oracle.feed(guardians, round=1)
    assert oracle.quarantine() == {"user_profiles:1:1": "under_age"}
    assert oracle.rows() == oracle.ended() == {}
    oracle.feed(at(2, 2, **CHILD), round=1)
    assert only_row(oracle)["consents"] == {"analytics": "2026-06"}


def test_a_row_ends_when_the_guardians_consent_does_and_when_its_subject_turns_out_to_be_a_child() -> None:
    withdrawal = alone(1, granted=False, at="2026-11-02T00:00:00Z")
    guardians = {"consents": [consent(by_guardian=True)]}
    oracle = model()
    oracle.feed_all([at(3, 1, **CHILD, **guardians)], round=0)
    oracle.feed_all([withdrawal, at(4, 2)], round=1)
    assert oracle.rows() == {}
    assert oracle.ended() == {oracle.subject_id(ALICE): (NOW_MS - 3 * 3_600_000, 1)}
    assert oracle.quarantine() == {}
    oracle.feed(at(2, 3), round=2)
    oracle.feed(at(1, 4, **CHILD), round=2)
    assert oracle.ended() == {oracle.subject_id(ALICE): (NOW_MS - 3_600_000, 4)}
    assert oracle.quarantine() == {"user_profiles:1:4": "under_age"}
    assert oracle.contributions() == {}
    assert oracle.average_age() is None


def test_of_an_erased_subject_a_later_grant_passes_and_lets_a_profile_return() -> None:
    late = "2026-11-24T11:00:00Z"
    oracle = model()
    oracle.erase(ALICE, NOW_US - 2 * HOUR_US, {"user_profiles": {"1": 2}, "user_consents": {"1": 1}})
    oracle.feed_all([alone(0, at=late), alone(1), alone(2, granted=False, at=late), at(1, 2)], round=0)
    assert len(oracle.suppressed()) == 4
    oracle.feed_all([alone(3, at=late), at(1, 1)], round=1)
    assert oracle.rows() == {}
    assert len(oracle.consent_states()) == 1
    oracle.feed(at(1, 3), round=1)
    assert only_row(oracle)["source_offset"] == 3
    oracle.feed(alone(4, granted=False, at="2026-11-24T11:30:00Z"), round=2)
    assert only_row(oracle)["consents"] == {}
    assert oracle.quarantine() == {}


def test_ages_by_month() -> None:
    assert [age_by_month(date(2000, 5, 31), day) for day in (date(2020, 4, 30), date(2020, 5, 1))] == [19, 20]


# Agreement with lethe's own reading

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text(max_size=10)
)
CLOCK_EDGES = ["2026-11-24T12:05:00Z", "2026-11-24T12:05:00.001Z", "2026-11-24T23:00:00-12:00"]
RETENTION_EDGES = ["2023-10-26T12:00:00Z", "2023-10-26T12:00:00.001Z"]
BIRTH_EDGES = ["1906-11-23", "1906-11-24", "2010-11-24", "2010-11-25", "1990-05-17", "1990-05-17T00:00:60Z"]
CALENDAR_EDGES = [
    "2016-12-31T23:59:60Z",
    "0001-01-01T00:00:00+05:00",
    "9999-12-31T23:59:59-05:00",
    "1990-02-30",
]
ODD_TIMES = ["2026-11-24T12:00:00", "2026-11-24", "2026-01-01t00:00:00.9999z", "x", ""]
TIMES = st.sampled_from([*CLOCK_EDGES, *RETENTION_EDGES, *BIRTH_EDGES, *CALENDAR_EDGES, *ODD_TIMES])
EMAILS = st.emails() | st.text("aé@.-", max_size=12) | st.sampled_from(["a@b.co", "a@1.2", "ü@ü.de"])
CONSENTS = st.lists(
    st.fixed_dictionaries(
        {
            "purpose": st.sampled_from(["analytics", "marketing", 7]),
            "granted": st.sampled_from([True, False, 1]),
        },
        optional={
            "at": TIMES,
            "policy_version": st.sampled_from(["2026-01", "2026-06", "x", None]),
            "by_guardian": st.sampled_from([True, False, None, 0]),
        },
    )
    | SCALARS,
    max_size=3,
)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "event_time": TIMES | SCALARS,
        "email": EMAILS | SCALARS,
        "dob": st.fixed_dictionaries({"date": TIMES | SCALARS}) | SCALARS,
        "registered": st.fixed_dictionaries({"date": TIMES | SCALARS}) | SCALARS,
        "nat": st.sampled_from(["NL", "JP", "nl", "XX"]) | SCALARS,
        "consents": CONSENTS | SCALARS,
        "gender": SCALARS | st.sampled_from(["MALE ", "x"]),
        "location": st.fixed_dictionaries({"city": st.text(max_size=10)}) | SCALARS,
        "login": st.fixed_dictionaries({"uuid": st.sampled_from([ALICE, BOB, ALICE.upper()])}) | SCALARS,
    },
)


def assert_both_read_alike(record: Message) -> None:
    oracle = model()
    oracle.feed(record)
    parsed = parse(record)
    found = check(parsed, record, NOW_MS, RULES) if isinstance(parsed, dict) else parsed
    admission = admit(found, NO_CONSENTS, RULES) if isinstance(found, Profile) else None
    if admission is not None and admission.refusal is not None:
        found = admission.refusal
    if found is None:
        assert oracle.rows() == {}
        assert oracle.quarantine() == {}
    elif isinstance(found, Refusal):
        assert list(oracle.quarantine().values()) == [found.reason.value]
        (reading,) = oracle.readings.values()
        assert reading.user_id == found.user_id
    else:
        assert admission is not None
        row, columns = only_row(oracle), enrich(found)
        assert ms(row["event_time"]) == found.event_ms
        assert row["consents"] == in_force(admission.state.values(), RULES.policy_versions)
        assert list(oracle.consent_states().values()) == [to_document(admission.state)] * bool(
            admission.state
        )
        shared = ["nationality", "gender", "city", "birth_month", "registered_month", "account_age_years"]
        assert {name: row[name] for name in shared} == {name: columns[name] for name in shared}


@CALM
@given(CHANGES)
def test_the_model_and_lethe_read_any_document_alike(changes: dict[str, Any]) -> None:
    assert_both_read_alike(message(document(**changes)))


@CALM
@given(st.binary(max_size=40) | st.none(), st.binary(max_size=4) | st.just(ALICE.encode()))
def test_the_model_and_lethe_read_any_bytes_alike(value: bytes | None, key: bytes) -> None:
    assert_both_read_alike(message(value=value, key=key))


@CALM
@given(
    st.text("0123456789-:.TtZz+ 6", max_size=30)
    | st.from_regex(
        r"\A[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{1,7})?(Z|[+-][0-2][0-9]:[0-6][0-9])\Z"
    )
)
def test_the_model_and_lethe_read_any_time_alike(text: str) -> None:
    found = moment(text)
    assert (None if found is None else ms(found)) == instant_ms(text)
