"""Step 1: where a subject's data stands, counted by store.

`verify` asks the same questions of the same stores: an absence is only proven by a question that has found
something before.
"""

from collections.abc import Sequence
from datetime import datetime

from cassandra.cluster import Session
from pymongo.database import Database

from lethe.protection.subject_keys import SubjectKeys
from lethe.requests import canary, names
from lethe.requests.record import Erasure, open_record
from lethe.stores import cassandra
from lethe.stores.mongodb import Document
from lethe.stores.suppression import Ends

PROFILES = "cassandra.profiles"
CONSENTS = "cassandra.consents"
EMAIL_INDEX = "cassandra.email_index"
CONTRIBUTIONS = "mongodb.contributions"
QUARANTINE = "mongodb.quarantine"


def count_held(
    session: Session, db: Database[Document], subject_id: str, contribution_ids: Sequence[str]
) -> dict[str, int]:
    """How many records of a subject each store holds; a store that doesn't answer is an error, never a zero."""
    index = {EMAIL_INDEX: int(cassandra.index_written_at(session, subject_id) is not None)}
    return count_arrived(session, db, subject_id, contribution_ids) | index


def count_arrived(
    session: Session, db: Database[Document], subject_id: str, contribution_ids: Sequence[str]
) -> dict[str, int]:
    """The same of the stores that whoever erases may read too: all but the e-mail index, which follows profiles."""
    contribution = {"_id": {"$in": list(contribution_ids)}, "erased_at": {"$exists": False}}
    return {
        PROFILES: int(cassandra.read_profile(session, subject_id) is not None),
        CONSENTS: cassandra.count_consents(session, subject_id),
        CONTRIBUTIONS: db.contributions.count_documents(contribution),
        QUARANTINE: db.quarantine.count_documents({"subject_ids": subject_id}),
    }


def locate(
    erasure: Erasure,
    session: Session,
    auditor_db: Database[Document],
    ends: Ends,
    *,
    writer: Session,
    keys: SubjectKeys,
    requested_at: datetime,
) -> dict[str, int]:
    """Open the record with the subject's names and the counts before; `session` and `auditor_db` are the auditor's.

    Both are taken once: a retry after something was erased must not say that nothing was held. `writer`, the eraser's
    session, puts the canary into every store first: StoreError where the search does not find it.
    """
    open_record(erasure, requested_at)
    with erasure.step("locate"):
        found = names.take(erasure, keys)
        record = erasure.record()
        if "before" not in record:
            seen = look_for_canary(erasure, writer, session, auditor_db, "locate")
            before = count_held(session, auditor_db, erasure.subject_id, found.contribution_ids)
            key = {"derivable": bool(found.contribution_ids), "canary": can_derive(erasure, keys)}
            said = {"ends": ends, "canary": seen, "key": key}
            erasure.set(before=before, **{f"steps.locate.{name}": value for name, value in said.items()})
            record = erasure.record()
    return dict(record["before"])


def can_derive(erasure: Erasure, keys: SubjectKeys) -> bool:
    """Whether the canary's key can be derived: that trying a key shows something."""
    nobody = canary.Canary.of(erasure.record_id, "locate")
    return keys.derive([nobody.subject_id], [0])[0] is not None


def look_for_canary(
    erasure: Erasure, writer: Session, session: Session, auditor_db: Database[Document], step: str
) -> dict[str, bool]:
    """Ask the questions of `count_held` about somebody who is there; raises StoreError where one does not find them."""
    with canary.present(erasure, writer, step) as nobody:
        found = count_held(session, auditor_db, nobody.subject_id, [nobody.contribution_id])
    return canary.assert_found(found, f"erasure {erasure.record_id}, {step}")
