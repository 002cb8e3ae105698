"""A store that was not asked, something left, a check that proves nothing: none of them gives a certificate."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lethe.errors import CertificateError
from lethe.requests.certificate import compose, conditions, plan
from lethe.requests.certificate.facts import Facts, Outcome, RecipientFacts, StoreFacts
from lethe.requests.certificate.plan import Treatment
from tests.unit.requests.certificate.examples import AT, REGISTER, TOPICS, facts, ref, with_store

WHOLE = facts()
PROFILES = "cassandra.profiles"


def unmet(found: Facts) -> list[str]:
    return conditions.unmet(found, REGISTER)


def test_a_complete_erasure_may_be_certified() -> None:
    assert unmet(WHOLE) == []


@pytest.mark.parametrize("store", [store.store for store in WHOLE.stores])
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"found": None}, "not asked"),
        ({"left": None}, "not asked"),
        ({"left": 1}, "something is left"),
        ({"left": -1}, "something is left"),
        ({"check_after": "other"}, "another check"),
        ({"found": 0, "canary": False}, "nothing that shows"),
    ],
)
def test_every_store_must_have_answered_well(store: str, changes: dict[str, object], why: str) -> None:
    (reason, *_) = [each for each in unmet(with_store(WHOLE, store, **changes)) if each.startswith(store)]
    assert why in reason


@pytest.mark.parametrize("store", [store.store for store in WHOLE.stores])
def test_a_store_of_the_register_that_nobody_tells_of_was_not_asked(store: str) -> None:
    left = tuple(each for each in WHOLE.stores if each.store != store)
    assert f"{store}: not asked" in unmet(replace(WHOLE, stores=left))


@pytest.mark.parametrize("topic", [topic.store for topic in WHOLE.topics])
def test_a_topic_without_its_tombstone_is_told(topic: str) -> None:
    without = tuple(each for each in WHOLE.topics if each.store != topic)
    assert unmet(replace(WHOLE, topics=without)) == [f"{topic}: no tombstone"]
    empty = tuple(replace(each, tombstones={}) if each.store == topic else each for each in WHOLE.topics)
    assert unmet(replace(WHOLE, topics=empty)) == [f"{topic}: no tombstone"]


def test_a_check_that_found_the_subject_needs_no_canary() -> None:
    assert unmet(with_store(WHOLE, PROFILES, canary=False)) == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"derivable_after": True}, "can still be derived"),
        ({"derivable_after": None}, "not tried"),
        ({"derivable_before": None}, "not tried"),
        ({"derivable_before": False}, "nothing that shows"),
        ({"punctured_at": AT + timedelta(hours=1)}, "punctured after it was verified"),
        ({"older_destroyed_at": AT + timedelta(hours=1)}, "destroyed after it was verified"),
        ({"punctured_at": AT.replace(tzinfo=None)}, "without its zone"),
    ],
)
def test_the_key_must_be_seen_to_be_gone(changes: dict[str, object], why: str) -> None:
    (reason,) = unmet(replace(WHOLE, key=replace(WHOLE.key, **changes)))  # type: ignore[arg-type]
    assert reason.startswith("key: ")
    assert why in reason


def test_a_canary_key_shows_that_the_check_of_keys_can_derive_one() -> None:
    assert unmet(replace(WHOLE, key=replace(WHOLE.key, derivable_before=False, canary=True))) == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"verified_at": None}, "not verified"),
        ({"kind": "access"}, "kind"),
        ({"verified_at": AT - timedelta(hours=1)}, "out of order"),
        ({"decided_at": AT - timedelta(days=9)}, "out of order"),
        ({"received_at": datetime(2026, 11, 1)}, "without its zone"),  # noqa: DTZ001
    ],
)
def test_the_case_must_be_decided_erased_and_verified(changes: dict[str, object], why: str) -> None:
    found = unmet(replace(WHOLE, case=replace(WHOLE.case, **changes)))  # type: ignore[arg-type]
    assert any(why in reason for reason in found)


def test_where_nothing_was_held_there_is_no_certificate() -> None:
    """What a topic holds, or Airflow of the request itself, is not counted."""
    request = StoreFacts("airflow.metadata", "search", 1, "search", 0)
    nothing = with_store(WHOLE, PROFILES, found=0)
    for found in (nothing, replace(nothing, stores=(*nothing.stores, request))):
        assert unmet(found) == ["subjects: nothing was held in any store"]


def test_subjects_are_each_told_once_and_one_was_erased() -> None:
    (first,) = WHOLE.subjects
    assert unmet(replace(WHOLE, subjects=(first, first))) == ["subjects: one stands there twice"]
    nothing = replace(first, outcome=Outcome.NOTHING_HELD)
    assert unmet(replace(WHOLE, subjects=(nothing,))) == ["subjects: nobody was erased"]


@pytest.mark.parametrize(
    "changed",
    [
        replace(WHOLE, stores=(*WHOLE.stores, StoreFacts("mongodb.other", "read", 1, "read", 0))),
        replace(WHOLE, stores=(*WHOLE.stores, WHOLE.stores[0])),
        replace(WHOLE, progress=replace(WHOLE.progress, recipients=(RecipientFacts("nobody", "post"),))),
    ],
)
def test_names_are_those_of_the_register_each_once(changed: Facts) -> None:
    assert len(unmet(changed)) == 1


ANSWERS = st.builds(
    StoreFacts,
    store=st.sampled_from([*plan.stores(REGISTER, Treatment.ERASED), "airflow.metadata"]),
    check_before=st.sampled_from(["read", "search"]),
    found=st.none() | st.integers(-1, 2),
    check_after=st.sampled_from(["read", "search"]),
    left=st.none() | st.integers(-1, 2),
    canary=st.booleans(),
)


@settings(deadline=None)
@given(answers=st.lists(ANSWERS, max_size=7, unique_by=lambda answer: answer.store))
def test_only_what_every_check_has_shown_is_certified(answers: list[StoreFacts]) -> None:
    """Whatever the stores answer: a certificate comes only of all of them, proved, empty, and not empty before."""
    emptied = set(plan.stores(REGISTER, Treatment.ERASED))
    found = replace(WHOLE, stores=tuple(answers))
    is_shown = (
        emptied <= {each.store for each in answers}
        and all(each.found is not None and each.left == 0 and each.found >= 0 for each in answers)
        and all(each.check_before == each.check_after for each in answers)
        and all(each.canary or each.found for each in answers)
        and any(each.found for each in answers if each.store in emptied)
    )
    if is_shown:
        assert compose.first(found, REGISTER, TOPICS, AT).revision == 1
    else:
        with pytest.raises(CertificateError, match="can't be issued"):
            compose.first(found, REGISTER, TOPICS, AT)


@settings(deadline=None)
@given(number=st.integers(0, len(WHOLE.stores) - 1), answer=ANSWERS)
def test_one_answer_that_is_wrong_is_enough(number: int, answer: StoreFacts) -> None:
    wrong = replace(answer, store=WHOLE.stores[number].store)
    changed = tuple(wrong if at == number else each for at, each in enumerate(WHOLE.stores))
    is_well = wrong.left == 0 and wrong.check_before == wrong.check_after
    if not (is_well and wrong.found is not None and wrong.found >= 0 and (wrong.found or wrong.canary)):
        with pytest.raises(CertificateError, match=wrong.store):
            compose.first(replace(WHOLE, stores=changed), REGISTER, TOPICS, AT)


def test_a_reference_that_is_none_is_refused_without_being_repeated() -> None:
    name = "7f3a9c02-d4e6-4b1f-8a5d-0c3be9716a42"
    with pytest.raises(CertificateError, match="audit_ref") as caught:
        compose.first(
            replace(WHOLE, subjects=(replace(WHOLE.subjects[0], audit_ref=name),)), REGISTER, TOPICS, AT
        )
    assert name not in str(caught.value)
    assert ref(0) not in str(caught.value)
