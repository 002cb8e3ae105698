"""What is published says nothing about fewer than k people, whichever two publications are subtracted."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lethe.governance.publication import OTHER, Cell, Count, Figure, age, count, publish, rounded, total

K = 10
START = datetime(2026, 11, 24, 12, tzinfo=UTC)


@dataclass
class World:
    """People by nationality and birth month, with the counter of changes that the stream keeps."""

    months: dict[str, Counter[str]] = field(default_factory=dict)
    changes: Counter[str] = field(default_factory=Counter)
    events: list[tuple[str | None, str | None]] = field(default_factory=list)
    now: datetime = START

    def join(self, code: str, people: int, month: str = "1986-05") -> None:
        for _ in range(people):
            self._move(None, code, month)

    def leave(self, code: str, people: int) -> None:
        for _ in range(people):
            self._move(code, None, "")

    def move(self, source: str, target: str, people: int, month: str = "1986-05") -> None:
        """Between cells, or to another month within one."""
        for _ in range(people):
            self._move(source, target, month)

    def _move(self, source: str | None, target: str | None, month: str) -> None:
        if source is not None:
            held = +self.months.get(source, Counter())
            if not held:
                return
            self.months[source] = held - Counter({min(held): 1})
            self.changes[source] += 1
        if target is not None:
            self.months.setdefault(target, Counter())[month] += 1
            self.changes[target] += 1
        self.events.append((source, target))

    def cells(self) -> dict[str, Cell]:
        return {code: Cell(dict(months), self.changes[code]) for code, months in self.months.items()}

    def publish(self, standing: list[Figure], k: int = K) -> list[Figure]:
        self.now += timedelta(seconds=5)
        return publish(standing, self.cells(), k, self.now)


def users(figures: list[Figure]) -> dict[str, int]:
    return {figure.name: figure.users for figure in figures}


def test_cells_below_k_stand_in_other() -> None:
    world = World()
    for code, people in {"NL": 40, "FR": 20, "DE": 9, "BE": 4}.items():
        world.join(code, people)
    assert users(world.publish([])) == {"NL": 40, "FR": 20, OTHER: 10}


def test_the_smallest_shown_cell_joins_an_other_of_too_few() -> None:
    world = World()
    for code, people in {"NL": 40, "FR": 20, "DE": 3}.items():
        world.join(code, people)
    published = world.publish([])
    assert users(published) == {"NL": 40, OTHER: 20}
    assert published[1].marks.keys() == {"FR", "DE"}


@pytest.mark.parametrize("people", [{}, {"NL": 9}, {"NL": 4, "FR": 5}])
def test_fewer_than_k_people_are_not_published_at_all(people: Mapping[str, int]) -> None:
    world = World()
    for code, number in people.items():
        world.join(code, number)
    published = world.publish([])
    assert published == []
    assert total(published, K) is None


def test_the_only_large_cell_hides_the_few_beside_it() -> None:
    world = World()
    world.join("NL", 40)
    world.join("FR", 1)
    assert users(world.publish([])) == {OTHER: 40}


def test_the_total_is_made_of_published_figures_alone() -> None:
    world = World()
    world.join("NL", 31, "1986-05")  # 40 years
    world.join("FR", 12, "1996-05")  # 30 years
    published = world.publish([])
    assert users(published) == {"FR": 10, "NL": 30}
    assert total(published, K) == (40, 37.5)


def test_a_figure_stands_until_k_contributions_have_changed() -> None:
    world = World()
    world.join("NL", 40)
    first = world.publish([])
    world.join("NL", 5)
    world.leave("NL", 4)
    world.move("NL", "NL", 4, "1990-01")
    assert world.publish(first) == first
    world.join("NL", 1)
    assert world.publish(first) != first


def test_changes_in_place_count_once_each() -> None:
    world = World()
    world.join("NL", 40)
    first = world.publish([])
    world.move("NL", "NL", 9, "1990-01")
    assert world.publish(first) == first
    world.move("NL", "NL", 1, "1990-01")
    assert world.publish(first)[0].average_age < first[0].average_age


def test_a_figure_that_waited_is_replaced_by_what_has_come_since() -> None:
    world = World()
    world.join("NL", 40)
    published = world.publish([])
    for _ in range(3):
        world.join("NL", 4)
        published = world.publish(published)
    assert users(published) == {"NL": 50}


def test_a_cell_that_falls_below_k_stands_until_k_have_left() -> None:
    world = World()
    world.join("NL", 60)
    world.join("FR", 12)
    first = world.publish([])
    world.leave("FR", 9)
    assert world.publish(first) == first
    world.leave("FR", 3)
    assert users(world.publish(first)) == {"NL": 60}


def test_one_who_leaves_does_not_show_a_cell_that_hid_them() -> None:
    """`other` was FR and one more: with FR shown beside it, subtraction would leave the one."""
    world = World()
    world.join("NL", 60)
    world.join("FR", 15)
    world.join("DE", 1)
    first = world.publish([])
    assert users(first) == {"NL": 60, OTHER: 20}
    world.leave("DE", 1)
    assert world.publish(first) == first


def test_a_cell_that_grows_out_of_other_is_shown() -> None:
    world = World()
    for code, people in {"NL": 60, "FR": 8, "DE": 9, "BE": 4}.items():
        world.join(code, people)
    first = world.publish([])
    world.join("FR", 10)
    second = world.publish(first)
    assert users(second) == {"NL": 60, "FR": 20, OTHER: 20}  # eight have left `other`: too few to tell
    world.leave("DE", 2)
    assert users(world.publish(second)) == {"NL": 60, "FR": 20, OTHER: 10}


def test_joining_and_leaving_in_turn_shows_no_single_person() -> None:
    """Ten join and nine of them leave: figures that were exact would differ by the tenth."""
    world = World()
    world.join("NL", 40)
    first = world.publish([])
    world.join("NL", 10)
    second = world.publish(first)
    world.leave("NL", 9)
    third = world.publish(second)
    assert [users(each)["NL"] for each in (first, second, third)] == [40, 50, 50]
    world.leave("NL", 1)
    assert users(world.publish(third))["NL"] == 40


def test_people_who_move_between_cells_hide_nobody_who_joins() -> None:
    world = World()
    world.join("NL", 40)
    world.join("FR", 40)
    first = world.publish([])
    world.move("NL", "FR", 10)
    world.join("FR", 1)
    assert total(world.publish(first), K) == total(first, K)


def test_birthdays_of_fewer_than_k_do_not_show() -> None:
    world = World()
    world.join("NL", 30, "1986-05")
    world.join("NL", 9, "1986-12")
    first = world.publish([])
    world.now = datetime(2026, 12, 1, tzinfo=UTC)
    assert world.publish(first) == first
    world.now = datetime(2027, 5, 1, tzinfo=UTC)
    assert world.publish(first)[0].average_age == 40.8


def test_a_cell_restored_from_a_backup_is_compared_by_its_growth() -> None:
    world = World()
    world.join("NL", 40)
    first = world.publish([])
    restored = {"NL": Cell({"1986-05": 25}, 3)}
    assert users(publish(first, restored, K, world.now)) == {"NL": 30}


def test_a_count_waits_for_k_and_hides_fewer() -> None:
    first = count(None, 7, K)
    assert first == Count(None, 7)
    assert count(first, 16, K) == first
    assert count(first, 17, K) == Count(20, 17)
    assert count(Count(20, 17), 8, K) == Count(20, 17)
    assert count(Count(20, 17), 7, K) == Count(None, 7)


@pytest.mark.parametrize(("month", "years"), [("1986-11", 40), ("1986-12", 39), ("1987-01", 39)])
def test_age_is_whole_years_from_the_months_first_day(month: str, years: int) -> None:
    assert age(month, START.date()) == years


CODES = ("BE", "DE", "FR", "NL")
STEPS = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from((None, *CODES)),
            st.sampled_from((None, *CODES)),
            st.integers(1, 14),
            st.sampled_from(("1950-01", "1986-05", "2004-12")),
        ),
        max_size=4,
    ),
    min_size=2,
    max_size=12,
)
Steps = list[list[tuple[str | None, str | None, int, str]]]


def history(steps: Steps, k: int) -> list[tuple[World, int, list[Figure]]]:
    """Every publication of a history, with the world and the number of events at that time."""
    world, published = World(), list[Figure]()
    told = []
    for step in steps:
        for source, target, people, month in step:
            for _ in range(people):
                world._move(source, target, month)
        published = world.publish(published, k)
        snapshot = World({c: Counter(m) for c, m in world.months.items()}, Counter(world.changes))
        told.append((snapshot, len(world.events), published))
    told[-1][0].events = world.events
    return told


@settings(max_examples=200, deadline=None)
@given(STEPS, st.sampled_from((3, 10)))
def test_every_difference_of_any_two_publications_is_of_no_or_at_least_k_people(steps: Steps, k: int) -> None:
    """The attacker adds any figures of one publication and subtracts any of another, their totals included."""
    sums = []
    for _, _, figures in history(steps, k):
        numbers = [figure.users for figure in figures]
        overall = total(figures, k)
        assert (overall[0] if overall else 0) == sum(numbers)
        sums.append({sum(some) for n in range(len(numbers) + 1) for some in combinations(numbers, n)})
    for one, another in combinations(sums, 2):
        assert {left - right for left in one for right in another if 0 < abs(left - right) < k} == set()


@settings(max_examples=200, deadline=None)
@given(STEPS, st.sampled_from((3, 10)))
def test_a_new_figure_is_k_changes_away_from_each_that_stood_with_a_cell_of_it(steps: Steps, k: int) -> None:
    told = history(steps, k)
    events = told[-1][0].events
    published: dict[tuple[str, datetime], tuple[World, int]] = {}
    standing: list[Figure] = []
    for world, seen, figures in told:
        new = [figure for figure in figures if figure not in standing]
        for figure in new:
            assert sum(sum(world.months[code].values()) for code in figure.marks) >= k
            for before in standing:
                if before.marks.keys() & figure.marks.keys():
                    old_world, old_seen = published[before.name, before.published_at]
                    assert between(before, figure, old_world, world, events[old_seen:seen]) >= k
        published |= {(figure.name, figure.published_at): (world, seen) for figure in new}
        standing = figures


def between(
    before: Figure, after: Figure, then: World, now: World, events: list[tuple[str | None, str | None]]
) -> int:
    """Contributions that came between two figures: changed in the cells of both, or with a cell that came or went."""
    both = before.marks.keys() & after.marks.keys()
    changed = sum(1 for source, target in events if source in both or target in both)
    gone = sum(then.months[code].total() for code in before.marks.keys() - both)
    come = sum(now.months[code].total() for code in after.marks.keys() - both)
    return changed + gone + come


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_a_cell_that_is_shown_stays_near_the_truth(steps: Steps) -> None:
    """Waiting and rounding leave each cell that is shown near the truth."""
    for world, _, figures in history(steps, K):
        for figure in figures:
            if figure.name != OTHER:
                assert abs(figure.users - world.months[figure.name].total()) < K + K // 2


@given(st.integers(10, 3_000), st.integers(160, 1_000))
def test_an_average_in_tenths_fits_every_number_of_people(people: int, tenths: int) -> None:
    """So the average does not tell how many people, within the rounding, it is of."""
    average = tenths / 10
    nearest = round(average * people)
    assert average in {round(years / people, 1) for years in (nearest - 1, nearest, nearest + 1)}


@given(st.integers(10, 3_000))
def test_a_rounded_number_stands_for_at_least_half_k_numbers(people: int) -> None:
    same = [n for n in range(max(K, people - K), people + K + 1) if rounded(n, K) == rounded(people, K)]
    assert len(same) >= K // 2
    assert rounded(people, K) >= K
