"""The suppression ledger: who was erased, when, and how far the topics reached then.

Every entry has a version from one counter, taken in the transaction that writes it, so that versions become
visible in order and a reader that holds version v needs only what is above it. Readers keep the whole ledger
in memory as sorted arrays (48 bytes an entry) and look a whole batch up at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from bson.int64 import Int64
from pymongo.client_session import ClientSession
from pymongo.database import Database

from lethe.stores.mongodb import Client, Document, in_transaction

COUNTER = "suppression"
Ends = dict[str, dict[str, int]]


class Suppressed(NamedTuple):
    """A subject's entry: erased_at in µs, the topics' ends then, and how often they were erased."""

    erased_at: int
    ends: Ends
    generation: int


def enter(
    client: Client,
    db: Database[Document],
    subject_id: str,
    erased_at: int,
    ends: Mapping[str, Mapping[str, int]],
    *,
    generation: int,
) -> int:
    """Enter a subject, or raise the entry that stands; returns the ledger version that holds it.

    `erased_at` in µs; `ends`: the end offset by topic and partition (as text); `generation`: how often the subject
    has been erased with this one: who returns gets the keys of that generation. All three only ever rise. Repeated
    with nothing newer, it changes nothing and returns the version of the standing entry.
    """

    def work(session: ClientSession) -> int:
        # The counter first: two entries at once conflict here, so that versions commit in their order.
        counter: Any = db.counters.find_one_and_update(
            {"_id": COUNTER},
            {"$inc": {"value": Int64(1)}},
            upsert=True,
            return_document=True,
            session=session,
        )
        held = db.suppression.find_one({"_id": subject_id}, session=session)
        merged = _merge((held or {}).get("ends", {}), ends)
        raised = max(generation, int(held["generation"]) if held else 0)
        if (
            held
            and held["erased_at"] >= erased_at
            and held["ends"] == merged
            and held["generation"] == raised
        ):
            session.abort_transaction()
            return int(held["version"])
        version = int(counter["value"])
        entry: Document = {
            "version": Int64(version),
            "erased_at": Int64(max(erased_at, held["erased_at"] if held else 0)),
            "ends": {topic: {p: Int64(end) for p, end in parts.items()} for topic, parts in merged.items()},
            "generation": raised,
            "entered_at": datetime.now(UTC),
        }
        db.suppression.replace_one({"_id": subject_id}, entry, upsert=True, session=session)
        return version

    return in_transaction(client, work)


def _merge(held: Mapping[str, Mapping[str, int]], ends: Mapping[str, Mapping[str, int]]) -> Ends:
    """The later end of each partition."""
    result: Ends = {topic: {p: int(end) for p, end in parts.items()} for topic, parts in held.items()}
    for topic, parts in ends.items():
        into = result.setdefault(topic, {})
        for partition, end in parts.items():
            into[str(partition)] = max(int(end), into.get(str(partition), 0))
    return result


def generation(db: Database[Document], subject_id: str) -> int:
    """How often a subject was erased; 0 for never."""
    held = db.suppression.find_one({"_id": subject_id}, {"generation": 1})
    return int(held["generation"]) if held else 0


def version(db: Database[Document]) -> int:
    """The version of the newest entry; 0 for an empty ledger."""
    newest = db.suppression.find_one({}, {"version": 1}, sort=[("version", -1)])
    return int(newest["version"]) if newest else 0


@dataclass(slots=True)
class Ledger:
    """A copy of the ledger in memory, brought up to date by `refresh`."""

    version: int = 0
    _ids: npt.NDArray[np.bytes_] = field(default_factory=lambda: np.empty(0, dtype="S32"))
    _erased_at: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    _ends_of: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    _generation: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    _ends: list[Ends] = field(default_factory=list)

    def refresh(self, db: Database[Document]) -> None:
        """Read what is newer than `version`."""
        entries = list(
            db.suppression.find({"version": {"$gt": self.version}}, {"entered_at": 0}).sort("version", 1)
        )
        if entries:
            self.add(entries)

    def add(self, entries: Sequence[Document]) -> None:
        """Merge entries in; the later of two of one subject stands."""
        latest = {entry["_id"]: entry for entry in entries}
        ids = np.array([bytes.fromhex(key) for key in latest], dtype="S32")
        times = np.array([entry["erased_at"] for entry in latest.values()], dtype=np.int64)
        ends_of = np.arange(len(self._ends), len(self._ends) + len(latest), dtype=np.int32)
        generations = np.array([entry["generation"] for entry in latest.values()], dtype=np.int32)
        self._ends.extend(entry["ends"] for entry in latest.values())
        kept = ~np.isin(self._ids, ids)
        merged = np.concatenate([self._ids[kept], ids])
        order = np.argsort(merged)
        self._ids = merged[order]
        self._erased_at = np.concatenate([self._erased_at[kept], times])[order]
        self._ends_of = np.concatenate([self._ends_of[kept], ends_of])[order]
        self._generation = np.concatenate([self._generation[kept], generations])[order]
        self.version = max(self.version, *(int(entry["version"]) for entry in entries))

    def __len__(self) -> int:
        """How many subjects are suppressed."""
        return len(self._ids)

    def lookup(self, subject_ids: Sequence[str]) -> dict[str, Suppressed]:
        """The entries of those of these subjects who have one."""
        if not len(self._ids) or not subject_ids:
            return {}
        wanted = np.array([bytes.fromhex(key) for key in subject_ids], dtype="S32")
        found = np.searchsorted(self._ids, wanted)
        found[found == len(self._ids)] = 0
        hits = np.nonzero(self._ids[found] == wanted)[0]
        return {
            subject_ids[i]: Suppressed(
                int(self._erased_at[found[i]]),
                self._ends[self._ends_of[found[i]]],
                int(self._generation[found[i]]),
            )
            for i in hits.tolist()
        }
