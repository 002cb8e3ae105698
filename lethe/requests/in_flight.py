"""Step 3: wait until no batch is at work that read the suppression ledger before our entry.

A read of the ledger conflicts with no write, so a batch may hold an older copy. Either the driver tells that it
is past such batches, or no driver runs: then the lease is moved, so that one that was only paused can't write
to MongoDB any more; what it may still write to Cassandra has a write time that the deletion covers, since
MongoDB, which comes first, gave it.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from bson.codec_options import CodecOptions
from bson.int64 import Int64
from cassandra.cluster import Session
from pymongo.database import Database

from lethe.errors import StoreError
from lethe.protection.subject_keys import SubjectKeys
from lethe.requests import names
from lethe.requests.locate import count_arrived
from lethe.requests.record import Erasure
from lethe.requests.suppress import newest_held
from lethe.settings import StreamSettings
from lethe.stores import suppression
from lethe.stores.mongodb import Client, Document
from lethe.stores.suppression import Ends
from lethe.stream import lease
from lethe.stream.health import DRIVER

STEP = "await_in_flight"


class Driver(StrEnum):
    """What the driver's own document says of a ledger version."""

    KNOWS = "knows"  # every batch from now on, and the one at work, has read it
    WORKING = "working"  # a batch may be at work that has not
    ABSENT = "absent"


def driver_state(
    driver: Mapping[str, Any] | None,
    version: int,
    now: datetime,
    limit_seconds: float,
    of: str = "ledger_version",
) -> Driver:
    """Judge the driver's document; a heartbeat older than the limit (s) means that no driver runs.

    `of` names what the version is of: the driver tells `<of>`, read before it looked at the batch in flight, and
    `batch_<of>`, read when that batch began.
    """
    if not driver or driver.get("state") in ("stopped", "failed"):
        return Driver.ABSENT
    beat = driver.get("heartbeat_at")
    if beat is None or (now - beat).total_seconds() > limit_seconds:
        return Driver.ABSENT
    if (driver.get(of) or 0) < version or driver.get("state") == "starting":
        return Driver.WORKING
    if driver.get("batch_in_flight") is None or (driver.get(f"batch_{of}") or 0) >= version:
        return Driver.KNOWS
    return Driver.WORKING


def _version(erasure: Erasure) -> int:
    version = erasure.found("suppress").get("version")
    if version is None:
        raise StoreError(f"erasure {erasure.record_id}: not suppressed; run the step suppress first")
    return int(version)


def are_past(
    client: Client,
    db: Database[Document],
    version: int,
    holder: str,
    settings: StreamSettings | None = None,
    *,
    of: str = "ledger_version",
) -> bool:
    """Whether no batch from before a version (`of` as in `driver_state`) can write to MongoDB any more.

    Takes the lease, as `holder`, away from a driver that is absent: one that was only paused writes nothing then.
    """
    limit = (settings or StreamSettings()).heartbeat_limit_seconds
    health = db.get_collection("stream_health", codec_options=CodecOptions(tz_aware=True, tzinfo=UTC))
    state = driver_state(health.find_one({"_id": DRIVER}), version, datetime.now(UTC), limit, of)
    if state is Driver.ABSENT:
        lease.take(client, db, holder)
    return state is not Driver.WORKING


def is_settled(erasure: Erasure, settings: StreamSettings | None = None) -> bool:
    """Whether no older batch can write any more; takes the lease away from a driver that is absent."""
    holder = f"erasure {erasure.record_id}"
    return are_past(erasure.client, erasure.db, _version(erasure), holder, settings)


def settle(erasure: Erasure, session: Session, ends: Ends, keys: Callable[[], SubjectKeys]) -> int:
    """Fix the time of the erasure (µs), once, after the wait; `keys` gives those of now.

    A batch that was in flight may have written something newer than the entry: then the entry is raised above
    it. From here on what is written later belongs to a person who has returned, and is not touched.
    """
    found = erasure.found(STEP)
    if "erased_at" not in found:
        names.extend(erasure, keys())
        entry: Any = erasure.db.suppression.find_one({"_id": erasure.subject_id})
        erased_at = int(entry["erased_at"])
        newest = newest_held(session, erasure)
        if newest is not None and newest > erased_at:
            erased_at = newest
            generation = int(entry["generation"])
            suppression.enter(
                erasure.client, erasure.db, erasure.subject_id, erased_at, ends, generation=generation
            )
        ids = names.of(erasure).contribution_ids
        held = count_arrived(session, erasure.db, erasure.subject_id, ids)
        found = erasure.fix(STEP, erased_at=Int64(erased_at), held=any(held.values()), counts=held)
    return int(found["erased_at"])


def settled_at(erasure: Erasure) -> int:
    """The time of the erasure (µs). Raises StoreError before `settle` has fixed it."""
    erased_at = erasure.found(STEP).get("erased_at")
    if erased_at is None:
        raise StoreError(f"erasure {erasure.record_id}: not settled; run the step {STEP} first")
    return int(erased_at)


def await_in_flight(
    erasure: Erasure,
    session: Session,
    ends: Ends,
    keys: Callable[[], SubjectKeys],
    settings: StreamSettings | None = None,
) -> bool:
    """One look: False while a batch may be at work that doesn't know the entry; else settle, and True."""
    erasure.begin(STEP)
    if not is_settled(erasure, settings):
        return False
    with erasure.step(STEP):
        settle(erasure, session, ends, keys)
    return True
