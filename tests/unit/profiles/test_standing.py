"""What stands after a batch: worked examples. `test_standing_as_modelled` compares any history with the model."""

from typing import Any

from lethe.profiles.contract import Consent, Profile
from lethe.profiles.reasons import Reason
from lethe.profiles.standing import Held, Settled, settle
from lethe.profiles.validation import check
from tests.unit.profiles.examples import NOW_MS, RULES, consent, document, message

HOUR_MS = 3_600_000
CHILD = {"dob": {"date": "2014-05-17"}, "registered": {"date": "2026-01-01"}}
GRANT = Consent("analytics", True, NOW_MS - HOUR_MS, "2026-06")
WITHDRAWAL = Consent("analytics", False, NOW_MS - HOUR_MS + 1, "")
GUARDIANS = GRANT._replace(by_guardian=True)


def profile(offset: int = 1, **changes: Any) -> Profile:
    body = document(**{"consents": []} | changes)
    found = check(body, message(body, offset=offset), NOW_MS, RULES)
    assert isinstance(found, Profile)
    return found._replace(event_ms=NOW_MS - 10_000 + offset)


def after(held: Held, *messages: Consent | Profile, erased_at: int | None = None) -> Settled:
    said = [each for each in messages if isinstance(each, Consent)]
    profiles = [each for each in messages if isinstance(each, Profile)]
    return settle(held, said, profiles, RULES, erased_at=erased_at)


NOBODY = Held()
ANALYTICS = frozenset({"analytics"})


def test_a_batchs_consents_come_before_its_profiles() -> None:
    settled = after(NOBODY, profile(), GRANT)
    assert settled.profile == profile()
    assert settled.in_force == {"analytics": "2026-06"}
    assert settled.keeps(ANALYTICS)


def test_a_consent_without_a_profile_waits_for_one() -> None:
    waiting = after(NOBODY, GRANT)
    assert waiting.held == Held({"analytics": GRANT})
    assert waiting.profile is None
    assert after(waiting.held, profile()).keeps(ANALYTICS)


def test_a_late_grant_is_in_force_and_brings_no_column_back() -> None:
    stored = after(NOBODY, profile())
    assert not stored.keeps(ANALYTICS)
    granted = after(stored.held, GRANT)
    assert granted.in_force == {"analytics": "2026-06"}
    assert granted.held.stands
    assert granted.profile is None
    in_one_batch = after(NOBODY, profile(2), profile(1, consents=[consent()]))
    assert in_one_batch.in_force == {"analytics": "2026-06"}
    assert not in_one_batch.keeps(ANALYTICS)


def test_a_withdrawal_takes_columns_away_until_the_next_profile_after_a_grant() -> None:
    stored = after(NOBODY, GRANT, profile())
    withdrawn = after(stored.held, WITHDRAWAL)
    assert withdrawn.held.stands
    assert not withdrawn.keeps(ANALYTICS)
    assert withdrawn.keeps(frozenset()) is False
    again = after(withdrawn.held, WITHDRAWAL._replace(granted=True, at_ms=NOW_MS, policy_version="2026-01"))
    assert again.in_force == {"analytics": "2026-01"}
    assert after(again.held, profile(2)).keeps(ANALYTICS)


def test_a_column_stands_while_one_of_its_purposes_does() -> None:
    both = frozenset({"analytics", "marketing"})
    stored = after(NOBODY, GRANT, GRANT._replace(purpose="marketing"), profile())
    assert after(stored.held, WITHDRAWAL).keeps(both)
    assert not after(stored.held, WITHDRAWAL, WITHDRAWAL._replace(purpose="marketing")).keeps(both)


def test_the_consents_of_a_superseded_profile_count() -> None:
    settled = after(after(NOBODY, profile(5)).held, profile(1, consents=[consent()]))
    assert settled.held.position == (NOW_MS - 9_995, 5)
    assert (settled.profile, settled.superseded) == (None, 1)
    assert settled.in_force == {"analytics": "2026-06"}


def test_of_several_profiles_in_a_batch_the_latest_is_written() -> None:
    settled = after(NOBODY, profile(1), profile(3), profile(2))
    assert settled.profile == profile(3)
    assert settled.superseded == 2


def test_a_child_is_refused_and_ends_what_stood() -> None:
    refused = after(NOBODY, profile(1, **CHILD))
    assert (refused.held, refused.profile) == (NOBODY, None)
    assert [(each.offset, why.reason) for each, why in refused.refused] == [(1, Reason.UNDER_AGE)]
    ended = after(after(NOBODY, profile(1)).held, profile(2, **CHILD))
    assert ended.held == Held({}, (NOW_MS - 9_998, 2))
    assert len(ended.refused) == 1
    assert after(ended.held, profile(1)).held == ended.held
    assert after(ended.held, profile(3)).held.stands


def test_an_older_profile_of_a_child_is_superseded_like_any_other() -> None:
    stored = after(NOBODY, profile(3))
    settled = after(stored.held, profile(2, **CHILD))
    assert settled.held == stored.held
    assert (settled.refused, settled.superseded) == ([], 1)


def test_a_childs_row_rests_on_the_guardians_consent() -> None:
    stored = after(NOBODY, GUARDIANS, profile(1, **CHILD))
    assert stored.held.minor
    ended = after(stored.held, WITHDRAWAL)
    assert ended.held == Held({"analytics": WITHDRAWAL}, (NOW_MS - 9_999, 1))
    back = after(ended.held, GUARDIANS._replace(at_ms=NOW_MS))
    assert not back.held.stands
    assert not after(back.held, profile(1, **CHILD)).held.stands
    assert after(back.held, profile(2, **CHILD)).held.stands


def test_who_comes_of_age_rests_on_no_guardian() -> None:
    child = after(NOBODY, GUARDIANS, profile(1, **CHILD))
    grown = after(child.held, profile(2))
    assert not grown.held.minor
    assert after(grown.held, WITHDRAWAL).held.stands


def test_another_purpose_of_the_guardians_keeps_a_childs_row() -> None:
    stored = after(NOBODY, GUARDIANS, GUARDIANS._replace(purpose="marketing"), profile(1, **CHILD))
    assert after(stored.held, WITHDRAWAL).held.stands


def test_of_an_erased_subject_only_a_return_is_taken() -> None:
    erased_at = (NOW_MS - 20_000) * 1000
    dump = after(NOBODY, profile(), erased_at=erased_at)
    assert (dump.held, dump.suppressed) == (NOBODY, 1)
    late = GRANT._replace(at_ms=NOW_MS - 15_000)
    assert after(NOBODY, GRANT, WITHDRAWAL, profile(), erased_at=erased_at).suppressed == 3
    back = after(NOBODY, late, profile(), erased_at=erased_at)
    assert back.held.stands
    assert back.suppressed == 0
    withdrawn = after(back.held, WITHDRAWAL._replace(at_ms=NOW_MS - 14_000), erased_at=erased_at)
    assert withdrawn.in_force == {}
    child = after(back.held, profile(3, **CHILD), erased_at=erased_at)
    assert (child.refused, child.suppressed) == ([], 1)
    assert not child.held.stands


def test_a_repeated_batch_says_again_what_the_row_does_not_keep() -> None:
    stored = after(NOBODY, GRANT, profile())
    once = after(stored.held, WITHDRAWAL)
    again = after(once.held, WITHDRAWAL)
    assert again.held == once.held
    assert not again.keeps(ANALYTICS)
    rewritten = after(stored.held, GRANT, profile())
    assert (rewritten.profile, rewritten.held) == (profile(), stored.held)
