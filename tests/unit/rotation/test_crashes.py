"""Killed at any write, with the stream and erasures in between: nobody living is lost, nobody erased comes back."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lethe.rotation.rows import Outcome
from tests.unit.rotation.house import MARKETING, SEALED, House, KilledError, subject

EXAMPLES = 600 if os.environ.get("LETHE_TEST_LENGTH") == "long" else 40
PEOPLE = 4
STEPS_OF_AN_ERASURE = 9

people = st.integers(0, PEOPLE - 1)
ACTIONS = st.one_of(
    st.just(("nothing", 0)),
    st.just(("kill", 0)),
    st.just(("arrive", 0)),
    st.tuples(st.sampled_from(["tell", "withdraw", "erase", "erase_all"]), people),
)


def acting(house: House, actions: Iterator[tuple[str, int]]) -> Callable[[], None]:
    """What happens at a tick: the next action."""
    clock = iter(range(2_000, 1_000_000))

    def act() -> None:
        name, number = next(actions, ("nothing", 0))
        person = subject(number)
        match name:
            case "kill":
                raise KilledError
            case "arrive":
                house.arrive()
            case "tell":
                house.tell(person, next(clock))
            case "withdraw":
                house.tell(person, 0, withdraws=True)
            case "erase":
                house.erase_on(person)
            case "erase_all":
                for _ in range(STEPS_OF_AN_ERASURE):
                    house.erase_on(person)

    return act


def sorted_first(house: House) -> str:
    """Whose row a pass reads first."""
    return min(house.rows)


def begun(erased: set[int]) -> House:
    """People with rows under root 1, some of them erased; then a second root."""
    house = House()
    for number in range(PEOPLE):
        house.tell(subject(number), 1_000 + number)
        house.arrive()
    for number in erased:
        for _ in range(STEPS_OF_AN_ERASURE):
            house.erase_on(subject(number))
    house.state = house.state.with_new_root(bytes(range(16)))
    return house


def finish(house: House) -> None:
    """No more kills: the stream and the erasures come to their ends, and passes go on until one is clean."""
    house.tick = lambda: None
    while house.pending:
        house.arrive()
    for person in list(house.erasures):
        for _ in range(STEPS_OF_AN_ERASURE):
            house.erase_on(person)
    for _ in range(3):
        counts = house.one_pass()
        if counts.is_clean:
            break
    assert counts.is_clean, counts.document()
    assert counts.rows == sum(bool(cells.live()) for cells in house.rows.values())


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.sets(people, max_size=2), st.lists(ACTIONS, max_size=60))
def test_a_rotation_killed_anywhere_and_run_again_loses_and_revives_nobody(
    erased: set[int], actions: list[tuple[str, int]]
) -> None:
    house = begun(erased)
    coming = iter(actions)
    house.tick = acting(house, coming)
    for _ in range(actions.count(("kill", 0)) + 2):
        try:
            house.one_pass()
        except KilledError:
            continue
    finish(house)
    blobs = list(house.blobs_of_erased)
    readable_before = {blob for person, column, blob in blobs if house.opens(person, column, blob)}
    house.state = house.state.without_root(1)

    for person in map(subject, range(PEOPLE)):
        held = [name for name in house.names(person) if house.is_held(name)]
        cells = house.rows[person].live()
        if person in house.erased:
            assert not cells
            assert not held
            continue
        assert len(held) == 1
        document = house.documents[held[0]]
        assert (document["at"], document["root"]) == (house.latest[person], 2)
        assert cells["event_time"][1] == house.latest[person]
        assert house.opens(person, SEALED, cells[SEALED][1]) == {"event": house.latest[person]}
        assert (MARKETING in cells) is (person not in house.withdrawn), "what was withdrawn stays so"
        if MARKETING in cells:
            assert house.opens(person, MARKETING, cells[MARKETING][1]) == {"event": house.latest[person]}
    living = sum(house.is_held(name) for name in house.documents)
    assert living == PEOPLE - len(house.erased), (
        "nobody is counted twice, and none under a name that nobody finds"
    )
    for person, _, blob in blobs:
        if person in house.erased:
            assert blob not in readable_before, "no blob of an erased subject opens under any root"


def test_each_document_is_counted_once_however_often_the_rotation_was_killed() -> None:
    for kill_at in range(1, 24):
        house = begun(set())
        house.tick = acting(house, iter([("nothing", 0)] * kill_at + [("kill", 0)]))
        with suppress(KilledError):
            house.one_pass()
        house.tick = lambda: None
        found = house.one_pass()
        assert found.rows == PEOPLE
        assert found.by_outcome[Outcome.CURRENT] + found.by_outcome[Outcome.MOVED] == PEOPLE
        assert house.one_pass().by_outcome == {Outcome.CURRENT: PEOPLE}
        assert house.moved == PEOPLE


@pytest.mark.parametrize("steps", range(1, STEPS_OF_AN_ERASURE + 1))
def test_an_erasure_between_any_two_writes_of_the_rotation_leaves_nothing(steps: int) -> None:
    """So many of its steps at one moment, for each moment of a pass, and the rest when the pass is over."""
    for moment in range(14):
        house = begun(set())
        person = sorted_first(house)
        ticks = iter(range(1_000))

        def act(
            house: House = house, moment: int = moment, ticks: Iterator[int] = ticks, person: str = person
        ) -> None:
            if next(ticks) == moment:
                for _ in range(steps):
                    house.erase_on(person)

        house.tick = act
        house.one_pass()
        finish(house)
        assert not house.rows[person].live()
        assert sum(house.is_held(name) for name in house.documents) == PEOPLE - (person in house.erased)
