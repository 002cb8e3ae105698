"""The names under which an erasure finds a subject where a key is needed to tell them.

A contribution's name comes from the subject's key, so it must be known before the key is punctured, and kept with
the record until the contribution is gone. From then on nobody can tell whose it was.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lethe.protection.subject_keys import SubjectKeys
from lethe.requests.record import NAMES, Erasure
from lethe.stores import suppression


@dataclass(frozen=True, slots=True)
class Names:
    """Of one subject: the generations whose keys are to be punctured, the contributions to look for, and the audit_ref.

    `audit_ref` is None before the puncture is about to be made, and where no key told it any more.
    """

    generations: tuple[int, ...]
    contribution_ids: tuple[str, ...]
    audit_ref: str | None = None

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> "Names":
        """As a record holds them; no contributions where it has been closed."""
        held = record.get(NAMES, {})
        ids = tuple(held.get("contribution_ids", ()))
        return cls(tuple(held.get("generations", ())), ids, held.get("audit_ref"))


def take(erasure: Erasure, keys: SubjectKeys) -> Names:
    """Find the names, once for each record.

    Those that an earlier erasure of the subject left unfinished are taken over: whatever became of it, this one
    ends it.
    """
    if NAMES not in erasure.record():
        generation = suppression.generation(erasure.db, erasure.subject_id)
        others = erasure.records.find(
            {"subject_id": erasure.subject_id, f"{NAMES}.contribution_ids": {"$ne": []}}
        )
        left = [Names.read(record) for record in others]
        generations = {generation}.union(*(each.generations for each in left))
        ids = set(contribution_ids(keys, erasure.subject_id, generation)).union(
            *(each.contribution_ids for each in left)
        )
        erasure.records.update_one(
            {"_id": erasure.record_id, NAMES: {"$exists": False}},
            {"$set": {NAMES: {"generations": sorted(generations), "contribution_ids": sorted(ids)}}},
        )
    return of(erasure)


def extend(erasure: Erasure, keys: SubjectKeys) -> Names:
    """Add the names that the keys of now give: a rotation may have brought a root, and moved a contribution, since.

    Called where the stream can't move it any more; and last while no root can be brought, before the puncture.
    """
    held = of(erasure)
    found = [
        name
        for generation in held.generations
        for name in contribution_ids(keys, erasure.subject_id, generation)
    ]
    if not set(found) <= set(held.contribution_ids):
        added = {f"{NAMES}.contribution_ids": {"$each": found}}
        erasure.records.update_one({"_id": erasure.record_id}, {"$addToSet": added})
    return of(erasure)


def note_audit_ref(erasure: Erasure, audit_ref: str | None) -> None:
    """Keep the subject's name in the audit trail, for the certificate; the first that is known stays."""
    if audit_ref is not None:
        unknown = {"_id": erasure.record_id, f"{NAMES}.audit_ref": {"$exists": False}}
        erasure.records.update_one(unknown, {"$set": {f"{NAMES}.audit_ref": audit_ref}})


def of(erasure: Erasure) -> Names:
    """The names that `take` has found."""
    return Names.read(erasure.record())


def contribution_ids(keys: SubjectKeys, subject_id: str, generation: int) -> list[str]:
    """The names that each root gives a subject's contribution; none where the key is punctured."""
    derived = (keys.derive([subject_id], [generation], root)[0] for root in keys.state.roots)
    return [each.contribution_id for each in derived if each is not None]
