"""Contributions and the aggregates made of them, always changed together in one transaction.

A contribution is one subject's share in the aggregates, with the position (event ms, offset) of the profile
that it comes from. Exactness rests on comparing positions inside the transaction that moves them, never on
batch ids. The aggregates are counts a (nationality, birth month), sharded so that partitions don't contend;
everything published is computed from them when it is read.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bson.int64 import Int64
from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.database import Database

from lethe.stores.mongodb import Client, Document, in_transaction
from lethe.stream.lease import Lease, assert_held

# A contribution's fields beside the figures, which are those that the register keeps there.
OWN_FIELDS = frozenset({"_id", "at", "offset", "write_time", "counted", "shard"})


class Outcome(StrEnum):
    """What became of one subject's latest message."""

    STORED = "stored"
    SUPERSEDED = "superseded"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True)
class Entry:
    """One subject's latest profile in a batch, as far as the aggregates are concerned.

    `contribution_id` is derived from the subject's key (docs/protection.md): whoever can't derive the key can't find
    the contribution. `figures` holds the register's figures of a subject who consents to analytics, else None.
    """

    contribution_id: str
    event_ms: int
    offset: int
    figures: Mapping[str, str | float | None] | None

    @property
    def position(self) -> tuple[int, int]:
        """Later wins; equal times are settled by the offset."""
        return self.event_ms, self.offset


@dataclass(slots=True)
class Cells:
    """Changes to the aggregates: by (nationality, shard), a count a birth month; and how many subjects."""

    months: dict[tuple[str, int], Counter[str]] = field(default_factory=dict)
    changes: Counter[tuple[str, int]] = field(default_factory=Counter)
    stored: int = 0
    counted: int = 0

    def add(self, document: Mapping[str, Any], sign: int) -> None:
        """Count a subject in (+1) or out (-1), and their contribution where they consent to one."""
        self.stored += sign
        if not document["counted"]:
            return
        self.counted += sign
        key = (document["nationality"], document["shard"])
        self.months.setdefault(key, Counter())[document["birth_month"]] += sign
        self.changes[key] += 1

    def move(self, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> None:
        """Count a subject from one state to another; nothing where both count alike."""
        if _share(before) == _share(after):
            return
        if before is not None and _share(before) is not None:
            self.add(before, -1)
        if after is not None:
            self.add(after, +1)

    def write(self, db: Database[Document], writer: str, session: ClientSession) -> None:
        """Add the changes to the aggregates; `writer` names whose counter of subjects takes them."""
        updates = self._updates()
        if updates:
            db.aggregate_shards.bulk_write(updates, ordered=False, session=session)
        if self.stored or self.counted:
            counts = {"stored": Int64(self.stored), "counted": Int64(self.counted)}
            db.subject_counts.update_one({"_id": writer}, {"$inc": counts}, upsert=True, session=session)

    def _updates(self) -> list[UpdateOne]:
        """One update a cell that really changed."""
        result = []
        for (nationality, shard), months in self.months.items():
            moved = {f"months.{month}": Int64(n) for month, n in months.items() if n}
            moved["changes"] = Int64(self.changes[nationality, shard])
            result.append(
                UpdateOne(
                    {"_id": f"{nationality}:{shard}"},
                    {"$inc": moved, "$setOnInsert": {"nationality": nationality, "shard": shard}},
                    upsert=True,
                )
            )
        return result


@dataclass(frozen=True, slots=True)
class Applied:
    """What a transaction decided: by contribution_id, the outcome and, where stored, the write time in µs."""

    outcomes: dict[str, Outcome]
    write_times: dict[str, int]


def _document(entry: Entry, write_time: int, shard: int) -> Document:
    document: Document = {
        "_id": entry.contribution_id,
        "at": Int64(entry.event_ms),
        "offset": Int64(entry.offset),
        "write_time": Int64(write_time),
        "counted": entry.figures is not None,
    }
    if entry.figures is not None:
        document |= {**entry.figures, "shard": shard}
    return document


def _decide(held: Document | None, entry: Entry) -> tuple[Outcome, int]:
    """Outcome and write time (µs) of an entry against what is held of its subject.

    The write time is the event's, raised above the last one held: profiles of one subject are then ordered in
    Cassandra as they are here, also where their event times are equal. A profile that is held already keeps
    its write time: writing it again changes nothing.
    """
    if held is None:
        return Outcome.STORED, entry.event_ms * 1000
    if "erased_at" in held:
        return Outcome.SUPPRESSED, 0
    position = (held["at"], held["offset"])
    if entry.position < position:
        return Outcome.SUPERSEDED, 0
    if entry.position == position:
        return Outcome.STORED, held["write_time"]
    return Outcome.STORED, max(entry.event_ms * 1000, held["write_time"] + 1)


def _share(document: Mapping[str, Any] | None) -> tuple[Any, ...] | None:
    """What a document adds to the aggregates: figures, () for a subject who isn't counted, None for nobody."""
    if document is None or "erased_at" in document:
        return None
    if not document["counted"]:
        return ()
    return tuple(sorted((name, value or "") for name, value in document.items() if name not in OWN_FIELDS))


def _apply(
    db: Database[Document], lease: Lease, shard: int, entries: Sequence[Entry], session: ClientSession
) -> Applied:
    assert_held(db, lease, shard, session)
    ids = [entry.contribution_id for entry in entries]
    held = {doc["_id"]: doc for doc in db.contributions.find({"_id": {"$in": ids}}, session=session)}
    applied, cells = Applied({}, {}), Cells()
    replaced: list[str] = []
    inserts: list[Document] = []
    for entry in entries:
        before = held.get(entry.contribution_id)
        outcome, write_time = _decide(before, entry)
        applied.outcomes[entry.contribution_id] = outcome
        if outcome is not Outcome.STORED:
            continue
        applied.write_times[entry.contribution_id] = write_time
        after = _document(entry, write_time, before["shard"] if before and before.get("counted") else shard)
        if before == after:
            continue
        inserts.append(after)
        if before is not None:
            replaced.append(entry.contribution_id)
        cells.move(before, after)
    # Removing and inserting in bulk costs a third of as many single replacements.
    if replaced:
        db.contributions.delete_many({"_id": {"$in": replaced}}, session=session)
    if inserts:
        db.contributions.insert_many(inserts, ordered=False, session=session)
    cells.write(db, str(shard), session)
    return applied


def apply(
    client: Client, db: Database[Document], lease: Lease, shard: int, entries: Sequence[Entry]
) -> Applied:
    """Bring one chunk of a partition's entries (one a subject) and their aggregates up to date.

    Raises FencedError when the lease has been taken over; then nothing of the chunk is changed.
    """
    return in_transaction(client, lambda session: _apply(db, lease, shard, entries, session))


def erase(client: Client, db: Database[Document], contribution_id: str, erased_at: int) -> Document | None:
    """Remove one contribution, leave a tombstone under its `_id`, and repair the aggregates, all or nothing.

    `erased_at` is in µs. Returns what was held, None where nothing was. A second call changes nothing but to
    raise the tombstone's time. Who returns after an erasure has other keys, and so a contribution of another name: a
    late retry takes nothing of theirs away.
    """

    def work(session: ClientSession) -> Document | None:
        held = db.contributions.find_one({"_id": contribution_id}, session=session)
        tombstone = {"erased_at": Int64(max(erased_at, (held or {}).get("erased_at", 0)))}
        db.contributions.replace_one({"_id": contribution_id}, tombstone, upsert=True, session=session)
        if held is None or "erased_at" in held:
            return None
        cells = Cells()
        cells.move(held, None)
        cells.write(db, "eraser", session)
        if held["counted"]:
            _drop_empty_months(db, f"{held['nationality']}:{held['shard']}", session)
        return held

    return in_transaction(client, work)


def _drop_empty_months(db: Database[Document], cell: str, session: ClientSession) -> None:
    """A month that nobody is left in goes, so that it doesn't tell that somebody was."""
    kept: Document = {
        "$arrayToObject": {
            "$filter": {"input": {"$objectToArray": "$months"}, "cond": {"$ne": ["$$this.v", 0]}}
        }
    }
    db.aggregate_shards.update_one({"_id": cell}, [{"$set": {"months": kept}}], session=session)


def held_positions(db: Database[Document], contribution_ids: Iterable[str]) -> dict[str, Document]:
    """What is held under these names, by contribution_id."""
    return {doc["_id"]: doc for doc in db.contributions.find({"_id": {"$in": list(contribution_ids)}})}
