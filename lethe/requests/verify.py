"""Step 8: read everything back, through connections of the auditor's that can't write."""

from collections.abc import Sequence

from cassandra.cluster import Session
from pymongo.database import Database

from lethe.errors import StoreError
from lethe.protection.subject_keys import SubjectKeys
from lethe.requests import names
from lethe.requests.in_flight import settled_at
from lethe.requests.locate import (
    CONSENTS,
    CONTRIBUTIONS,
    EMAIL_INDEX,
    PROFILES,
    QUARANTINE,
    can_derive,
    count_held,
    look_for_canary,
)
from lethe.requests.puncture import KEY, is_derivable
from lethe.requests.record import Erasure
from lethe.stores import cassandra
from lethe.stores.mongodb import Document

SUPPRESSION = "mongodb.suppression"


def verify(
    erasure: Erasure, session: Session, auditor_db: Database[Document], keys: SubjectKeys, *, writer: Session
) -> dict[str, int]:
    """Count again and judge what is found; returns the counts after, by store. `keys`: of the key state as it is now.

    `writer`, the eraser's session, puts the canary into every store first, for the same questions to find.

    What a subject gave after the erasure, having returned, may be there. Raises StoreError naming each store that
    still holds something older, or that lacks what would keep the subject out. A store that can't be asked
    raises too: no absence is concluded from silence.
    """
    with erasure.step("verify"):
        erased_at = settled_at(erasure)
        contribution_ids = names.of(erasure).contribution_ids
        seen = look_for_canary(erasure, writer, session, auditor_db, "verify")
        after = count_held(session, auditor_db, erasure.subject_id, contribution_ids)
        key = {"derivable": is_derivable(erasure, keys), "canary": can_derive(erasure, keys)}
        left = [
            *([KEY] if key["derivable"] else []),
            *_left_in_cassandra(session, erasure.subject_id, erased_at),
            *_left_in_mongodb(auditor_db, erasure.subject_id, contribution_ids, erased_at),
        ]
        said = {"left": left, "canary": seen, "key": key}
        erasure.set(after=after, **{f"steps.verify.{name}": value for name, value in said.items()})
        if left:
            raise StoreError(f"erasure {erasure.record_id}: not complete in {', '.join(left)}; run it again")
    return after


def _left_in_cassandra(session: Session, subject_id: str, erased_at: int) -> list[str]:
    written = cassandra.write_time(session, subject_id)
    is_there = cassandra.read_profile(session, subject_id) is not None
    left = [PROFILES] if is_there and (written is None or written <= erased_at) else []
    others = {
        CONSENTS: cassandra.consents_written_at(session, subject_id, least=True),
        EMAIL_INDEX: cassandra.index_written_at(session, subject_id),
    }
    return [*left, *(store for store, oldest in others.items() if oldest is not None and oldest <= erased_at)]


def _left_in_mongodb(
    db: Database[Document], subject_id: str, contribution_ids: Sequence[str], erased_at: int
) -> list[str]:
    left = []
    entry = db.suppression.find_one({"_id": subject_id})
    if entry is None or entry["erased_at"] < erased_at:
        left.append(SUPPRESSION)
    held = {
        document["_id"]: document for document in db.contributions.find({"_id": {"$in": [*contribution_ids]}})
    }
    if not all(_is_tombstone(held.get(name), erased_at) for name in contribution_ids):
        left.append(CONTRIBUTIONS)
    if db.quarantine.count_documents({"subject_ids": subject_id}):
        left.append(QUARANTINE)
    return left


def _is_tombstone(contribution: Document | None, erased_at: int) -> bool:
    """Nothing at all is wrong as well: without its tombstone a batch could put an old contribution back."""
    return contribution is not None and contribution.get("erased_at", 0) >= erased_at
