"""The record of a rotation: one document in `rotations`, named by the root that it brings; one open at a time.

Beside it lies a document for each slice of the table, in which the transactions that move documents count them: so the
count is right whatever is killed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bson.codec_options import CodecOptions
from bson.int64 import Int64
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from lethe.errors import StoreError
from lethe.protection.key_state import KeyState
from lethe.rotation.rows import Counts, Document
from lethe.settings import RotationSettings

KEPT_PASSES = 20


@dataclass(frozen=True, slots=True)
class Rotation:
    """One rotation; `number` is the id of the root that it brings."""

    db: Database[Document]
    number: int

    def record(self) -> Document:
        """The record as it stands. Raises StoreError where there is none."""
        found = records(self.db).find_one({"_id": self.number})
        if found is None:
            raise StoreError(f"rotation {self.number}: no record; run the step begin first")
        return found

    def fix(self, **fields: Any) -> Document:
        """Set fields, unless an earlier attempt has set the first of them; returns what stands."""
        first = next(iter(fields))
        records(self.db).update_one({"_id": self.number, first: {"$exists": False}}, {"$set": fields})
        return self.record()

    def note_pass(self, counts: Counts, began_at: datetime) -> None:
        """Note what a pass over all rows has found; a clean one is the check, any other takes it back."""
        now = datetime.now(UTC)
        entry = {"began_at": began_at, "ended_at": now} | counts.document()
        change: Document = {"$push": {"passes": {"$each": [entry], "$slice": -KEPT_PASSES}}}
        change |= {"$set": {"checked_at": now}} if counts.is_clean else {"$unset": {"checked_at": ""}}
        records(self.db).update_one({"_id": self.number}, change)

    def last_pass(self) -> Counts | None:
        """What the last pass found; None before the first one ended."""
        passes = self.record().get("passes", [])
        return Counts.read(passes[-1]) if passes else None

    def count_moved(self, part: int, documents: int, session: ClientSession) -> None:
        """Count documents moved, within the transaction that moves them."""
        key = {"_id": f"{self.number}:{part}"}
        records(self.db).update_one(key, {"$inc": {"moved": Int64(documents)}}, upsert=True, session=session)

    def moved(self) -> int:
        """How many documents this rotation has moved; those that the stream moved are not among them."""
        slices = records(self.db).find({"_id": {"$regex": f"^{self.number}:"}})
        return sum(int(each["moved"]) for each in slices)

    def end(self) -> Document:
        """Close the record; a second time, nothing changes."""
        change = {
            "$set": {"ended_at": datetime.now(UTC), "moved": Int64(self.moved())},
            "$unset": {"open": ""},
        }
        records(self.db).update_one({"_id": self.number, "open": True}, change)
        return self.record()


def records(db: Database[Document]) -> Collection[Document]:
    """`rotations`, with times in UTC whatever the client's own settings."""
    return db.get_collection("rotations", codec_options=CodecOptions(tz_aware=True, tzinfo=UTC))


def find_open(db: Database[Document]) -> Rotation | None:
    """The rotation at work; None where none is."""
    found = records(db).find_one({"open": True})
    return Rotation(db, int(found["_id"])) if found else None


def at_work(db: Database[Document]) -> Rotation:
    """The rotation at work. Raises StoreError where none is."""
    found = find_open(db)
    if found is None:
        raise StoreError("no rotation is at work; run the step begin first")
    return found


def start(db: Database[Document], number: int) -> Rotation:
    """Open the record of a rotation; of two at once, both get the same.

    Raises StoreError where the root has been brought by a rotation that ended: the key state or MongoDB is not of now.
    """
    opened = {"_id": number, "open": True, "begun_at": datetime.now(UTC)}
    try:
        records(db).insert_one(opened)
    except DuplicateKeyError as error:
        found = find_open(db)
        if found is None:
            raise StoreError(
                f"rotation {number} has ended already, and the key state knows nothing of it: one of the two was "
                "restored from a backup; see docs/operations.md, Backup and restore"
            ) from error
        return found
    return Rotation(db, number)


def is_due(db: Database[Document], state: KeyState, settings: RotationSettings) -> str | None:
    """Why a rotation is to begin, or to go on, now; None where it is not.

    The days count from the end of the last one; where there was none, from the first time that this is asked.
    """
    if find_open(db) is not None:
        return "one is at work"
    if len(state.roots) > 1:
        return "one was at work whose record is lost"
    punctures = sum(tree.punctures for tree in state.roots.values())
    if punctures > settings.punctures:
        return f"{punctures} keys are destroyed, more than {settings.punctures}"
    now = datetime.now(UTC)
    ended: Mapping[str, Any] | None = records(db).find_one(
        {"ended_at": {"$exists": True}}, sort=[("ended_at", -1)]
    )
    if ended is None:
        first = {"$setOnInsert": {"begun_at": now, "ended_at": now}}
        records(db).update_one({"_id": state.current}, first, upsert=True)
        return None
    since = ended["ended_at"]
    return f"the last one ended on {since:%Y-%m-%d}" if now - since >= timedelta(days=settings.days) else None
