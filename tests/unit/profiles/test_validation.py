"""Every rule, its reason, and the order in which they are checked."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lethe.profiles.contract import Consent, Document, Profile, Refusal
from lethe.profiles.enrichment import enrich
from lethe.profiles.parsing import parse
from lethe.profiles.reasons import Reason
from lethe.profiles.rules import DAY_MS, Rules
from lethe.profiles.validation import is_email, validate
from tests.unit.profiles.examples import ALICE, CALM, NOW, NOW_MS, RULES, consent, document, message

TODAY = NOW.date()
OLDEST = (NOW - timedelta(days=RULES.reach_ms // DAY_MS if RULES.reach_ms else 0)).strftime(
    "%Y-%m-%dT%H:%M:%SZ"
)

# One change a reason that breaks it; a message broken in two ways shows the first.
BREAKS: dict[Reason, dict[str, Any]] = {
    Reason.BAD_LOGIN_UUID: {"login": {"uuid": "zoe"}},
    Reason.BAD_EVENT_TIME: {"event_time": "yesterday"},
    Reason.EVENT_TIME_AHEAD: {"event_time": "2026-11-24T12:05:00.001Z"},
    Reason.BAD_EMAIL: {"email": "zoe at example.org"},
    Reason.BAD_BIRTH_DATE: {"dob": {"date": "17-05-1990"}},
    Reason.BIRTH_IN_FUTURE: {"dob": {"date": "2026-11-25"}},
    Reason.BIRTH_OVER_120_YEARS: {"dob": {"date": "1906-11-23"}},
    Reason.BAD_REGISTERED_DATE: {"registered": {"date": 2015}},
    Reason.REGISTERED_IN_FUTURE: {"registered": {"date": "2026-11-25"}},
    Reason.REGISTERED_BEFORE_BIRTH: {"registered": {"date": "1990-05-16"}},
    Reason.BAD_NATIONALITY: {"nat": "XX"},
    Reason.BAD_CONSENTS: {"consents": [consent(granted="yes")]},
    Reason.UNDER_AGE: {"dob": {"date": "2010-11-25"}},
    Reason.PAST_RETENTION: {"event_time": OLDEST},
}


def check(body: Document, rules: Rules = RULES, **changes: Any) -> Profile | Refusal:
    return validate(body, message(body, **changes), NOW_MS, rules)


def reason(**changes: Any) -> Reason | None:
    found = check(document(**changes))
    return found.reason if isinstance(found, Refusal) else None


def test_a_valid_message_is_a_profile_with_its_place() -> None:
    assert check(document()) == Profile(
        user_id=ALICE,
        event_ms=NOW_MS - 2 * 3_600_000 + 123,
        partition=1,
        offset=7,
        birth_date=date(1990, 5, 17),
        registered_ms=1_425_283_200_000,
        nationality="NL",
        consents=(Consent("analytics", True, 1_790_812_800_000, "2026-06"),),
        document=document(),
    )


@pytest.mark.parametrize("broken", BREAKS)
def test_each_rule_has_its_reason(broken: Reason) -> None:
    assert reason(**BREAKS[broken]) is broken


@pytest.mark.parametrize("broken", [broken for broken in BREAKS if broken is not Reason.BAD_LOGIN_UUID])
def test_a_refusal_names_the_subject(broken: Reason) -> None:
    assert check(document(**BREAKS[broken])) == Refusal(broken, ALICE)


@pytest.mark.parametrize("first", BREAKS)
def test_the_first_broken_rule_stands(first: Reason) -> None:
    order = list(Reason)
    for second, changes in BREAKS.items():
        if order.index(second) > order.index(first) and not BREAKS[first].keys() & changes.keys():
            assert reason(**changes | BREAKS[first]) is first, second


def test_every_reason_is_either_here_or_of_parsing_or_of_a_consent_message() -> None:
    of_parsing = {"too_large", "producer_deletion", "not_json", "not_an_object", "key_mismatch"}
    assert set(Reason) == set(BREAKS) | of_parsing | {"unknown_purpose"}


def test_without_an_event_time_kafkas_counts_by_the_same_rules() -> None:
    found = check(document(event_time=...), timestamp_ms=NOW_MS - 5)
    assert isinstance(found, Profile)
    assert found.event_ms == NOW_MS - 5
    assert check(document(event_time=None), timestamp_ms=NOW_MS - 5) is not None
    ahead = check(document(event_time=...), timestamp_ms=NOW_MS + 300_001)
    assert ahead == Refusal(Reason.EVENT_TIME_AHEAD, ALICE)
    timeless = check(document(event_time=...), timestamp_ms=-1)
    assert timeless == Refusal(Reason.BAD_EVENT_TIME, ALICE)


@pytest.mark.parametrize(
    "changes",
    [
        {"event_time": "2026-11-24T12:05:00.000Z"},
        {"dob": {"date": "1906-11-24"}},
        {"dob": {"date": "2010-11-24"}, "registered": {"date": "2020-01-01"}},
        {"registered": {"date": "1990-05-17"}},
        {"registered": {"date": "2026-11-24T12:05:00Z"}},
        {"registered": {"date": "1965-01-01T00:00:00Z"}, "dob": {"date": "1940-01-01"}},
        {"consents": ...},
        {"consents": None},
        {"name": 7, "location": [], "gender": {}, "phone": False, "id": "x", "cell": []},
    ],
)
def test_what_lies_on_the_edge_or_is_optional_is_accepted(changes: dict[str, Any]) -> None:
    assert reason(**changes) is None


@pytest.mark.parametrize("missing", ["email", "dob", "registered", "nat"])
def test_a_missing_field_is_a_malformed_one(missing: str) -> None:
    expected = {"email": "bad_email", "dob": "bad_birth_date", "registered": "bad_registered_date"}
    assert reason(**{missing: ...}) == expected.get(missing, "bad_nationality")
    assert reason(**{missing: None}) == expected.get(missing, "bad_nationality")


@pytest.mark.parametrize("code", ["nl", "UK", "XK", "NLD", "", "N", 528, ["NL"], {"NL": 1}, "ＮＬ"])
def test_a_nationality_is_an_assigned_alpha_2_code(code: Any) -> None:
    assert reason(nat=code) is Reason.BAD_NATIONALITY


def test_the_minimum_age_is_the_registers_and_by_the_exact_birthday() -> None:
    young = document(dob={"date": "2012-11-24"}, registered={"date": "2020-01-01"})
    at_14 = Rules(14, RULES.purposes, RULES.policy_versions, 1095, RULES.known_paths)
    at_15 = Rules(15, RULES.purposes, RULES.policy_versions, 1095, RULES.known_paths)
    assert isinstance(check(young, at_14), Profile)
    assert check(young, at_15) == Refusal(Reason.UNDER_AGE, ALICE)


def test_one_born_on_29_february_comes_of_age_on_1_march() -> None:
    body = document(
        dob={"date": "2008-02-29"}, registered={"date": "2020-01-01"}, event_time=..., consents=[]
    )
    day = 86_400_000
    last_of_february_2026 = NOW_MS - (NOW - NOW.replace(month=2, day=28)).days * day
    rules = Rules(18, RULES.purposes, RULES.policy_versions, 1095, RULES.known_paths)
    at = message(body, timestamp_ms=0)._replace(timestamp_ms=last_of_february_2026)
    assert validate(body, at, last_of_february_2026, rules) == Refusal(Reason.UNDER_AGE, ALICE)
    assert isinstance(validate(body, at, last_of_february_2026 + day, rules), Profile)


def test_without_a_period_nothing_is_too_old() -> None:
    rules = Rules(16, RULES.purposes, RULES.policy_versions, None, RULES.known_paths)
    assert isinstance(check(document(event_time="1999-01-01T00:00:00Z"), rules), Profile)


@pytest.mark.parametrize(
    "address",
    [
        "a@b.co",
        "first.last+tag@sub.example.museum",
        "o'hara_%x@ex-ample.org",
        "δοκιμή@παράδειγμα.ελ",
        "用户@例子.广告",
        "संपर्क@डाटामेल.भारत",
        "A" * 64 + "@example.org",
    ],
)
def test_addresses_that_mail_reaches_are_accepted(address: str) -> None:
    assert is_email(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "@b.co",
        "a@",
        "a@b",
        "a@@b.co",
        "a@b@c.co",
        ".a@b.co",
        "a.@b.co",
        "a..b@c.co",
        "a b@c.co",
        " a@b.co",
        "a@b.co\n",
        "a@-b.co",
        "a@b-.co",
        "a@b..co",
        "a@.co",
        "a@1.2.3.4",
        "a@[1.2.3.4]",
        '"a b"@c.co',
        "a@b.co,d@e.co",
        "A" * 65 + "@example.org",
        "a@" + "b" * 64 + ".co",
        "a@" + "b." * 130 + "co",
        "a\u202e@b.co",
        "a@b\u3000c.co",
        "a\ud800@b.co",
        None,
        7,
        ["a@b.co"],
    ],
)
def test_other_texts_are_no_address(address: object) -> None:
    assert not is_email(address)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PLACES = [(name,) for name in document()] + [
    ("dob", "date"),
    ("registered", "date"),
    ("login", "uuid"),
    ("location", "city"),
    ("location", "postcode"),
    ("location", "street"),
    ("name", "first"),
    ("id", "value"),
]


@CALM
@given(st.lists(st.tuples(st.sampled_from(PLACES), JSON), max_size=4))
def test_no_object_makes_validation_or_enrichment_raise(changes: list[tuple[tuple[str, ...], Any]]) -> None:
    body = document()
    for path, value in changes:
        inner = body
        for name in path[:-1]:
            inner = inner.setdefault(name, {}) if isinstance(inner, dict) else {}
        if isinstance(inner, dict):
            inner[path[-1]] = value
    found = check(body)
    assert isinstance(found, Profile | Refusal)
    if isinstance(found, Profile):
        enrich(found)


@CALM
@given(st.binary(max_size=200))
def test_any_bytes_give_a_profile_or_a_refusal(value: bytes) -> None:
    found = parse(message(value=value))
    if isinstance(found, dict):
        assert isinstance(check(found), Profile | Refusal)
