"""People whose messages go to the oracle and, by the stream's own steps, to the real store."""

import json
import random
import uuid
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

from lethe.profiles.contract import PROFILES_TOPIC, Message
from lethe.profiles.rules import Rules
from lethe.protection.day_keys import DayKeys
from lethe.protection.keyring import subject_keys
from lethe.protection.pseudonym import load_pepper, subject_id
from lethe.register.load import current
from lethe.settings import StreamSettings
from lethe.stores import contributions
from lethe.stores.suppression import Ledger
from lethe.stream import lease as leases
from lethe.stream.health import Counts, Health
from lethe.stream.lease import Lease
from spark_apps import chunks
from spark_apps.sinks import entry_of
from spark_apps.worker import reading_of
from tests.dashboard.servers import Mongo
from tests.model import Model

PARTITIONS = 2
CONSENT = {"purpose": "analytics", "granted": True, "policy_version": "2026-06"}

# 23 nationalities, of which five are too few to be shown.
WORLD = {
    **{
        "US": 184,
        "DE": 151,
        "FR": 122,
        "GB": 113,
        "BR": 96,
        "IN": 88,
        "NL": 74,
        "ES": 69,
        "IT": 60,
        "JP": 49,
    },
    **{"CA": 40, "AU": 31, "MX": 28, "PL": 26, "SE": 24, "ZA": 21, "NO": 17, "NZ": 14},
    **{"IS": 9, "EE": 7, "MT": 6, "LU": 4, "KM": 1},
}


@dataclass
class Person:
    """What the next message of somebody says."""

    user_id: str
    nat: str
    born: date
    consents: bool = True
    gender: str = "female"


@dataclass
class People:
    """Feeds one driver's batches; `model` is the oracle after the same messages."""

    mongo: Mongo
    seed: int = 1
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    everybody: dict[str, Person] = field(default_factory=dict)

    def __post_init__(self) -> None:
        pepper = load_pepper(self.mongo.paths)
        self.model = Model(pepper, self.now)
        self._pepper, self._pseudonym = pepper, partial(subject_id, pepper)
        self._rng = random.Random(self.seed)
        self._keys = subject_keys(self.mongo.paths)
        self._rules = Rules.from_register(current())
        self._reading = reading_of(current(), self._rules)
        self._offset = self._batch = 0
        fence = self.mongo.client("fence")
        shards = StreamSettings().counter_shards
        self.lease: Lease = leases.take(fence, self.mongo.db("fence"), "driver of the tests", shards)
        self.health = Health(self.mongo.db("stream"), self.lease)

    def born(self, mean_age: float = 41, spread: float = 14) -> date:
        """A birth date of somebody old enough."""
        years = min(max(self._rng.gauss(mean_age, spread), 17), 95)
        return (self.now - timedelta(days=365.25 * years)).date()

    def join(self, nat: str, number: int, born: date | None = None, *, consents: bool = True) -> list[Person]:
        """New people of a nationality; call `send` for their messages."""
        mean = 34 + sum(nat.encode()) % 15  # nationalities differ in age
        made = [
            Person(
                str(uuid.UUID(int=self._rng.getrandbits(128), version=4)),
                nat,
                born or self.born(mean),
                consents,
            )
            for _ in range(number)
        ]
        self.everybody |= {person.user_id: person for person in made}
        return made

    def world(self, sizes: Mapping[str, int] = WORLD, not_counted: float = 0.11) -> None:
        """Many people at once, and for each hundred of them some who let themselves not be counted."""
        for nat, number in sizes.items():
            self.join(nat, number)
            self.join(nat, round(number * not_counted), consents=False)
        self.send(*self.everybody.values())

    def message(self, body: Any, key: str | None) -> Message:
        """The next record of the topic; its time is the present, so that order is by offset."""
        self._offset += 1
        value = body if isinstance(body, bytes) else json.dumps(body).encode()
        at = int(self.now.timestamp() * 1000)
        partition = zlib.crc32((key or "").encode()) % PARTITIONS  # one subject, one partition
        return Message(PROFILES_TOPIC, partition, self._offset, at, key.encode() if key else None, value)

    def profile(self, person: Person, **changes: Any) -> Message:
        """Somebody's message; `changes` replace fields of it."""
        consent = CONSENT | {"granted": person.consents, "at": "2026-10-01T00:00:00Z"}
        body = {
            "login": {"uuid": person.user_id},
            "email": "somebody@example.org",
            "gender": person.gender,
            "dob": {"date": person.born.isoformat()},
            "registered": {"date": "2025-03-02T08:00:00Z"},
            "nat": person.nat,
            "consents": [consent],
            **changes,
        }
        return self.message(body, person.user_id)

    def send(self, *people: Person) -> Counts:
        """One batch of what these people say now."""
        return self.take([self.profile(person) for person in people])

    def take(self, messages: Sequence[Message], seconds: float = 1.0) -> Counts:
        """One batch, to the oracle and through the stream's steps into the store."""
        self.model.feed_all(messages)
        counts = Counts()
        for partition in range(PARTITIONS):
            part = [message for message in messages if message.partition == partition]
            if part:
                counts.add(self._take(part, partition))
        offsets = {f"{PROFILES_TOPIC}:{p}": {"end": self._offset} for p in range(PARTITIONS)}
        started = datetime.now(UTC) - timedelta(seconds=seconds)
        self.health.batch(self._batch, counts, offsets, started, lag=0)
        self._batch += 1
        return counts

    def _take(self, messages: Sequence[Message], shard: int) -> Counts:
        client, db = self.mongo.client("stream"), self.mongo.db("stream")
        worker: Any = SimpleNamespace(
            client=client,
            db=db,
            lease=self.lease,
            rules=self._rules,
            pepper=self._pepper,
            ledger=self._ledger(),
            settings=StreamSettings(),
            keys=self._keys,
            day_keys=DayKeys(self.mongo.paths),
        )
        now_ms = int(self.now.timestamp() * 1000)
        found, counts = chunks.profiles(worker, messages, chunks.Batch(0, 0, 0, 0, now_ms, False))
        for start in range(0, len(found), 1_000):
            some = found[start : start + 1_000]
            for each in some:
                each.names = (each.subject_id,)
            entries = [entry_of(each) for each in some]
            changes = contributions.apply(client, db, self.lease, shard, entries, reading=self._reading)
            chunks.count(some, changes, counts)
        return counts

    def _ledger(self) -> Ledger:
        ledger = Ledger()
        ledger.refresh(self.mongo.db("stream"))
        return ledger

    def erase(self, person: Person) -> None:
        """Forget somebody: the eraser's step on contributions, and the oracle's."""
        erased_at = int(datetime.now(UTC).timestamp() * 1_000_000)
        subject = self._pseudonym(person.user_id)
        contributions.erase(self.mongo.client("eraser"), self.mongo.db("eraser"), subject, erased_at)
        ends = {PROFILES_TOPIC: {str(p): self._offset + 1 for p in range(PARTITIONS)}}
        self.model.erase(person.user_id, erased_at, ends)
        del self.everybody[person.user_id]
