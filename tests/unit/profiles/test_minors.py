"""Children are kept out until a guardian consents."""

from typing import Any

import pytest

from lethe.profiles.consent import NO_CONSENTS, ConsentState, in_force, merge
from lethe.profiles.contract import Consent, Profile, Refusal
from lethe.profiles.minors import Admission, admit, has_guardian
from lethe.profiles.reasons import Reason
from lethe.profiles.validation import check, validate
from tests.unit.profiles.examples import ALICE, NOW_MS, RULES, consent, document, message

CHILD = {"dob": {"date": "2014-05-17"}, "registered": {"date": "2026-01-01"}}
OLD = "2020-01-01T00:00:00Z"
GUARDIANS = consent(by_guardian=True)
KNOWN = RULES.policy_versions


def read(**changes: Any) -> Profile:
    body = document(**changes)
    found = check(body, message(body), NOW_MS, RULES)
    assert isinstance(found, Profile)
    return found


def event(at_ms: int = 1, purpose: str = "marketing", granted: bool = True, guardian: bool = True) -> Consent:
    return Consent(purpose, granted, at_ms, "2026-06", guardian)


def state_of(*events: Consent) -> ConsentState:
    return merge(NO_CONSENTS, events, RULES)[0]


def test_who_is_under_age_is_marked_and_without_a_look_at_consents_refused() -> None:
    body = document(**CHILD)
    assert read(**CHILD).under_age
    assert not read().under_age
    assert validate(body, message(body), NOW_MS, RULES) == Refusal(Reason.UNDER_AGE, ALICE)


def test_who_breaks_another_rule_too_is_refused_at_once_whatever_a_guardian_says() -> None:
    body = document(**CHILD, event_time=OLD, consents=[GUARDIANS])
    assert check(body, message(body), NOW_MS, RULES) == Refusal(Reason.UNDER_AGE, ALICE)
    body = document(**CHILD, nat="XX", consents=[GUARDIANS])
    assert check(body, message(body), NOW_MS, RULES) == Refusal(Reason.BAD_NATIONALITY, ALICE)


def test_who_is_of_age_is_admitted_and_heard() -> None:
    admission = admit(read(), NO_CONSENTS, RULES)
    assert in_force(admission.state.values(), KNOWN) == {"analytics": "2026-06"}
    assert admission == Admission(admission.state, True, None)
    assert admit(read(), admission.state, RULES) == (admission.state, False, None)


@pytest.mark.parametrize(
    ("said", "held", "admitted"),
    [
        ([], [], False),
        ([consent()], [], False),
        ([GUARDIANS], [], True),
        ([], [event()], True),
        ([consent()], [event()], True),
        ([consent(by_guardian=True, policy_version="unheard of")], [], False),
        ([consent(by_guardian=True, granted=False)], [], False),
        ([consent(by_guardian=True, purpose="profiling")], [], False),
        ([consent(by_guardian=True, purpose="account")], [], True),
        ([consent(granted=False, purpose="marketing")], [event()], False),
        ([consent(granted=False, purpose="marketing", at=OLD)], [event(NOW_MS)], True),
        ([consent(purpose="marketing")], [event()], False),  # the child's own takes the guardian's place
        ([GUARDIANS], [event(NOW_MS, "analytics", granted=False)], False),
        ([], [event(guardian=False)], False),
    ],
)
def test_a_child_is_admitted_while_a_guardians_consent_is_in_force(
    said: list[dict[str, Any]], held: list[Consent], admitted: bool
) -> None:
    admission = admit(read(**CHILD, consents=said), state_of(*held), RULES)
    assert admission.refusal == (None if admitted else Refusal(Reason.UNDER_AGE, ALICE))
    if admitted:
        assert has_guardian(admission.state, KNOWN)


def test_what_a_refused_child_says_of_consents_is_heard() -> None:
    said = [consent(), consent(granted=False, purpose="marketing")]
    admission = admit(read(**CHILD, consents=said), state_of(event()), RULES)
    assert admission.refusal is not None
    assert admission.changed
    assert in_force(admission.state.values(), KNOWN) == {"analytics": "2026-06"}
