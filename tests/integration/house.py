"""The stores as erasures and rotations find them, and one run of `erase_subject`, step by step."""

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lethe.audit import trail
from lethe.protection.key_store import KeyStore
from lethe.protection.pseudonym import subject_id
from lethe.protection.subject_keys import SubjectKeys
from lethe.requests import erase, in_flight
from lethe.requests.cases import new_case_id
from lethe.requests.locate import (
    CONSENTS,
    CONTRIBUTIONS,
    EMAIL_INDEX,
    PROFILES,
    QUARANTINE,
    locate,
)
from lethe.requests.puncture import puncture_key
from lethe.requests.record import Erasure, close_record
from lethe.requests.suppress import microseconds, suppress
from lethe.requests.verify import verify
from lethe.settings import Paths
from lethe.stores import contributions, suppression
from lethe.stores.kafka import client_settings, end_offsets
from lethe.stream import lease as leases
from tests.entries import READING, entry, profile
from tests.integration.live import LiveStack

PEPPER = bytes(32)
NOTHING = {PROFILES: 0, CONSENTS: 0, EMAIL_INDEX: 0, CONTRIBUTIONS: 0, QUARANTINE: 0}


def now() -> datetime:
    """In whole milliseconds, as MongoDB keeps times."""
    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


HOUR_AGO = now() - timedelta(hours=1)


class House:
    """The stores as erasures find them: a MongoDB database and keys of its own, the live Cassandra and Kafka."""

    def __init__(self, stack: LiveStack, folder: Path) -> None:
        self.key_store = KeyStore(Paths(home=folder / "home", keys_dir=folder / "keys"))
        self.key_store.create()
        self.client = stack.mongo("admin")
        self.db = self.client[f"test_{uuid.uuid4().hex[:12]}"]
        trail.seed(self.db)
        self.session = stack.cassandra("admin")
        self.lease = leases.take(self.client, self.db, "test", 1)
        self.ends = end_offsets(client_settings("eraser"))

    @property
    def keys(self) -> SubjectKeys:
        """As they are now."""
        return SubjectKeys(self.key_store.load(), PEPPER)

    def name(self, subject: str) -> str:
        """The `_id` of the contribution that the stream would write now."""
        return self.keys.one(subject, suppression.generation(self.db, subject)).contribution_id

    def put(self, subject: str, at: datetime, offset: int = 1) -> int:
        """A profile as the stream stores it; returns its write time (µs)."""
        name = self.name(subject)
        said = entry(name, profile(microseconds(at) // 1000, offset))
        (change,) = contributions.apply(self.client, self.db, self.lease, 0, [said], reading=READING)
        write_time = change.write_time
        self.session.execute(
            "INSERT INTO consents (subject_id, purpose, at, granted, policy_version, by_guardian) "
            "VALUES (%s, 'analytics', %s, true, '2026-06', false) USING TIMESTAMP %s",
            (subject, at, write_time),
        )
        self.session.execute(
            "INSERT INTO email_index (subject_id, mac) VALUES (%s, 'mac') USING TIMESTAMP %s",
            (subject, write_time),
        )
        self.session.execute(
            "INSERT INTO profiles (subject_id, event_time, source_offset) VALUES (%s, %s, %s) USING TIMESTAMP %s",
            (subject, at, offset, write_time),
        )
        return write_time

    def quarantine(self, subject: str) -> None:
        place = f"user_profiles:0:{uuid.uuid4().int % 10**9}"
        self.db.quarantine.insert_one({"_id": place, "reason": "bad_email", "subject_ids": [subject]})

    def driver(self, **fields: Any) -> None:
        """What a driver tells of itself now."""
        told = {"state": "running", "heartbeat_at": datetime.now(UTC), "batch_in_flight": None} | fields
        self.db.stream_health.update_one({"_id": "driver"}, {"$set": told}, upsert=True)

    def read_everything(self) -> None:
        """The driver tells that it has read both topics to their ends."""
        reached = [
            {"partition": f"{topic}:{p}", "offset": end}
            for topic, ends in self.ends.items()
            for p, end in ends.items()
        ]
        self.driver(reached=reached, ledger_version=10**6)

    def users(self) -> int:
        return sum(sum(cell["months"].values()) for cell in self.db.aggregate_shards.find())


class Run:
    """One run of the DAG, step by step."""

    def __init__(self, house: House, user_id: str, requested_at: datetime | None = None) -> None:
        self.house, self.user_id = house, user_id
        self.requested_at = requested_at or now()
        record_id = new_case_id()
        self.work = Erasure(house.client, house.db, record_id, subject_id(PEPPER, user_id))

    def locate(self) -> dict[str, int]:
        house = self.house
        return locate(
            self.work,
            house.session,
            house.db,
            house.ends,
            writer=house.session,
            keys=house.keys,
            requested_at=self.requested_at,
        )

    def suppress(self) -> int:
        return suppress(self.work, self.house.session, self.house.ends)

    def await_in_flight(self) -> bool:
        house = self.house
        return in_flight.await_in_flight(self.work, house.session, house.ends, lambda: house.keys)

    def puncture(self) -> int:
        return puncture_key(self.work, self.house.key_store, PEPPER)

    def erase_cassandra(self) -> None:
        erase.erase_cassandra(self.work, self.house.session)

    def erase_mongodb(self) -> dict[str, int]:
        return erase.erase_mongodb(self.work)

    def tombstone_kafka(self) -> dict[str, str]:
        return erase.tombstone_kafka(self.work, client_settings("eraser"), self.user_id)

    def verify(self) -> dict[str, int]:
        house = self.house
        return verify(self.work, house.session, house.db, house.keys, writer=house.session)

    def all(self, times: int = 1) -> dict[str, Any]:
        """Every step, each so many times."""
        steps = (
            self.locate,
            self.suppress,
            self.await_in_flight,
            self.puncture,
            self.erase_cassandra,
            self.erase_mongodb,
            self.tombstone_kafka,
            self.verify,
        )
        for step in steps:
            for _ in range(times):
                step()
        return close_record(self.work)
