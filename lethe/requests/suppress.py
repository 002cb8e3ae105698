"""Step 2: the entry in the suppression ledger that keeps the stream from letting the subject back in."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cassandra.cluster import Session
from pymongo.database import Database

from lethe.requests import names
from lethe.requests.record import Erasure
from lethe.stores import cassandra, suppression
from lethe.stores.mongodb import Document
from lethe.stores.suppression import Ends


def suppress(erasure: Erasure, session: Session, ends: Ends) -> int:
    """Enter the subject, known or not, with the topics' ends; returns the ledger version that holds the entry.

    `erased_at` is the later of the request's time and any write time held (µs). The entry of a subject who is
    suppressed already keeps its time and ends, unless something newer is held or may be on its way; its generation
    rises, since the keys of the one before are punctured next. A retry changes nothing: what
    a subject who returned has given since the first attempt is not this request's.
    """
    with erasure.step("suppress"):
        found = erasure.found("suppress")
        if "version" in found:
            return int(found["version"])
        held_at = newest_held(session, erasure)
        erased_at = max(microseconds(erasure.record()["requested_at"]), held_at or 0)
        version = _enter(erasure, erased_at, held_at, ends)
        return int(erasure.fix("suppress", version=version)["version"])


def _enter(erasure: Erasure, erased_at: int, held_at: int | None, ends: Ends) -> int:
    entry = erasure.db.suppression.find_one({"_id": erasure.subject_id})
    generation = 1 + max(names.of(erasure).generations)
    if entry is not None:
        is_newer = held_at is not None and held_at > entry["erased_at"]
        if not is_newer and not has_unread(erasure.db, ends):
            erased_at, ends = int(entry["erased_at"]), entry["ends"]
    return suppression.enter(
        erasure.client, erasure.db, erasure.subject_id, erased_at, ends, generation=generation
    )


def newest_held(session: Session, erasure: Erasure) -> int | None:
    """The latest write time (µs) of anything that the stores hold of the subject; None where nothing is."""
    contributions = erasure.db.contributions.find({"_id": {"$in": list(names.of(erasure).contribution_ids)}})
    times = [
        cassandra.write_time(session, erasure.subject_id),
        cassandra.consents_written_at(session, erasure.subject_id),
    ]
    times += [contribution.get("write_time") for contribution in contributions]
    return max((int(at) for at in times if at is not None), default=None)


def has_unread(db: Database[Document], ends: Ends) -> bool:
    """Whether messages below `ends` may still come into the stores: the driver has not told of all of them."""
    driver: Mapping[str, Any] = db.stream_health.find_one({"_id": "driver"}) or {}
    reached = {entry["partition"]: int(entry["offset"]) for entry in driver.get("reached", [])}
    return any(
        end > reached.get(f"{topic}:{partition}", 0)
        for topic, partitions in ends.items()
        for partition, end in partitions.items()
    )


def microseconds(at: datetime) -> int:
    """Unix time in µs, the unit of Cassandra's write timestamps."""
    return round(at.timestamp() * 1_000_000)
