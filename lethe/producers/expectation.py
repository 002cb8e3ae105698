"""What the stores must hold after a simulation, from what its messages were made to be; no store is read."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import Any

from lethe.producers.consents import Choice
from lethe.producers.sent import Facts, Kind, Sent
from lethe.profiles.contract import CONSENTS_TOPIC, PROFILES_TOPIC

Figure = dict[str, float]


@dataclass(slots=True)
class Expectation:
    """Take every message that is sent, in sending order; what follows holds for those taken so far.

    It does not depend on which topic is read first. A person's choices are those of all their messages.
    """

    standing: dict[str, Facts] = field(
        default_factory=dict
    )  # by user_id: the latest event, of equals the last sent
    ended_ms: dict[str, int] = field(
        default_factory=dict
    )  # by user_id: up to which event time nothing stands
    choices: dict[str, Choice] = field(default_factory=dict)  # by user_id: the greatest
    kinds: Counter[str] = field(default_factory=Counter)
    topics: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)  # by reason
    refused_of: Counter[str] = field(default_factory=Counter)  # by topic
    unknown_fields: Counter[str] = field(default_factory=Counter)
    heard_of: Counter[str] = field(default_factory=Counter)  # by user_id: messages that are not faulty

    def take(self, message: Sent) -> None:
        """Note one message."""
        self.kinds[message.kind] += 1
        self.topics[message.topic] += 1
        self.unknown_fields.update(message.unknown_fields)
        if message.reason is not None:
            self.quarantined[message.reason] += 1
            self.refused_of[message.topic] += 1
        if message.kind is not Kind.FAULTY:
            self._hear(message, message.key.decode())

    def _hear(self, message: Sent, user_id: str) -> None:
        self.heard_of[user_id] += 1
        said = [*message.choices, *([self.choices[user_id]] if user_id in self.choices else [])]
        if said:
            self.choices[user_id] = max(said)
        held, facts = self.standing.get(user_id), message.facts
        if message.ends_ms is not None and held is not None and message.ends_ms >= held.event_ms:
            self.ended_ms[user_id] = message.ends_ms
            del self.standing[user_id]
        if facts is None or facts.event_ms < self.ended_ms.get(user_id, facts.event_ms):
            return
        if held is None or facts.event_ms >= held.event_ms:
            self.standing[user_id] = facts

    def counted(self) -> list[Facts]:
        """Who stands and allows analytics, each with their facts."""
        return [facts for user_id, facts in self.standing.items() if self._counts(user_id)]

    def _counts(self, user_id: str) -> bool:
        return user_id in self.choices and self.choices[user_id].counts

    @property
    def sent(self) -> int:
        """How many messages were taken."""
        return self.kinds.total()

    def birth_months(self) -> dict[str, dict[str, int]]:
        """By nationality and month of birth, how many are counted: the aggregates' cells."""
        cells: dict[str, Counter[str]] = {}
        for facts in self.counted():
            cells.setdefault(facts.nationality, Counter())[facts.birth_month] += 1
        return {code: dict(sorted(cells[code].items())) for code in sorted(cells)}

    def erasable(self, count: int) -> list[str]:
        """User ids of people who are counted and were sent once, so that sending again brings none of them back."""
        single = (facts.user_id for facts in self.counted() if self.heard_of[facts.user_id] == 1)
        return list(islice(single, count))

    def document(self, seed: int, now: datetime) -> dict[str, Any]:
        """All of it as JSON; ages are as of the day of `now`."""
        cells, counted = self.birth_months(), len(self.counted())
        every: Counter[str] = Counter()
        for months in cells.values():
            every.update(months)
        accepted = self.topics - self.refused_of
        return {
            "seed": seed,
            "now": now.isoformat(),
            "as_of": now.date().isoformat(),
            "sent": self.sent,
            "sent_by_kind": {kind.value: self.kinds[kind] for kind in Kind if self.kinds[kind]},
            # stored and superseded by themselves depend on how messages fall into batches
            "outcomes": {
                "rows_in": self.sent,
                "stored_and_superseded": accepted[PROFILES_TOPIC],
                "consents": accepted[CONSENTS_TOPIC],
                "suppressed": 0,
                "quarantined": self.quarantined.total(),
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
