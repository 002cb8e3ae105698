"""The record of an erasure: one document in `erasures`, with times, counts and outcome, and no user id.

It is also what makes the steps resumable: what must be decided once (what was held before, the time of the
erasure) is decided by whoever writes it there first, and read from there by every retry.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bson.codec_options import CodecOptions
from pymongo.collection import Collection
from pymongo.database import Database

from lethe.errors import StoreError
from lethe.stores.mongodb import Client, Document

NAMES = "names"  # while it is open: the names that only the subject's key tells
FAILED = "failed"
STEPS = (
    "locate",
    "suppress",
    "await_in_flight",
    "puncture",
    "erase_cassandra",
    "erase_mongodb",
    "tombstone_kafka",
    "verify",
)


@dataclass(frozen=True, slots=True)
class Erasure:
    """One erasure at work: the eraser's MongoDB, the record's `_id`, which is the case_id, and whom it is about."""

    client: Client
    db: Database[Document]
    record_id: str
    subject_id: str

    @property
    def records(self) -> Collection[Document]:
        """`erasures`, with times in UTC whatever the client's own settings."""
        return self.db.get_collection("erasures", codec_options=CodecOptions(tz_aware=True, tzinfo=UTC))

    def record(self) -> Document:
        """The record as it stands. Raises StoreError where `locate` has not opened it."""
        found = self.records.find_one({"_id": self.record_id})
        if found is None:
            raise StoreError(f"erasure {self.record_id}: no record; run the step locate first")
        return found

    def found(self, step: str) -> Document:
        """What a step has left in the record; {} before it has begun."""
        return dict(self.record()["steps"].get(step, {}))

    def fix(self, step: str, **fields: Any) -> Document:
        """Leave what a step has found, unless an earlier attempt did; returns what stands."""
        first = next(iter(fields))
        self.records.update_one(
            {"_id": self.record_id, f"steps.{step}.{first}": {"$exists": False}},
            {"$set": {f"steps.{step}.{name}": value for name, value in fields.items()}},
        )
        return self.found(step)

    def set(self, **fields: Any) -> None:
        """Set fields of the record, whatever stood there."""
        self.records.update_one({"_id": self.record_id}, {"$set": fields})

    def begin(self, name: str) -> None:
        """Note when a step first started; it counts as unfinished until it ends well again."""
        self.records.update_one(
            {"_id": self.record_id, f"steps.{name}.started_at": {"$exists": False}},
            {"$set": {f"steps.{name}.started_at": datetime.now(UTC)}},
        )
        self.records.update_one({"_id": self.record_id}, {"$unset": {f"steps.{name}.ended_at": ""}})

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Note when a step first started and when it last ended well."""
        self.begin(name)
        yield
        self.set(**{f"steps.{name}.ended_at": datetime.now(UTC)})


def open_record(erasure: Erasure, requested_at: datetime) -> None:
    """Make the record; one that exists is left alone."""
    erasure.records.update_one(
        {"_id": erasure.record_id},
        {"$setOnInsert": {"requested_at": requested_at, "subject_id": erasure.subject_id, "steps": {}}},
        upsert=True,
    )


def close_record(erasure: Erasure) -> Document:
    """Set the outcome and return what may be told of the record.

    The names that linked the subject to their contributions go from it; the generations stay, so that a late retry
    means no other. Raises StoreError, with the outcome `failed`
    recorded, unless every step up to `verify` has ended well.
    """
    record = erasure.record()
    outcome = _outcome(record)
    erasure.set(**{"outcome": outcome, "steps.record.ended_at": datetime.now(UTC)})
    unfinished = first_unfinished(record)
    if unfinished is not None:
        left = record["steps"].get(unfinished, {}).get("left", [])
        where = f" ({', '.join(left)})" if left else ""
        raise StoreError(f"erasure {erasure.record_id} failed at the step {unfinished}{where}")
    erasure.records.update_one(
        {"_id": erasure.record_id},
        {"$set": {f"{NAMES}.contribution_ids": []}, "$unset": {f"{NAMES}.audit_ref": ""}},
    )
    return {
        "case_id": erasure.record_id,
        "outcome": outcome,
        "before": record["before"],
        "after": record["after"],
        "certificate": record["steps"].get("certify", {}).get("file"),
    }


def _outcome(record: Mapping[str, Any]) -> str:
    if first_unfinished(record) is not None:
        return FAILED
    return "erased" if held_something(record) else "nothing_held"


def first_unfinished(record: Mapping[str, Any]) -> str | None:
    """The first step that has not ended well; None where all have."""
    steps = record["steps"]
    return next((name for name in STEPS if "ended_at" not in steps.get(name, {})), None)


def held_something(record: Mapping[str, Any]) -> bool:
    """Also what only arrived with a batch in flight, after the counts before were taken."""
    return any(record["before"].values()) or bool(record["steps"]["await_in_flight"]["held"])
