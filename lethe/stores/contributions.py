"""Contributions and the aggregates made of them, always changed together in one transaction.

A contribution is one subject's document: the consent state, the position (event ms, offset) of the profile that stands,
and the share in the aggregates of who consents to them. What a batch makes of it is `lethe.profiles.standing`'s to say;
exactness rests on comparing with what is held inside the transaction that changes it, never on batch ids. The
aggregates are counts a (nationality, birth month), sharded so that partitions don't contend; everything published is
computed from them when it is read.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from bson.int64 import Int64
from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.database import Database

from lethe.profiles.consent import NO_CONSENTS, ConsentState, from_document, standing_of, to_document
from lethe.profiles.contract import Consent, Profile
from lethe.profiles.rules import Rules
from lethe.profiles.standing import Held, Settled, settle
from lethe.stores.mongodb import Client, Document, in_transaction
from lethe.stream.lease import Lease, assert_held

# A contribution's fields beside the figures, which are those that the register keeps there.
OWN_FIELDS = frozenset(
    {"_id", "root", "consents", "at", "offset", "write_time", "counted", "minor", "moments", "ended", "shard"}
)
ANALYTICS = "analytics"  # the purpose that the figures serve

Figures: TypeAlias = Mapping[str, str | float | None]


@dataclass(frozen=True, slots=True)
class Entry:
    """One subject's messages in a chunk.

    `names`: what the subject's keys call the contribution, under the root of new rows first, then under older ones
    (docs/protection.md); whoever can't derive the keys can't find it. `root`: the first one's number. `profiles` in
    order of their offsets. `erased_at` (µs) is of a subject in the suppression ledger. `row`: position and figures of
    the row that Cassandra holds, for a subject who may be counted again without a new profile.
    """

    names: tuple[str, ...]
    consents: Sequence[Consent] = ()
    profiles: Sequence[Profile] = ()
    erased_at: int | None = None
    row: tuple[tuple[int, int], Figures] | None = None
    root: int = 1


class Change(NamedTuple):
    """What became of an entry: None settled where a tombstone keeps everything out.

    `write_time` (µs) is the row's, `is_new` whether it is another than before. `is_owed`: the subject is to be counted,
    and their figures are not known here.
    """

    settled: Settled | None
    write_time: int = 0
    before: ConsentState = NO_CONSENTS
    is_new: bool = False
    is_owed: bool = False


Rest: TypeAlias = Callable[[Sequence[Change], ClientSession], None]
"""What else is to be written in the transaction, once it is known what became of the entries."""


@dataclass(frozen=True, slots=True)
class Reading:
    """By what contributions are made: the register's rules, and which figures a profile has.

    `consented`: the purposes of each figure that stands by consent alone.
    """

    rules: Rules
    figures_of: Callable[[Profile], Figures]
    consented: Mapping[str, frozenset[str]] = field(default_factory=dict)


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
        if before is not None and "counted" in before:
            self.add(before, -1)
        if after is not None and "counted" in after:
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


def _held(document: Mapping[str, Any]) -> Held:
    """What a document holds of a subject."""
    position = (document["at"], document["offset"]) if "at" in document else None
    return Held(
        from_document(document.get("consents", {})),
        position,
        "counted" in document,
        document.get("minor", False),
        frozenset(frozenset(moment) for moment in document.get("moments", ())),
    )


def _document(entry: Entry, held: Held, write_time: int, figures: Figures | None, shard: int) -> Document:
    """What is to be held; figures only of who is counted."""
    document: Document = {"_id": entry.names[0], "root": entry.root, "consents": to_document(held.consents)}
    if held.position is None:
        return document
    at, offset = held.position
    document |= {"at": Int64(at), "offset": Int64(offset), "write_time": Int64(write_time)}
    if not held.stands:
        return document | {"ended": True}
    document |= {"counted": figures is not None, "moments": sorted(sorted(moment) for moment in held.moments)}
    if held.minor:
        document["minor"] = True
    return document | {**figures, "shard": shard} if figures is not None else document


def _write_time(name: str, before: Document | None, held: Held, settled: Settled, rules: Rules) -> int:
    """Of the row (µs): the event's, raised above the last one where anything of the row changes.

    Profiles of one subject are then ordered in Cassandra as they are here, also where their event times are equal. A
    row that is held already keeps its time: writing it again changes nothing. Where the document moves to a new root's
    name it is raised by two, since a rotation raises it by one: neither takes the other's write for its own.
    """
    last = int((before or {}).get("write_time", 0))
    now = settled.held
    if now.position is None:
        return 0
    if before is not None and before["_id"] != name:
        return max(now.position[0] * 1000, last + 2)
    if now.position != held.position:
        return max(now.position[0] * 1000, last + 1)
    is_same = (now.stands, now.minor, now.moments) == (held.stands, held.minor, held.moments)
    if is_same and now.consents != held.consents:
        is_same = standing_of(held.consents, rules.policy_versions) == settled.in_force
    return last if is_same else last + 1


def _figures(entry: Entry, before: Document | None, settled: Settled, reading: Reading) -> Figures | None:
    """Of who is counted: the new profile's, those that are held, or the row's, if it is the row of what stands.

    What the row has lost with a consent, the figures have too.
    """
    if not settled.held.stands or ANALYTICS not in settled.in_force:
        return None
    figures = _known_figures(entry, before, settled, reading)
    if figures is None:
        return None
    lost = [name for name, purposes in reading.consented.items() if not settled.keeps(purposes)]
    return {**figures, **dict.fromkeys(lost)} if lost else figures


def _known_figures(
    entry: Entry, before: Document | None, settled: Settled, reading: Reading
) -> Figures | None:
    if settled.profile is not None:
        return reading.figures_of(settled.profile)
    if before is not None and before.get("counted"):
        return {name: value for name, value in before.items() if name not in OWN_FIELDS}
    if entry.row is not None and entry.row[0] == settled.held.position:
        return entry.row[1]
    return None


def _share(document: Mapping[str, Any] | None) -> tuple[Any, ...] | None:
    """What a document adds to the aggregates: figures, () for a subject who isn't counted, None for nobody."""
    if document is None or "counted" not in document:
        return None
    if not document["counted"]:
        return ()
    return tuple(sorted((name, value or "") for name, value in document.items() if name not in OWN_FIELDS))


@dataclass(slots=True)
class _Work:
    """What one transaction writes."""

    inserts: list[Document] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    cells: Cells = field(default_factory=Cells)
    changes: list[Change] = field(default_factory=list)

    def take(self, entry: Entry, found: Mapping[str, Document], shard: int, reading: Reading) -> None:
        """Settle one subject."""
        under = [found[name] for name in entry.names if name in found]
        if any("erased_at" in document for document in under):
            self.changes.append(Change(None))
            return
        before = under[0] if under else None
        held = _held(before) if before is not None else Held()
        settled = settle(held, entry.consents, entry.profiles, reading.rules, entry.erased_at)
        write_time = _write_time(entry.names[0], before, held, settled, reading.rules)
        figures = _figures(entry, before, settled, reading)
        is_new = write_time != int((before or {}).get("write_time", 0))
        is_owed = settled.held.stands and ANALYTICS in settled.in_force and figures is None
        self.changes.append(Change(settled, write_time, held.consents, is_new, is_owed))
        if settled.held.position is None and not settled.held.consents:
            return
        own_shard = before["shard"] if before and before.get("counted") else shard
        after = _document(entry, settled.held, write_time, figures, own_shard)
        if before == after:
            return
        self.inserts.append(after)
        if before is not None:
            self.replaced.append(before["_id"])
        self.cells.move(before, after)


def _apply(
    db: Database[Document],
    lease: Lease,
    shard: int,
    entries: Sequence[Entry],
    session: ClientSession,
    *,
    reading: Reading,
    rest: Rest | None,
) -> list[Change]:
    assert_held(db, lease, shard, session)
    names = [name for entry in entries for name in entry.names]
    found = {doc["_id"]: doc for doc in db.contributions.find({"_id": {"$in": names}}, session=session)}
    work = _Work()
    for entry in entries:
        work.take(entry, found, shard, reading)
    # Removing and inserting in bulk costs a third of as many single replacements.
    if work.replaced:
        db.contributions.delete_many({"_id": {"$in": work.replaced}}, session=session)
    if work.inserts:
        db.contributions.insert_many(work.inserts, ordered=False, session=session)
    work.cells.write(db, str(shard), session)
    if rest is not None:
        rest(work.changes, session)
    return work.changes


def apply(
    client: Client,
    db: Database[Document],
    lease: Lease,
    shard: int,
    entries: Sequence[Entry],
    *,
    reading: Reading,
    rest: Rest | None = None,
) -> list[Change]:
    """Bring one chunk of a partition's entries (one a subject) and their aggregates up to date.

    Returns what became of each, in their order; `rest` is called within the transaction, each time that it is tried.
    Raises FencedError when the lease has been taken over; then nothing of the chunk is changed.
    """

    def work(session: ClientSession) -> list[Change]:
        return _apply(db, lease, shard, entries, session, reading=reading, rest=rest)

    return in_transaction(client, work)


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
        if held.get("counted"):
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
