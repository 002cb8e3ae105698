"""What of an erased subject passes: an act of their own that is later than the erasure."""

from typing import Any

import pytest

from lethe.profiles.consent import NO_CONSENTS, ConsentState
from lethe.profiles.contract import Consent, Profile
from lethe.profiles.returns import consent_passes, is_below, last_act_ms, profile_passes
from lethe.profiles.times import instant_ms
from lethe.profiles.validation import check
from tests.unit.profiles.examples import NOW_MS, RULES, consent, document, message

ERASED_MS = NOW_MS - 10_000
ERASED_AT = ERASED_MS * 1000  # µs
LATER = "2026-11-24T11:59:55Z"


def event(seconds: float, granted: bool = True, purpose: str = "analytics") -> Consent:
    """So many seconds after the erasure."""
    return Consent(purpose, granted, ERASED_MS + round(seconds * 1000), "2026-06")


def profile(**changes: Any) -> Profile:
    body = document(**{"event_time": LATER} | changes)
    found = check(body, message(body), NOW_MS, RULES)
    assert isinstance(found, Profile)
    return found


def test_below_the_end_that_the_partition_had_is_below() -> None:
    ends = {"user_consents": {"1": 10}}
    assert is_below(ends, "user_consents", 1, 9)
    assert not is_below(ends, "user_consents", 1, 10)
    assert not is_below(ends, "user_consents", 2, 0)
    assert not is_below(ends, "user_profiles", 1, 0)


@pytest.mark.parametrize(
    ("said", "held", "passes"),
    [
        (event(0.001), None, True),
        (event(0), None, False),
        (event(-1), None, False),
        (event(1, granted=False), None, False),
        (event(2, granted=False), event(1), True),
        (event(2, granted=False), event(1, granted=False), False),
        (event(2, granted=False), event(1, purpose="marketing"), False),
        (event(-1, granted=False), event(-2), False),
    ],
)
def test_a_consent_passes_where_it_is_a_later_grant_or_a_later_end_of_one_held(
    said: Consent, held: Consent | None, passes: bool
) -> None:
    state = {held.purpose: held} if held else NO_CONSENTS
    assert consent_passes(said, ERASED_AT, state) is passes


@pytest.mark.parametrize(
    ("changes", "state", "passes"),
    [
        ({}, {}, False),
        ({"consents": [consent(at=LATER)]}, {}, True),
        ({"consents": [consent(False, at=LATER)]}, {}, False),
        ({"registered": {"date": LATER}}, {}, True),
        ({}, {"analytics": event(1)}, True),
        ({}, {"analytics": event(1, granted=False)}, False),
        ({}, {"analytics": event(-1)}, False),
        ({"event_time": "2026-11-24T11:59:50Z"}, {"analytics": event(1)}, False),
    ],
)
def test_a_profile_passes_with_a_later_act_of_its_own_or_one_that_is_held(
    changes: dict[str, Any], state: ConsentState, passes: bool
) -> None:
    assert profile_passes(profile(**changes), ERASED_AT, state) is passes


def test_the_last_act_is_the_latest_grant_or_the_registration() -> None:
    assert last_act_ms(profile(consents=[]), NO_CONSENTS) == instant_ms("2015-03-02T08:00:00.000Z")
    state = {"analytics": event(1), "marketing": event(2, granted=False, purpose="marketing")}
    assert last_act_ms(profile(), state) == ERASED_MS + 1000
    assert last_act_ms(profile(consents=[consent(at=LATER)]), state) == instant_ms(LATER)
