"""What the stores must hold after a simulation, from what its messages were made to be; no store is read."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from lethe.producers.simulation import Facts, Kind, Sent

Figure = dict[str, float]


@dataclass(slots=True)
class Expectation:
    """Take every message that is sent, in sending order; what follows holds for those taken so far."""

    standing: dict[str, Facts] = field(
        default_factory=dict
    )  # by user_id: the latest event, of equals the last sent
    kinds: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)  # by reason
    unknown_fields: Counter[str] = field(default_factory=Counter)
    changed: set[str] = field(default_factory=set)  # user ids of people with more than one message

    def take(self, message: Sent) -> None:
        """Note one message."""
        self.kinds[message.kind] += 1
        self.unknown_fields.update(message.unknown_fields)
        if message.reason is not None:
            self.quarantined[message.reason] += 1
        facts = message.facts
        if facts is None:
            return
        held = self.standing.get(facts.user_id)
        if held is not None:
            self.changed.add(facts.user_id)
        if held is None or facts.event_ms >= held.event_ms:
            self.standing[facts.user_id] = facts

    @property
    def sent(self) -> int:
        """How many messages were taken."""
        return self.kinds.total()

    def birth_months(self) -> dict[str, dict[str, int]]:
        """By nationality and month of birth, how many are counted: the aggregates' cells."""
        cells: dict[str, Counter[str]] = {}
        for facts in self.standing.values():
            if facts.counted:
                cells.setdefault(facts.nationality, Counter())[facts.birth_month] += 1
        return {code: dict(sorted(cells[code].items())) for code in sorted(cells)}

    def erasable(self, count: int) -> list[str]:
        """User ids of people who are counted and were sent once, so that sending again brings none of them back."""
        found = (facts.user_id for facts in self.standing.values() if facts.counted)
        single = (user_id for user_id in found if user_id not in self.changed)
        return [user_id for user_id, _ in zip(single, range(count), strict=False)]

    def document(self, seed: int, now: datetime) -> dict[str, Any]:
        """All of it as JSON; ages are as of the day of `now`."""
        cells, counted = self.birth_months(), sum(facts.counted for facts in self.standing.values())
        every: Counter[str] = Counter()
        for months in cells.values():
            every.update(months)
        refused = self.quarantined.total()
        return {
            "seed": seed,
            "now": now.isoformat(),
            "as_of": now.date().isoformat(),
            "sent": self.sent,
            "sent_by_kind": {kind.value: self.kinds[kind] for kind in Kind if self.kinds[kind]},
            # stored and superseded by themselves depend on how messages fall into batches
            "outcomes": {
                "rows_in": self.sent,
                "stored_and_superseded": self.sent - refused,
                "suppressed": 0,
                "quarantined": refused,
            },
            "quarantined": dict(sorted(self.quarantined.items())),
            "unknown_fields": dict(sorted(self.unknown_fields.items())),
            "stored": len(self.standing),
            "counted": counted,
            "not_counted": len(self.standing) - counted,
            "users_by_nationality": {code: figure(months, now.date()) for code, months in cells.items()},
            "average_age": figure(every, now.date()) if every else None,
            "birth_months": cells,
            "erasable": self.erasable(3),
        }


def figure(months: dict[str, int], on: date) -> Figure:
    """Users, and their average age on a day: whole years from the first day of each month of birth."""
    users = sum(months.values())
    years = sum(count * _age(month, on) for month, count in months.items())
    return {"users": users, "average_age": years / users}


def _age(month: str, on: date) -> int:
    year, _, number = month.partition("-")
    return (on.year * 12 + on.month - int(year) * 12 - int(number)) // 12
