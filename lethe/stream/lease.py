"""The lease: one number that says which driver may write, and the fence that enforces it.

A check of the lease in the client leaves a gap between check and write. The fence is the server's (design,
Fencing): MongoDB transactions write their lease document and so fail once the number has moved; Cassandra
writes are made by a role of that number alone, whose rights are revoked at a takeover (Kleppmann, "How to do
distributed locking", 2016: fencing tokens are checked by the storage).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo.client_session import ClientSession
from pymongo.database import Database

from lethe.errors import FencedError
from lethe.stores.mongodb import Client, Document, in_transaction

LEASE = "stream"


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write as the driver with this number."""

    number: int
    holder: str


def shard_id(shard: int) -> str:
    """The `_id` of a lease document that one counter shard's transactions write."""
    return f"{LEASE}:{shard}"


def take(client: Client, db: Database[Document], holder: str, shards: int = 0) -> Lease:
    """Take the next number; every transaction of an earlier one fails from here on.

    The number and its copies, one a counter shard, move in one transaction: partitions write different
    copies, so that they don't contend with each other, but all conflict with this. `shards` is how many
    copies the new holder will write; copies that an earlier holder made are moved as well.
    """

    def move(session: ClientSession) -> int:
        now = datetime.now(UTC)
        current: Any = db.lease.find_one({"_id": LEASE}, session=session) or {"number": 0}
        number = int(current["number"]) + 1
        state = {"number": number, "holder": holder, "at": now}
        for key in [LEASE, *(shard_id(shard) for shard in range(shards))]:
            db.lease.update_one({"_id": key}, {"$set": state}, upsert=True, session=session)
        db.lease.update_many({"number": {"$lt": number}}, {"$set": state}, session=session)
        return number

    return Lease(in_transaction(client, move), holder)


def current(db: Database[Document]) -> int:
    """The number in force; 0 before the first driver."""
    found = db.lease.find_one({"_id": LEASE})
    return int(found["number"]) if found else 0


def assert_held(db: Database[Document], lease: Lease, shard: int, session: ClientSession) -> None:
    """Write the shard's lease document inside a transaction.

    Raises FencedError when a newer number exists; a takeover that has not committed yet is a conflict, and
    the transaction is run again.
    """
    written = db.lease.update_one(
        {"_id": shard_id(shard), "number": lease.number}, {"$inc": {"writes": 1}}, session=session
    )
    if written.matched_count != 1:
        raise FencedError(f"lease {lease.number} of the stream has been taken over; this driver must stop")
