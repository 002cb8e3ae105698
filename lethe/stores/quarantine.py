"""Quarantine: where a message lies that could not be accepted, and why; never what it says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bson.int64 import Int64
from pymongo import ReplaceOne
from pymongo.client_session import ClientSession
from pymongo.database import Database

from lethe.stores.mongodb import Client, Document, in_transaction
from lethe.stream.lease import Lease, assert_held


@dataclass(frozen=True, slots=True)
class Refused:
    """One refused message. `subject_id` is None where nothing in it names a subject."""

    topic: str
    partition: int
    offset: int
    reason: str
    subject_id: str | None

    def document(self, now: datetime) -> Document:
        """As stored: one a place in the topic, so that a replay adds nothing."""
        document: Document = {
            "_id": f"{self.topic}:{self.partition}:{self.offset}",
            "topic": self.topic,
            "partition": self.partition,
            "offset": Int64(self.offset),
            "reason": self.reason,
            "at": now,
        }
        if self.subject_id is not None:
            document["subject_id"] = self.subject_id
        return document


def keep(
    client: Client, db: Database[Document], lease: Lease, shard: int, refused: Sequence[Refused]
) -> None:
    """Keep one chunk of refused messages, all or none.

    Raises FencedError when the lease has been taken over.
    """

    def work(session: ClientSession) -> None:
        assert_held(db, lease, shard, session)
        write(db, refused, session)

    if refused:
        in_transaction(client, work)


def write(db: Database[Document], refused: Sequence[Refused], session: ClientSession) -> None:
    """Keep refused messages in a transaction that holds the lease."""
    now = datetime.now(UTC)
    writes = [ReplaceOne({"_id": (d := entry.document(now))["_id"]}, d, upsert=True) for entry in refused]
    if writes:
        db.quarantine.bulk_write(writes, ordered=False, session=session)
