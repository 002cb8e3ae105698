"""Step 7: read everything back, through connections of the auditor's that can't write."""

from cassandra.cluster import Session
from pymongo.database import Database

from lethe.errors import StoreError
from lethe.requests.in_flight import settled_at
from lethe.requests.locate import CONTRIBUTIONS, PROFILES, QUARANTINE, count_held
from lethe.requests.record import Erasure
from lethe.stores import cassandra
from lethe.stores.mongodb import Document

SUPPRESSION = "mongodb.suppression"


def verify(erasure: Erasure, session: Session, auditor_db: Database[Document]) -> dict[str, int]:
    """Count again and judge what is found; returns the counts after, by store.

    What a subject gave after the erasure, having returned, may be there. Raises StoreError naming each store that
    still holds something older, or that lacks what would keep the subject out. A store that can't be asked
    raises too: no absence is concluded from silence.
    """
    with erasure.step("verify"):
        erased_at = settled_at(erasure)
        after = count_held(session, auditor_db, erasure.subject_id)
        left = [
            *_left_in_cassandra(session, erasure.subject_id, erased_at),
            *_left_in_mongodb(auditor_db, erasure.subject_id, erased_at),
        ]
        erasure.set(**{"after": after, "steps.verify.left": left})
        if left:
            raise StoreError(f"erasure {erasure.record_id}: not complete in {', '.join(left)}; run it again")
    return after


def _left_in_cassandra(session: Session, subject_id: str, erased_at: int) -> list[str]:
    written = cassandra.write_time(session, subject_id)
    is_there = cassandra.read_profile(session, subject_id) is not None
    return [PROFILES] if is_there and (written is None or written <= erased_at) else []


def _left_in_mongodb(db: Database[Document], subject_id: str, erased_at: int) -> list[str]:
    left = []
    entry = db.suppression.find_one({"_id": subject_id})
    if entry is None or entry["erased_at"] < erased_at:
        left.append(SUPPRESSION)
    if not _keeps_out(db.contributions.find_one({"_id": subject_id}), erased_at):
        left.append(CONTRIBUTIONS)
    if db.quarantine.count_documents({"subject_id": subject_id}):
        left.append(QUARANTINE)
    return left


def _keeps_out(contribution: Document | None, erased_at: int) -> bool:
    """Whether there is the tombstone, or the contribution of a person who has returned since.

    Nothing at all is wrong as well: without its tombstone a batch could put an old contribution back.
    """
    if contribution is None:
        return False
    if "erased_at" in contribution:
        return bool(contribution["erased_at"] >= erased_at)
    return bool(contribution["write_time"] > erased_at)
