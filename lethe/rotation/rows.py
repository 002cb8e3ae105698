"""A row of `profiles` as a rotation sees it, and what is to become of it and of its contribution's document.

Values and decisions only. A row is touched only where it is what its document says: the same position, and the write
time that the document gave it. Whatever else stands there is on its way to become so, by the stream or by an erasure.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bson.int64 import Int64

Document = dict[str, Any]


class Outcome(StrEnum):
    """What a pass found of a row, or made of it."""

    CURRENT = "current"  # nothing of it names an older root
    MOVED = "moved"  # it did; it is re-encrypted, and its document is under its new name
    WAITING = "waiting"  # the stream is about to write it, or another has just moved it: for the next pass
    ERASED = "erased"  # its key is destroyed, or an erasure is at it: left as it is
    ORPHANED = "orphaned"  # its key lives, and no document is there: left as it is
    UNREADABLE = "unreadable"  # it has been altered: left as it is


@dataclass(slots=True)
class Counts:
    """Rows of a slice or a pass by outcome; their sum is all rows that were read."""

    by_outcome: Counter[Outcome] = field(default_factory=Counter)

    def add(self, other: "Counts") -> None:
        """Add another slice's counts."""
        self.by_outcome.update(other.by_outcome)

    @property
    def rows(self) -> int:
        """All rows."""
        return self.by_outcome.total()

    @property
    def is_clean(self) -> bool:
        """Whether no row names an older root but those that nobody may read again."""
        return self.rows == self.by_outcome[Outcome.CURRENT] + self.by_outcome[Outcome.ERASED]

    @property
    def moved_only(self) -> bool:
        """Whether the next pass has nothing to wait for."""
        return not self.by_outcome[Outcome.WAITING]

    @property
    def is_stuck(self) -> bool:
        """Whether what is left won't change by another pass."""
        changing = self.by_outcome[Outcome.MOVED] + self.by_outcome[Outcome.WAITING]
        return not self.is_clean and not changing

    def document(self) -> dict[str, int]:
        """By name, zeros too."""
        return {"rows": self.rows} | {each.value: self.by_outcome[each] for each in Outcome}

    @classmethod
    def read(cls, document: Mapping[str, int]) -> "Counts":
        """The reverse of `document`."""
        return cls(Counter({each: document[each.value] for each in Outcome if document[each.value]}))


@dataclass(frozen=True, slots=True)
class StoredRow:
    """One row as it was read.

    `position` is (event ms, offset), None where a part of it is missing; `written` the greatest write time (µs) of
    event time and blobs, None where there is neither; `expires_at` in Unix seconds, None for never.
    """

    subject_id: str
    position: tuple[int, int] | None
    written: int | None
    expires_at: float | None
    blobs: Mapping[str, bytes]  # by column; those that stand


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row that names an older root, with its new blobs; or a subject alone, whose document may have an old name.

    `row` is None for a subject without blobs: then only the document is moved. `root` is that of `new_name`.
    """

    subject_id: str
    generation: int
    root: int
    new_name: str
    old_names: tuple[str, ...]
    row: StoredRow | None = None
    blobs: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that its document may have."""
        return (self.new_name, *self.old_names)


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a candidate.

    `document` takes the place of the one named `removes`, None where the documents stay. `write_time` (µs) is that of
    the row's new blobs, None where none are written.
    """

    outcome: Outcome
    removes: str | None = None
    document: Document | None = None
    write_time: int | None = None


def decide(candidate: Candidate, held: Mapping[str, Document]) -> Decision:
    """Decide on a candidate; `held` are the documents that stand, by name."""
    found = {name: held[name] for name in candidate.names if name in held}
    if any("erased_at" in document for document in found.values()):
        return Decision(Outcome.ERASED)
    if len(found) > 1:
        return Decision(Outcome.WAITING)
    for name, document in found.items():
        return (
            _of_subject(candidate, document) if candidate.row is None else _of_row(candidate, name, document)
        )
    return Decision(Outcome.CURRENT if candidate.row is None else Outcome.ORPHANED)


def _of_subject(candidate: Candidate, document: Document) -> Decision:
    """Nothing is written into a row: the name alone is changed."""
    if document["_id"] == candidate.new_name:
        return Decision(Outcome.CURRENT)
    moved = _renamed(candidate, document, document.get("write_time"))
    return Decision(Outcome.MOVED, document["_id"], moved)


def _of_row(candidate: Candidate, name: str, document: Document) -> Decision:
    """Only a row that is what its document says, or whose document a rotation has moved and not written the row yet."""
    row, given = candidate.row, document.get("write_time")
    if row is None or row.position is None or row.written is None or given is None:
        return Decision(Outcome.WAITING)
    if row.position != (document.get("at"), document.get("offset")):
        return Decision(Outcome.WAITING)
    if given == row.written:
        return Decision(Outcome.MOVED, name, _renamed(candidate, document, given + 1), given + 1)
    if name == candidate.new_name and given == row.written + 1:
        return Decision(Outcome.MOVED, write_time=given)
    return Decision(Outcome.WAITING)


def _renamed(candidate: Candidate, document: Mapping[str, Any], write_time: int | None) -> Document:
    """The document under its new name; nothing else of it is read or changed but write time and root."""
    new: Document = {**document, "_id": candidate.new_name, "root": candidate.root}
    if write_time is not None:
        new["write_time"] = Int64(write_time)
    return new


def changes(decisions: Sequence[Decision]) -> tuple[list[str], list[Document]]:
    """The names to remove and the documents to insert."""
    moved = [each for each in decisions if each.document is not None]
    return [each.removes for each in moved if each.removes], [
        each.document for each in moved if each.document
    ]
