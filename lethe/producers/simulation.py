"""A simulated producer: what people's profiles look like on the topic, with everything that goes wrong there.

    for message in Simulation(2_000, now=datetime.now(UTC), rules=rules, faulty=0.02):
        producer.produce(message.topic, key=message.key, value=message.value)

The same arguments give the same messages, byte for byte; another `now` moves their times and nothing else. What
the stores must hold afterwards is known from the making: see `expectation`.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import cycle
from random import Random
from typing import NamedTuple, cast

import orjson

from lethe.producers.consent_changes import CHILDREN, CHILDREN_WHO_END, ConsentChanges
from lethe.producers.consent_faults import REASONS, broken_consent
from lethe.producers.consents import ANALYTICS, Choice, Consents, allows, consent, first_consents
from lethe.producers.faults import Draw, broken
from lethe.producers.people import Locale, People, Pool, born, choose, rfc3339
from lethe.producers.sent import Facts, Kind, Sent
from lethe.profiles.contract import CONSENTS_TOPIC, Document
from lethe.profiles.reasons import Reason
from lethe.profiles.rules import Rules

HOUR_MS = 3_600_000
_FARTHEST = 200  # a person's next message comes after at most so many other people's first
_MOST_CHANGES = 4  # a person
_UNTIMED = 0.1  # of those with one message: it leaves its time to Kafka
_WITH_UNKNOWN_FIELDS = 0.03  # of people


_CHANGES = (Kind.UPDATED, Kind.MOVED, Kind.CONSENT, Kind.REPEATED, Kind.LATE, Kind.EQUAL_TIME)


class _Version(NamedTuple):
    """One state of a person's profile."""

    document: Document
    event_ms: int
    choices: tuple[Choice, ...]
    unknown_fields: tuple[str, ...]


class _Life(NamedTuple):
    """All messages of a person but faulty ones: the first, and what comes later on each topic, in sending order.

    `version` is what a faulty message may be made of; a child's is not to be, since it would end what stands of it.
    """

    first: Sent
    version: _Version | None
    profiles: list[Sent]
    consents: list[Sent]


@dataclass(frozen=True, slots=True)
class Simulation:
    """Messages about so many people, in sending order.

    `changes` is the share of people with more than one message, `faulty` the share of messages to be refused
    (none of them counts as a profile), each reason in turn. `consent_changes` is the share of people whose consents
    change alone, on `user_consents`, or who are children. With all of them 0 there is one plain valid message a
    person. Raises InputError, when it is made, for a locale that there is not.
    """

    profiles: int
    now: datetime  # event times lie within the day before
    rules: Rules
    seed: int = 1
    locales: Sequence[str] = ()  # ISO codes, the most frequent first; none named: all that there are
    faulty: float = 0.0
    changes: float = 0.25
    consent_changes: float = 0.0
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
        self._alone = ConsentChanges(self._random, self._now_ms, rules)
        reasons = [each for each in Reason if plan.consent_changes or each is not Reason.UNKNOWN_PURPOSE]
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
            life = self._life()
            yield life.first, life.version
            for messages in (life.profiles, life.consents):
                due = turn
                for message in messages:
                    due += 1 + int(self._random.random() * _FARTHEST / _MOST_CHANGES)
                    made += 1
                    heapq.heappush(waiting, (due, made, message))
        while waiting:
            yield heapq.heappop(waiting)[2], None

    def _life(self) -> _Life:
        version, draw = self._person(), self._random.random
        alters = bool(self._plan.consent_changes) and draw() < self._plan.consent_changes
        if alters and draw() < CHILDREN:
            return self._childhood(version)
        changes = draw() < self._plan.changes
        first = self._message(Kind.FIRST, version, timed=changes or draw() >= _UNTIMED)
        profiles = self._later(first, version) if changes else []
        consents = self._alone.alone(_user_id(version.document), version.choices) if alters else []
        return _Life(first, version, profiles, consents)

    def _childhood(self, version: _Version) -> _Life:
        """A child's, with a guardian's consent; of some it ends, others have more of it alone."""
        changes, choices = self._alone.childhood()
        version = version._replace(document=version.document | changes, choices=choices)
        first = self._message(Kind.CHILD, version)
        if self._random.random() >= CHILDREN_WHO_END:
            alone = self._alone.alone(_user_id(version.document), choices, guardian=True)
            return _Life(first, None, [], alone)
        event_ms = version.event_ms + 1 + int(self._random.random() * HOUR_MS)
        changes, choices = self._alone.without_guardian(event_ms)
        later = _Version(version.document | changes, event_ms, choices, version.unknown_fields)
        refused = self._message(Kind.CHILD_ENDED, later)
        refused = refused._replace(facts=None, reason=Reason.UNDER_AGE, ends_ms=event_ms)
        return _Life(first, None, [refused], [])

    def _person(self) -> _Version:
        draw = self._random.random
        document = self._people.person()
        given, choices = self._consents.draw()
        if given is not None:
            document["consents"] = given
        unknown_fields = self._add_unknown_fields(document) if draw() < _WITH_UNKNOWN_FIELDS else ()
        event_ms = self._now_ms - int((1 + draw() * 20) * HOUR_MS)
        return _Version(document, event_ms, choices, unknown_fields)

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
        document, choices, names = latest.document, latest.choices, latest.unknown_fields
        if kind is Kind.UPDATED:
            return _Version(self._people.changed(document), event_ms, choices, names)
        if kind is not Kind.CONSENT:
            document = self._people.moved(document)
        if kind is not Kind.MOVED:
            document, choices = self._turned(document, choices, event_ms)
        return _Version(document, event_ms, choices, names)

    def _turned(
        self, document: Document, choices: tuple[Choice, ...], at_ms: int
    ) -> tuple[Document, tuple[Choice, ...]]:
        """Analytics withdrawn by a person whose profile allows it, granted by another."""
        withdrawn = allows(choices)
        turn = consent(ANALYTICS, not withdrawn, at_ms, None if withdrawn else self._versions[-1])
        given = cast("Consents | None", document.get("consents")) or []
        earlier = [entry for entry in given if str(entry["at"]) < str(turn["at"])]
        before = tuple(choice for choice in choices if choice.at_ms < at_ms)
        return document | {"consents": [*earlier, turn]}, (*before, Choice(at_ms, withdrawn))

    def _message(self, kind: Kind, version: _Version, timed: bool = True) -> Sent:
        """One without `event_time` is as late as its sending."""
        document, event_ms = version.document, version.event_ms if timed else self._now_ms
        if timed:
            document["event_time"] = self._event_time(event_ms)
        user_id = _user_id(document)
        facts = Facts(user_id, event_ms, str(document["nat"]), born(document))
        value = orjson.dumps(document)
        return Sent(user_id.encode(), value, kind, facts, None, version.unknown_fields, version.choices)

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

        A deletion is always a stranger's: Kafka's compaction would take the person's profiles with it. So is a
        child's profile: it would end what stands of the person.
        """
        reason = next(self._reasons)
        stranger = reason in (Reason.PRODUCER_DELETION, Reason.UNDER_AGE) or self._random.random() < 0.5
        version = self._person() if stranger else last
        if self._is_of_consents(reason):
            _, key, value, _ = broken_consent(reason, _user_id(version.document), self._draw)
            return Sent(key, value, Kind.FAULTY, None, reason, topic=CONSENTS_TOPIC)
        document = version.document | {"event_time": rfc3339(self._now_ms - 1)}
        _, key, value, read = broken(reason, document, self._draw)
        return Sent(key, value, Kind.FAULTY, None, reason, () if read is None else version.unknown_fields)

    def _is_of_consents(self, reason: Reason) -> bool:
        """Whether the next message to be refused for this reason is one of `user_consents`."""
        if not self._plan.consent_changes or reason not in REASONS:
            return False
        return reason is Reason.UNKNOWN_PURPOSE or self._random.random() < 0.5


def _user_id(document: Document) -> str:
    return str(cast("Document", document["login"])["uuid"])
