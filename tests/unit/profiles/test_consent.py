"""Reading consents, and what is in force (design, Consent)."""

from itertools import permutations
from typing import Any

import pytest

from lethe.profiles.consent import NO_CONSENTS, from_document, in_force, merge, read_consents, to_document
from lethe.profiles.contract import AHEAD_MS, MAX_POLICY_VERSION, Consent
from lethe.profiles.times import instant_ms
from tests.unit.profiles.examples import NOW_MS, RULES, consent

KNOWN = frozenset({"2026-01", "2026-06"})


def given(
    at_ms: int,
    granted: bool = True,
    version: str = "2026-06",
    purpose: str = "analytics",
    by_guardian: bool = False,
) -> Consent:
    return Consent(purpose, granted, at_ms, version, by_guardian)


def test_a_consent_is_read_whole() -> None:
    assert read_consents([consent(by_guardian=True)], NOW_MS) == (
        Consent("analytics", True, instant_ms("2026-10-01T00:00:00Z") or 0, "2026-06", True),
    )


@pytest.mark.parametrize("absent", [None, []])
def test_no_list_is_no_consent(absent: Any) -> None:
    assert read_consents(absent, NOW_MS) == ()


@pytest.mark.parametrize(
    "value",
    [
        "yes",
        {},
        True,
        [None],
        ["analytics"],
        [consent(purpose=None)],
        [consent(purpose=["analytics"])],
        [consent(granted="true")],
        [consent(granted=1)],
        [consent(granted=[])],
        [consent(at="2026-10-01")],
        [consent(at=None)],
        [consent(policy_version=None)],
        [consent(policy_version=202606)],
        [consent(policy_version="x" * (MAX_POLICY_VERSION + 1))],
        [consent(granted=False, policy_version="x" * (MAX_POLICY_VERSION + 1))],
        [consent(by_guardian="no")],
        [consent(by_guardian=0)],
        [consent(), {}],
    ],
)
def test_a_malformed_consent_spoils_the_list(value: Any) -> None:
    assert read_consents(value, NOW_MS) is None


def test_a_consent_cannot_be_dated_ahead_of_the_clock() -> None:
    late = consent(at="2026-11-24T12:05:00.000Z")
    assert read_consents([late], NOW_MS) is not None
    assert read_consents([late], NOW_MS - 1) is None
    assert AHEAD_MS == 300_000


def test_a_withdrawal_needs_no_policy_version() -> None:
    withdrawal = {"purpose": "analytics", "granted": False, "at": "2026-10-01T00:00:00Z"}
    assert read_consents([withdrawal], NOW_MS) == (
        Consent("analytics", False, instant_ms("2026-10-01T00:00:00Z") or 0, ""),
    )


@pytest.mark.parametrize(
    ("consents", "expected"),
    [
        ([], {}),
        ([given(1)], {"analytics": "2026-06"}),
        ([given(1), given(2, granted=False)], {}),
        ([given(1, granted=False), given(2)], {"analytics": "2026-06"}),
        ([given(2), given(2, granted=False)], {}),
        ([given(1, version="2026-01"), given(2)], {"analytics": "2026-06"}),
        ([given(1), given(2, version="unheard of")], {}),
        ([given(1), given(2, granted=False, version="")], {}),
        ([given(1, version="2026-01"), given(1, version="2026-06")], {"analytics": "2026-06"}),
        ([given(1, version="2026-01"), given(1, version="zzz")], {"analytics": "2026-01"}),
        ([given(1), given(9, granted=False, purpose="marketing")], {"analytics": "2026-06"}),
    ],
)
def test_the_latest_of_a_purpose_stands_whatever_the_order(
    consents: list[Consent], expected: dict[str, str]
) -> None:
    assert all(in_force(order, KNOWN) == expected for order in permutations(consents))


WITHDRAWN = given(5, granted=False, version="")


@pytest.mark.parametrize(
    ("events", "greatest"),
    [
        ([given(1), given(2)], given(2)),
        ([given(2), WITHDRAWN], WITHDRAWN),
        ([given(5), WITHDRAWN], WITHDRAWN),
        ([given(6), WITHDRAWN], given(6)),
        ([given(5), given(5, version="zzz")], given(5)),
        ([given(5), given(5, version="2026-01")], given(5)),
        ([given(5, version="a"), given(5, version="b")], given(5, version="b")),
        ([given(5), given(5, by_guardian=True)], given(5, by_guardian=True)),
        ([given(6), given(5, by_guardian=True)], given(6)),
        ([given(5, by_guardian=True), given(5, granted=False, version="2026-06")], given(5, granted=False)),
    ],
)
def test_a_state_keeps_the_greatest_event_of_a_purpose_however_they_come(
    events: list[Consent], greatest: Consent
) -> None:
    for order in permutations(events):
        one_by_one = NO_CONSENTS
        for event in order:
            one_by_one, _ = merge(one_by_one, (event,), RULES)
        assert merge(NO_CONSENTS, order, RULES)[0] == one_by_one == {"analytics": greatest}


def test_what_changes_nothing_leaves_the_very_same_state() -> None:
    state, changed = merge(NO_CONSENTS, [given(5), given(3, purpose="marketing")], RULES)
    assert changed
    for events in ([], [given(5)], [given(4, granted=False)], [given(9, purpose="undeclared")]):
        again, changed = merge(state, events, RULES)
        assert again is state
        assert not changed
    assert merge(NO_CONSENTS, [given(9, purpose="undeclared")], RULES) == ({}, False)


def test_a_state_is_not_changed_in_place() -> None:
    state, _ = merge(NO_CONSENTS, [given(5)], RULES)
    later, _ = merge(state, [given(6), given(6, purpose="marketing")], RULES)
    assert state == {"analytics": given(5)}
    assert NO_CONSENTS == {}
    assert later.keys() == {"analytics", "marketing"}


def test_a_state_is_a_small_document_and_comes_back_from_it() -> None:
    state, _ = merge(
        NO_CONSENTS, [given(5, by_guardian=True), WITHDRAWN._replace(purpose="marketing")], RULES
    )
    document = {"analytics": [True, 5, "2026-06", True], "marketing": [False, 5, "", False]}
    assert to_document(state) == document
    assert from_document(document) == state
    assert from_document({}) == NO_CONSENTS


def test_in_force_are_the_grants_of_a_state_for_a_wording_that_is_known() -> None:
    state = {
        "analytics": given(5),
        "marketing": given(5, version="unheard of", purpose="marketing"),
        "account": given(5, granted=False, purpose="account"),
    }
    assert in_force(state.values(), KNOWN) == {"analytics": "2026-06"}
    assert in_force(state.values(), frozenset({"unheard of"})) == {"marketing": "unheard of"}
