"""A simulated producer: what people's profiles look like on the topic, with everything that goes wrong there.

    for message in Simulation(2_000, now=datetime.now(UTC), rules=rules, faulty=0.02):
        producer.produce(PROFILES_TOPIC, key=message.key, value=message.value)

The same arguments give the same messages, byte for byte; another `now` moves their times and nothing else. What
the stores must hold afterwards is known from the making: see `expectation`.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import cycle
from random import Random
from typing import NamedTuple, cast

import orjson

from lethe.producers.consents import ANALYTICS, Consents, consent, first_consents
from lethe.producers.faults import Draw, broken
from lethe.producers.people import Locale, People, Pool, born, choose, rfc3339
from lethe.profiles.contract import Document
from lethe.profiles.reasons import Reason
from lethe.profiles.rules import Rules

HOUR_MS = 3_600_000
_FARTHEST = 200  # a person's next message comes after at most so many other people's first
_MOST_CHANGES = 4  # a person
_UNTIMED = 0.1  # of those with one message: it leaves its time to Kafka
_WITH_UNKNOWN_FIELDS = 0.03  # of people


class Kind(StrEnum):
    """What a message is to those of the same person before it."""

    FIRST = "first"
    UPDATED = "updated"
    MOVED = "moved"  # to another country, and its nationality
    CONSENT = "consent"  # analytics withdrawn, or granted
    REPEATED = "repeated"  # an earlier message, byte for byte
    LATE = "late"  # sent after a message with a later event time
    EQUAL_TIME = "equal_time"  # another message with the same event time: the one sent last stands
    FAULTY = "faulty"


_CHANGES = (Kind.UPDATED, Kind.MOVED, Kind.CONSENT, Kind.REPEATED, Kind.LATE, Kind.EQUAL_TIME)


class Facts(NamedTuple):
    """What a valid message says of its subject, as far as figures go."""

    user_id: str
    event_ms: int  # Unix ms
    nationality: str
    birth_month: str  # YYYY-MM
    counted: bool  # whether analytics is consented to


class Sent(NamedTuple):
    """One message, and what it is meant to be: a subject's facts, or refused for a reason."""

    key: bytes
    value: bytes | None
    kind: Kind
    facts: Facts | None
    reason: Reason | None = None
    unknown_fields: tuple[str, ...] = ()


class _Version(NamedTuple):
    """One state of a person's profile."""

    document: Document
    event_ms: int
    counted: bool
    unknown_fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Simulation:
    """Messages about so many people, in sending order.

    `changes` is the share of people with more than one message, `faulty` the share of messages to be refused
    (none of them counts as a profile), each reason in turn. With both 0 there is one plain valid message a person.
    Raises InputError, when it is made, for a locale that there is not.
    """

    profiles: int
    now: datetime  # event times lie within the day before
    rules: Rules
    seed: int = 1
    locales: Sequence[str] = ()  # ISO codes, the most frequent first; none named: all that there are
    faulty: float = 0.0
    changes: float = 0.25
    chosen: tuple[Locale, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Look the locales up."""
        object.__setattr__(self, "chosen", choose(self.locales))

    @property
    def now_ms(self) -> int:
        """Unix ms."""
        return int(self.now.timestamp() * 1000)

    def __iter__(self) -> Iterator[Sent]:
        """Every message, from the first."""
        return _Run(self).messages()


class _Run:
    """One pass over a simulation."""

    def __init__(self, plan: Simulation) -> None:
        self._plan, self._now_ms = plan, plan.now_ms
        self._random = Random(plan.seed)  # noqa: S311 - made-up people, to be made again
        rules = plan.rules
        self._people = People(self._random, plan.chosen, self._now_ms, rules.minimum_age)
        self._draw = Draw(self._random, self._now_ms, rules)
        self._versions = sorted(rules.policy_versions)
        self._consents = Pool(
            self._random, lambda: first_consents(self._random, self._now_ms, self._versions)
        )
        reasons = list(Reason)
        self._random.shuffle(reasons)
        self._reasons = cycle(reasons)

    def messages(self) -> Iterator[Sent]:
        """Valid messages, with faulty ones between them as they fall due."""
        share = self._plan.faulty / (1 - self._plan.faulty)
        owed, last = 0.0, self._person()
        for message, version in self._valid():
            yield message
            owed, last = owed + share, version or last
            while owed >= 1:
                owed -= 1
                yield self._faulty(last)

    def _valid(self) -> Iterator[tuple[Sent, _Version | None]]:
        """Each person's first message with its version, and their later ones a while after it."""
        waiting: list[tuple[int, int, Sent]] = []
        made = 0
        for turn in range(self._plan.profiles):
            while waiting and waiting[0][0] <= turn:
                yield heapq.heappop(waiting)[2], None
            version = self._person()
            changes = self._random.random() < self._plan.changes
            first = self._message(Kind.FIRST, version, timed=changes or self._random.random() >= _UNTIMED)
            yield first, version
            due = turn
            for message in self._later(first, version) if changes else ():
                due += 1 + int(self._random.random() * _FARTHEST / _MOST_CHANGES)
                made += 1
                heapq.heappush(waiting, (due, made, message))
        while waiting:
            yield heapq.heappop(waiting)[2], None

    def _person(self) -> _Version:
        draw = self._random.random
        document = self._people.person()
        given, counted = self._consents.draw()
        if given is not None:
            document["consents"] = given
        unknown_fields = self._add_unknown_fields(document) if draw() < _WITH_UNKNOWN_FIELDS else ()
        event_ms = self._now_ms - int((1 + draw() * 20) * HOUR_MS)
        return _Version(document, event_ms, counted, unknown_fields)

    def _add_unknown_fields(self, document: Document) -> tuple[str, ...]:
        document["favourite_colour"] = "green"
        if self._random.random() < 0.5:
            return ("favourite_colour",)
        document["name"] = cast("Document", document["name"]) | {"nickname": "Z"}
        return ("favourite_colour", "name.nickname")

    def _later(self, first: Sent, version: _Version) -> list[Sent]:
        """The further messages of a person, in sending order."""
        sent, latest = [first], version
        for _ in range(1 + int(self._random.random() ** 2 * _MOST_CHANGES)):
            kind = self._random.choice(_CHANGES)
            if kind is Kind.REPEATED:
                sent.append(self._random.choice(sent)._replace(kind=kind))
                continue
            changed = self._changed(kind, latest)
            sent.append(self._message(kind, changed))
            if kind is not Kind.LATE:
                latest = changed
        return sent[1:]

    def _changed(self, kind: Kind, latest: _Version) -> _Version:
        """The next state, after the latest one, or one from before it that comes late."""
        step_ms = 1 + int(self._random.random() * HOUR_MS / (2 * _MOST_CHANGES))
        event_ms = latest.event_ms + {Kind.LATE: -step_ms, Kind.EQUAL_TIME: 0}.get(kind, step_ms)
        document, counted, names = latest.document, latest.counted, latest.unknown_fields
        if kind is Kind.UPDATED:
            return _Version(self._people.changed(document), event_ms, counted, names)
        if kind is not Kind.CONSENT:
            document = self._people.moved(document)
        if kind is not Kind.MOVED:
            document, counted = self._turned(document, counted, event_ms), not counted
        return _Version(document, event_ms, counted, names)

    def _turned(self, document: Document, counted: bool, at_ms: int) -> Document:
        """Analytics withdrawn by a person who is counted, granted by one who is not."""
        turn = consent(ANALYTICS, not counted, at_ms, None if counted else self._versions[-1])
        given = cast("Consents | None", document.get("consents")) or []
        earlier = [entry for entry in given if str(entry["at"]) < str(turn["at"])]
        return document | {"consents": [*earlier, turn]}

    def _message(self, kind: Kind, version: _Version, timed: bool = True) -> Sent:
        """One without `event_time` is as late as its sending."""
        document, event_ms = version.document, version.event_ms if timed else self._now_ms
        if timed:
            document["event_time"] = self._event_time(event_ms)
        user_id = str(cast("Document", document["login"])["uuid"])
        facts = Facts(user_id, event_ms, str(document["nat"]), born(document), version.counted)
        return Sent(user_id.encode(), orjson.dumps(document), kind, facts, None, version.unknown_fields)

    def _event_time(self, event_ms: int) -> str:
        """In one of the forms that RFC 3339 allows; finer fractions than ours are cut."""
        form = self._random.random()
        if form < 0.9:
            return rfc3339(event_ms)
        if form < 0.95:
            return f"{rfc3339(event_ms)[:-1]}{int(form * 1e6) % 1000:03d}Z"
        return f"{rfc3339(event_ms + 2 * HOUR_MS)[:-1]}+02:00"

    def _faulty(self, last: _Version) -> Sent:
        """A message to be refused, of the person who came last or of one who is never heard of otherwise.

        A deletion is always a stranger's: Kafka's compaction would take the person's profiles with it.
        """
        reason = next(self._reasons)
        stranger = reason is Reason.PRODUCER_DELETION or self._random.random() < 0.5
        version = self._person() if stranger else last
        document = version.document | {"event_time": rfc3339(self._now_ms - 1)}
        _, key, value, read = broken(reason, document, self._draw)
        return Sent(key, value, Kind.FAULTY, None, reason, () if read is None else version.unknown_fields)
