"""The canary subject: nobody, put into every store for one look, so that a search which finds nothing is shown to work.

Its subject_id and the name of its contribution begin with sixteen zeros, which one real subject in 2**64 would have: so
they are known for what they are. They are in no count: nothing of it is a figure's, and it is gone with the step.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from bson.int64 import Int64
from cassandra.cluster import Session

from lethe.errors import StoreError
from lethe.requests.record import Erasure
from lethe.stores import cassandra

PREFIX: Final = "0" * 16
END_SECONDS: Final = 600  # by when Cassandra drops what a killed step has left
NO_ROOT: Final = 2**31 - 1  # later than any, so that no rotation waits for it
_AT: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Canary:
    """The one of a step of an erasure: the same for each attempt, another for another erasure."""

    subject_id: str
    contribution_id: str

    @classmethod
    def of(cls, record_id: str, step: str) -> "Canary":
        """Its names."""
        digest = hashlib.sha256(f"lethe canary {record_id} {step}".encode()).hexdigest()
        return cls(PREFIX + digest[:48], PREFIX + digest[16:])


@contextmanager
def present(erasure: Erasure, writer: Session, step: str) -> Iterator[Canary]:
    """The canary in every store that an erasure searches, until the block ends; `writer` is the eraser's session.

    Killed within, a retry of the step removes it; what is in Cassandra ends by itself. Raises StoreError where a store
    does not take it.
    """
    canary = Canary.of(erasure.record_id, step)
    _remove(erasure, writer, canary)
    try:
        _put(erasure, writer, canary)
        yield canary
    finally:
        _remove(erasure, writer, canary)


def assert_found(found: Mapping[str, int], where: str) -> dict[str, bool]:
    """What a search has found of the canary, as the record keeps it: true for each store.

    Raises StoreError with the stores in which it found nothing, though it was there.
    """
    blind = sorted(store for store, count in found.items() if count != 1)
    if blind:
        raise StoreError(
            f"{where}: the search of {', '.join(blind)} does not find what is there; it proves nothing"
        )
    return dict.fromkeys(found, True)


def _put(erasure: Erasure, writer: Session, canary: Canary) -> None:
    rows: dict[str, dict[str, Any]] = {
        cassandra.TABLE: {"event_time": _AT},
        cassandra.CONSENTS: {
            "purpose": "canary",
            "at": _AT,
            "granted": False,
            "policy_version": "canary",
            "by_guardian": False,
        },
        cassandra.EMAIL_INDEX: {"mac": "canary"},
    }
    for table, values in rows.items():
        cassandra.insert(writer, table, {"subject_id": canary.subject_id, **values}, ttl=END_SECONDS)
    erasure.db.contributions.insert_one({"_id": canary.contribution_id, "consents": {}, "root": NO_ROOT})
    erasure.db.quarantine.insert_one(
        {
            "_id": f"canary:{canary.subject_id}",
            "topic": "canary",
            "partition": 0,
            "offset": Int64(0),
            "reason": "canary",
            "at": datetime.now(UTC),
            "subject_ids": [canary.subject_id],
        }
    )


def _remove(erasure: Erasure, writer: Session, canary: Canary) -> None:
    """What was written before now goes, and what an attempt after this one writes does not."""
    cassandra.delete_subject(writer, canary.subject_id, round(datetime.now(UTC).timestamp() * 1_000_000))
    erasure.db.contributions.delete_one({"_id": canary.contribution_id})
    erasure.db.quarantine.delete_many({"subject_ids": canary.subject_id})
