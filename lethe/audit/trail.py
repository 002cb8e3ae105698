"""The trail itself: a chain of entries in MongoDB, appended to under a head that every writer moves.

A transaction writes the head first, and the entries with it. So two writers never take one place: the second meets a
conflict, and runs again from the head as it is then. A transaction that is killed or aborted leaves nothing.
"""

from collections.abc import Sequence
from datetime import UTC
from typing import Any, Final

from bson.codec_options import CodecOptions
from bson.int64 import Int64
from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import BulkWriteError, DuplicateKeyError

from lethe.audit.entry import BEGINNING, Entry, entry_hash
from lethe.errors import StoreError
from lethe.moments import time_text
from lethe.stores.mongodb import Client, Document, in_transaction

HEAD: Final = "head"


def seed(db: Database[Document]) -> None:
    """Make the head of an empty trail, once. One that lost its head is left as it is: appending to it fails."""
    if db.audit_trail.find_one({}, {"_id": 1}) is not None:
        return
    try:
        db.audit_head.insert_one({"_id": HEAD, "size": Int64(0), "hash": BEGINNING})
    except DuplicateKeyError:
        return  # it is there


def append(
    client: Client, db: Database[Document], entries: Sequence[Entry], session: ClientSession | None = None
) -> list[int]:
    """Append entries; returns their positions. What is in the trail already under its key is not written again.

    With the session of a transaction it is part of that: what it does and what is said of it stand or fall together.
    Call it first there, so that a conflict with another writer is met before there is work to lose; others wait until
    the commit. A conflict is the caller's to run again, as `in_transaction` does. Raises StoreError where the trail has
    no head, or the head is not the trail's.
    """
    if not entries:
        return []
    if session is not None:
        return _append(db, entries, session)
    return in_transaction(client, lambda own: _append(db, entries, own))


def _append(db: Database[Document], entries: Sequence[Entry], session: ClientSession) -> list[int]:
    heads = db.get_collection("audit_head", codec_options=CodecOptions(tz_aware=True, tzinfo=UTC))
    # The server's clock: one for all writers.
    head: Any = heads.find_one_and_update(
        {"_id": HEAD},
        [{"$set": {"at": "$$NOW"}}],
        return_document=ReturnDocument.AFTER,
        session=session,
    )
    if head is None:
        raise StoreError("audit trail: it has no head; see docs/audit.md, When it is not intact")
    asked = {"key": {"$in": [entry.key for entry in entries]}}
    held = {each["key"]: int(each["_id"]) for each in db.audit_trail.find(asked, {"key": 1}, session=session)}
    size, previous, at = int(head["size"]), str(head["hash"]), time_text(head["at"])
    new: list[Document] = []
    for entry in entries:
        if entry.key in held:
            continue
        document = entry.placed(Int64(size), previous, at)
        held[entry.key], size, previous = size, size + 1, entry_hash(document).hex()
        new.append(document)
    if new:
        _write(db, new, session)
        moved = {"$set": {"size": Int64(size), "hash": previous}}
        db.audit_head.update_one({"_id": HEAD}, moved, session=session)
    return [held[entry.key] for entry in entries]


def _write(db: Database[Document], new: Sequence[Document], session: ClientSession) -> None:
    try:
        db.audit_trail.insert_many(new, session=session)
    except BulkWriteError as error:
        if error.has_error_label("TransientTransactionError"):
            raise
        raise StoreError(
            f"audit trail: position {new[0]['_id']} can't be written: the head is not the trail's, or an entry is not "
            "of the register's form; see `lethe audit verify`"
        ) from None
