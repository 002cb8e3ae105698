"""Levels are reached by evidence or by time, with the last of their parts, and never taken back."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lethe.register.terms import System
from lethe.requests.certificate.facts import BytesFacts, Progress
from lethe.requests.certificate.levels import advanced, gone_from_topic, levels
from lethe.requests.certificate.model import Level, State
from tests.unit.requests.certificate.examples import AT, REGISTER, TOPICS, all_bytes_gone, facts

FACTS = facts()
VERIFIED = FACTS.case.verified_at
DESTROYED = FACTS.key.older_destroyed_at
KEPT = timedelta(days=30)
LATER = AT + timedelta(days=400)


def at(now: datetime, progress: Progress | None = None) -> dict[str, Level]:
    found = levels(replace(FACTS, progress=progress or Progress()), REGISTER, TOPICS, now)
    return {level.level: level for level in found}


def test_a_verified_erasure_has_l1_and_l2() -> None:
    found = at(AT)
    assert [level.state for level in found.values()] == [
        State.REACHED,
        State.REACHED,
        State.PENDING,
        State.PENDING,
    ]
    assert found["L1"].at == found["L2"].at == VERIFIED


def test_what_is_not_verified_has_no_levels() -> None:
    with pytest.raises(ValueError, match="not verified"):
        levels(replace(FACTS, case=replace(FACTS.case, verified_at=None)), REGISTER, TOPICS, AT)


def test_l3_is_reached_when_backups_of_the_keys_must_be_gone() -> None:
    assert at(DESTROYED + KEPT - timedelta(seconds=1))["L3"].latest == DESTROYED + KEPT
    found = at(DESTROYED + KEPT)["L3"]
    assert (found.state, found.at) == (State.REACHED, DESTROYED + KEPT)


def test_l3_is_reached_earlier_where_the_backups_were_seen_to_be_replaced() -> None:
    seen = AT + timedelta(days=2)
    found = at(seen, Progress(older_replaced_at=seen))["L3"]
    assert (found.state, found.at) == (State.REACHED, seen)
    assert at(seen - timedelta(days=1), Progress(older_replaced_at=seen))["L3"].state is State.PENDING


def test_l4_waits_for_each_system_that_held_something() -> None:
    found = at(AT)["L4"]
    assert [part.system for part in found.parts] == [System.KAFKA, System.CASSANDRA, System.MONGODB]
    assert all(part.waits_for and part.earliest for part in found.parts)


def test_kafka_is_free_of_it_by_its_own_settings() -> None:
    kafka = at(AT)["L4"].parts[0]
    assert kafka.earliest == AT + timedelta(milliseconds=TOPICS.segment_ms)
    assert kafka.latest == gone_from_topic(AT, TOPICS) == AT + timedelta(days=7, hours=1, minutes=6)


@pytest.mark.parametrize("order", list(permutations([System.KAFKA, System.CASSANDRA, System.MONGODB])))
def test_l4_is_reached_with_the_last_of_its_parts(order: tuple[System, ...]) -> None:
    found = tuple(at(AT).values())
    for day, system in enumerate(order, start=1):
        assert found[3].state is State.PENDING
        gone = BytesFacts(AT + timedelta(days=day), "raw_search")
        found = advanced(found, Progress(bytes_gone={system: gone}), LATER - KEPT)
    assert (found[3].state, found[3].at) == (State.REACHED, AT + timedelta(days=3))


def test_the_next_purge_is_what_files_wait_for() -> None:
    purge = AT + timedelta(days=5)
    kafka, *others = at(AT, Progress(next_purge_at=purge))["L4"].parts
    assert {part.earliest for part in others} == {purge}
    assert kafka.earliest != purge
    assert at(AT, Progress(next_purge_at=purge))["L4"].earliest == purge


@given(
    days=st.lists(st.integers(0, 60), min_size=1, max_size=4),
    told=st.lists(st.booleans(), min_size=4, max_size=4),
)
def test_what_is_reached_stays_as_it_was(days: list[int], told: list[bool]) -> None:
    """Whatever is told later, also with an older clock."""
    found = tuple(at(AT).values())
    for day, is_told in zip(days, told, strict=False):
        progress = all_bytes_gone(AT + timedelta(days=day)) if is_told else Progress()
        after = advanced(found, progress, AT + timedelta(days=day))
        for before, now in zip(found, after, strict=True):
            assert before.state is State.PENDING or now == before
            assert (now.at is None) == (now.state is State.PENDING) == (now.evidence is None)
            assert (now.waits_for is None) == (now.state is State.REACHED)
        found = after
