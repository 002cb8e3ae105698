"""What may be published of exact cells: figures about at least k people that subtraction does not take apart.

A cell is a nationality. A figure is what stands in the publication: one cell, or `other`, the cells that are not
shown by themselves. Three rules, each of which needs the others (docs/publication.md has the argument at length):

1. **Groups.** A cell below k people goes into `other`. Where fewer than k people are in `other`, the smallest
   cell that could be shown joins them, until they are k; where none is left, they are not published at all.
2. **Rounding.** A figure's users are a multiple of k, its average age is in tenths. The total is computed from
   published figures only. So every sum and difference of users, within one publication or between any two,
   is a multiple of k: never 1 to k-1. Each multiple stands for at least k/2 numbers of people, and the
   average does not tell which: ages are whole years, so n people have averages 1/n apart, and for any
   n >= 10 one of them rounds to whatever tenth is published. A sum of ages, which is what a subtraction of
   averages needs, is thereby not known to within several people's whole lives.
3. **Waiting.** A figure is replaced, or put beside one that shares a cell with it, only when at least k
   contributions are in one and not in the other; until then it stands as it was. So a change of the
   publication is never one known person's doing, also for a reader who knows who came and went when. A cell
   below k, or one that is empty, leaves in the same way: its figure, about k people or more, stands meanwhile.

Rules 1 and 3 alone would not do. Ten people join a cell and nine of them leave: each step is k changes, and
the first and the third publication differ by one person. Ten people move from A to B while one joins B: A + B
differs by one. Whoever keeps all publications could subtract such ones if figures were exact.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date, datetime

OTHER = "other"
TENTHS_FROM = 10  # people from whom an average in tenths fits every number of them


@dataclass(frozen=True, slots=True)
class Cell:
    """The exact aggregate of one nationality, its shards added up; never published as it is.

    `months`: birth month "YYYY-MM" -> people. `changes`: how many times a contribution joined or left, ever
    growing; one that is changed in place counts as both.
    """

    months: Mapping[str, int]
    changes: int

    @property
    def users(self) -> int:
        """People in the cell."""
        return sum(self.months.values())

    def years(self, day: date) -> int:
        """Sum of their ages on a day."""
        return sum(n * age(month, day) for month, n in self.months.items())

    def older(self, since: date, day: date) -> int:
        """How many of them have had a birthday between two days."""
        return sum(n for month, n in self.months.items() if age(month, day) != age(month, since))


@dataclass(frozen=True, slots=True)
class Mark:
    """A cell's exact state when a figure that it is in was published; known to the publisher only."""

    users: int
    changes: int


@dataclass(frozen=True, slots=True)
class Figure:
    """One published figure: `users` a multiple of k, `average_age` in years."""

    name: str  # ISO 3166-1 alpha-2 code, or OTHER
    users: int
    average_age: float
    published_at: datetime
    marks: Mapping[str, Mark]  # by nationality, of every cell in it


@dataclass(frozen=True, slots=True)
class Count:
    """A published number of people, None where they are fewer than k, and the exact one that it was made from."""

    users: int | None
    mark: int


def age(month: str, day: date) -> int:
    """Whole years from the first day of a birth month "YYYY-MM" to a day."""
    year, number = int(month[:4]), int(month[5:7])
    return day.year - year - (1 if day.month < number else 0)


def rounded(users: int, k: int) -> int:
    """The nearest multiple of k, halves upwards."""
    return (users + k // 2) // k * k


def publish(standing: Sequence[Figure], cells: Mapping[str, Cell], k: int, now: datetime) -> list[Figure]:
    """The next publication: figures that stand as they were, and new ones where the rules allow it.

    `standing` is the publication before, empty at first. Empty again means: too few people for any figure.
    """
    day, standing = now.date(), _under(standing, k)
    waiting = {f.name: f for f in standing if f.name != OTHER and differing(f, {f.name}, cells, day) < k}
    free = {code: cell.users for code, cell in cells.items() if code not in waiting and cell.users}
    shown = {code for code, users in free.items() if users >= k and _may_show(code, standing, cells, k, day)}
    hidden = _complete(free.keys() - shown, shown, free, k)
    figures = [*waiting.values(), *(_figure(code, {code}, cells, k, now) for code in shown - hidden)]
    before = next((figure for figure in standing if figure.name == OTHER), None)
    if before is not None and differing(before, hidden, cells, day) < k:
        figures.append(before)
    elif sum(free[code] for code in hidden) >= k:
        figures.append(_figure(OTHER, hidden, cells, k, now))
    return sorted(figures, key=lambda figure: figure.name)


def differing(figure: Figure, members: Set[str], cells: Mapping[str, Cell], day: date) -> int:
    """How many contributions came between a published figure and one made of `members` now.

    A contribution that is changed in place, or moves between two cells of the figure, has joined and left; the
    greater of both numbers therefore counts each change once. (One that changes again counts again.) People who
    stayed and have had a birthday since are counted in the same way.
    """
    joined = left = older = 0
    for code in figure.marks.keys() | members:
        mark, cell = figure.marks.get(code), cells.get(code, Cell({}, 0))
        if mark is None:
            joined += cell.users
        elif code not in members:
            left += mark.users
        else:
            grown = cell.users - mark.users
            # A counter that went back is that of a cell restored from a backup: what is certain is the growth.
            changes = max(cell.changes - mark.changes, abs(grown))
            joined += (changes + grown) // 2
            left += (changes - grown) // 2
            older += cell.older(figure.published_at.date(), day)
    return max(joined, left, older)


def total(figures: Sequence[Figure], k: int) -> tuple[int, float] | None:
    """Users and average age over all figures, from nothing but what they say; None where there is none."""
    users = sum(figure.users for figure in figures)
    if not users:
        return None
    return users, _average(sum(figure.users * figure.average_age for figure in figures), users, k)


def count(standing: Count | None, exact: int, k: int) -> Count:
    """The next published number of people: as it was until the exact one is k away from the one it was made of."""
    mark = exact if standing is None or abs(exact - standing.mark) >= k else standing.mark
    return Count(rounded(mark, k) if mark >= k else None, mark)


def _under(standing: Sequence[Figure], k: int) -> list[Figure]:
    """The figures as k rounds them; where k was raised, those of too few people go at once."""
    people = {figure.name: sum(mark.users for mark in figure.marks.values()) for figure in standing}
    return [
        replace(figure, users=rounded(people[figure.name], k))
        for figure in standing
        if people[figure.name] >= k
    ]


def _may_show(code: str, standing: Sequence[Figure], cells: Mapping[str, Cell], k: int, day: date) -> bool:
    """Whether a figure of its own tells nothing about fewer than k people beside each that has held the cell."""
    return all(differing(figure, {code}, cells, day) >= k for figure in standing if code in figure.marks)


def _complete(hidden: Set[str], shown: Set[str], users: Mapping[str, int], k: int) -> set[str]:
    """Complementary suppression: the hidden cells, and the smallest shown ones until k people are among them."""
    result = set(hidden)
    for code in sorted(shown, key=lambda code: (users[code], code)):
        if not 0 < sum(users[name] for name in result) < k:
            break
        result.add(code)
    return result


def _figure(name: str, members: Set[str], cells: Mapping[str, Cell], k: int, now: datetime) -> Figure:
    users = sum(cells[code].users for code in members)
    years = sum(cells[code].years(now.date()) for code in members)
    marks = {code: Mark(cells[code].users, cells[code].changes) for code in sorted(members)}
    return Figure(name, rounded(users, k), _average(years, users, k), now, marks)


def _average(years: float, users: int, k: int) -> float:
    """In tenths where k allows it, else in whole years, which fit any number of people."""
    return round(years / users, 1 if k >= TENTHS_FROM else 0)
