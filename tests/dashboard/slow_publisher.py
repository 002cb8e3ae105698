"""The rules of publication once more, from docs/publication.md: slow, and over people and events, not counters.

It looks at what the oracle says is counted, one look a batch, and remembers everything. Birthdays are left out: the
tests run within a day.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal

OTHER = "other"
Share = tuple[str, ...]  # nationality, gender, birth month, month of registration


@dataclass(frozen=True)
class Shown:
    """A figure that stands, the people that it was made of, and how many events had been seen by then."""

    name: str
    members: frozenset[str]
    people: Mapping[str, Share]
    seen: int
    users: int
    average_age: float


@dataclass
class SlowPublisher:
    """Publishes what `look` has seen."""

    k: int = 10
    counted: dict[str, Share] = field(default_factory=dict)
    events: list[tuple[Share | None, Share | None]] = field(default_factory=list)
    standing: list[Shown] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=dict)

    def look(self, contributions: Mapping[str, Mapping[str, str]]) -> None:
        """Take what the oracle says is counted now; once after every batch, before a subject changes again."""
        now = {subject: tuple(figures.values()) for subject, figures in contributions.items() if figures}
        for subject in self.counted.keys() | now.keys():
            if self.counted.get(subject) != now.get(subject):
                self.events.append((self.counted.get(subject), now.get(subject)))
        self.counted = now

    def publish(self) -> list[Shown]:
        """The next publication, by name."""
        waiting = [
            shown
            for shown in self.standing
            if shown.name != OTHER and self.apart(shown, shown.members) < self.k
        ]
        free = {share[0] for share in self.counted.values()} - {shown.name for shown in waiting}
        alone = {nationality for nationality in free if self._may_stand_alone(nationality)}
        hidden = free - alone
        while 0 < self.size(hidden) < self.k and alone:
            smallest = min(alone, key=lambda nationality: (self.size({nationality}), nationality))
            alone.remove(smallest)
            hidden.add(smallest)
        result = [*waiting, *(self._show(nationality, {nationality}) for nationality in alone)]
        other = [shown for shown in self.standing if shown.name == OTHER]
        if other and self.apart(other[0], hidden) < self.k:
            result.append(other[0])
        elif self.size(hidden) >= self.k:
            result.append(self._show(OTHER, hidden))
        self.standing = sorted(result, key=lambda shown: shown.name)
        return self.standing

    def _may_stand_alone(self, nationality: str) -> bool:
        near = [
            shown
            for shown in self.standing
            if nationality in shown.members and self.apart(shown, {nationality}) < self.k
        ]
        return self.size({nationality}) >= self.k and not near

    def size(self, nationalities: Collection[str]) -> int:
        """How many people are counted in them now."""
        return sum(share[0] in nationalities for share in self.counted.values())

    def apart(self, shown: Shown, members: Collection[str]) -> int:
        """How many people have come, or gone, between a figure and one of these members now."""
        both = shown.members & set(members)
        since = self.events[shown.seen :]
        come = sum(after is not None and after[0] in both for _, after in since)
        gone = sum(before is not None and before[0] in both for before, _ in since)
        come += self.size(set(members) - shown.members)
        gone += sum(share[0] not in members for share in shown.people.values())
        return max(come, gone)

    def _show(self, name: str, members: Collection[str]) -> Shown:
        people = {subject: share for subject, share in self.counted.items() if share[0] in members}
        years = sum(age(share[2]) for share in people.values())
        average = round(years / len(people), 1)
        return Shown(name, frozenset(members), people, len(self.events), self.rounded(len(people)), average)

    def rounded(self, people: int) -> int:
        """To a multiple of k, halves upwards."""
        return int((Decimal(people) / self.k).quantize(Decimal(1), ROUND_HALF_UP)) * self.k

    def total(self) -> tuple[int, float]:
        """Users and average age over everything that stands, from published numbers only."""
        users = sum(shown.users for shown in self.standing)
        return users, round(sum(shown.users * shown.average_age for shown in self.standing) / users, 1)

    def count(self, name: str, exact: int) -> int | None:
        """The published number of a kind of subjects; None for fewer than k."""
        if name not in self._counts or abs(exact - self._counts[name]) >= self.k:
            self._counts[name] = exact
        made_of = self._counts[name]
        return self.rounded(made_of) if made_of >= self.k else None


def age(month: str, on: date | None = None) -> int:
    """Whole years from a month's first day to a day: today's, in UTC."""
    born, today = date.fromisoformat(f"{month}-01"), on or datetime.now(UTC).date()
    years = 0
    while date(born.year + years + 1, born.month, 1) <= today:
        years += 1
    return years
