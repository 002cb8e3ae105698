"""Rows, documents, ledger and keys in memory, with a stream and erasures that do their work a write at a time.

They follow the order of lethe's own steps; so what is shown with them is shown of any place at which one is cut off,
and of any order in which they come between each other.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lethe.errors import ProtectionError
from lethe.protection.fields import open_blob, seal_batch
from lethe.protection.key_state import KeyState
from lethe.protection.subject_keys import LeafNumbers, SubjectKeys, names_of
from lethe.rotation.reencrypt import Write, reencrypt
from lethe.rotation.rows import Counts, Decision, Document, StoredRow, changes

PEPPER = hashlib.sha256(b"pepper").digest()
REGISTER = "0123456789ab"
SEALED, MARKETING = "sealed", "sealed_marketing"
ROWS_AT_ONCE = 2


class KilledError(Exception):
    """The rotation's process is gone."""


def subject(number: int) -> str:
    return hashlib.sha256(f"subject {number}".encode()).hexdigest()


@dataclass
class Cells:
    """One row: a value and its write time by column; and up to when it is deleted. As Cassandra settles them."""

    values: dict[str, tuple[int, Any]] = field(default_factory=dict)
    deleted_at: int = -1

    def put(self, values: Mapping[str, Any], write_time: int) -> None:
        for name, value in values.items():
            held = self.values.get(name)
            if held is None or write_time > held[0] or (write_time == held[0] and _wins(value, held[1])):
                self.values[name] = (write_time, value)

    def delete(self, at: int) -> None:
        self.deleted_at = max(self.deleted_at, at)

    def live(self) -> dict[str, tuple[int, Any]]:
        return {
            name: (at, value)
            for name, (at, value) in self.values.items()
            if at > self.deleted_at and value is not None
        }


def _wins(value: Any, held: Any) -> bool:
    """Of two values of one write time: a deletion, else the greater."""
    return value is None or (held is not None and value > held)


@dataclass
class Pending:
    """What the stream has told MongoDB and not written into Cassandra yet."""

    subject: str
    values: dict[str, Any]
    write_time: int


class House:
    """All of it. `tick` is called before and after whatever the rotation asks or tells a store."""

    def __init__(self) -> None:
        self.state = KeyState.new(bytes(16))
        self.documents: dict[str, Document] = {}
        self.rows: dict[str, Cells] = {}
        self.ledger: dict[str, int] = {}
        self.pending: list[Pending] = []
        self.erasures: dict[str, Iterator[None]] = {}
        self.erased: set[str] = set()
        self.withdrawn: set[str] = set()
        self.latest: dict[str, int] = {}
        self.moved = 0
        self.blobs_of_erased: list[tuple[str, str, bytes]] = []
        self.tick: Callable[[], None] = lambda: None

    @property
    def keys(self) -> SubjectKeys:
        return SubjectKeys(self.state, PEPPER)

    def names(self, person: str, generation: int = 0) -> list[str]:
        found = (self.keys.derive([person], [generation], root)[0] for root in self.state.roots)
        return [each.contribution_id for each in found if each]

    # The stream

    def tell(self, person: str, event_ms: int, withdraws: bool = False) -> None:
        """A profile, or a withdrawal of the one held, up to the transaction in MongoDB."""
        if person in self.ledger:
            return
        (derived,) = self.keys.derive([person], [0])
        assert derived is not None
        held_name = next((name for name in self.names(person) if name in self.documents), None)
        held = self.documents.get(held_name or "")
        if held is not None and "erased_at" in held:
            return
        position = (held["at"], held["offset"]) if held else (-1, -1)
        if withdraws and held is not None:
            self.withdrawn.add(person)
        elif withdraws or (event_ms, event_ms) < position:
            return
        else:
            position = (event_ms, event_ms)
        write_time = event_ms * 1000
        if held is not None and held_name is not None:
            is_new = position != (held["at"], held["offset"]) or withdraws
            came_from_older = held_name != derived.contribution_id
            least = held["write_time"] + (2 if came_from_older else 1 if is_new else 0)
            write_time = max(write_time, least) if is_new else least
            del self.documents[held_name]
        self.latest[person] = position[0]
        self.documents[derived.contribution_id] = {
            "_id": derived.contribution_id,
            "at": position[0],
            "offset": position[1],
            "write_time": write_time,
            "root": self.state.current,
            "consents": {"marketing": person not in self.withdrawn},
        }
        values: dict[str, Any] = {"event_time": position[0], "source_offset": position[1]}
        for column in (SEALED, MARKETING):
            (values[column],) = seal_batch([derived], column, REGISTER, [{"event": position[0]}])
        if person in self.withdrawn:
            values[MARKETING] = None
        self.pending.append(Pending(person, values, write_time))

    def arrive(self) -> None:
        """The oldest pending row reaches Cassandra."""
        if self.pending:
            row = self.pending.pop(0)
            self._put(row.subject, row.values, row.write_time)

    def _put(self, person: str, values: Mapping[str, Any], write_time: int) -> None:
        self.rows.setdefault(person, Cells()).put(values, write_time)
        for column in (SEALED, MARKETING):
            if values.get(column) is not None:
                self.blobs_of_erased.append((person, column, values[column]))

    # Erasures

    def erase_on(self, person: str) -> None:
        """The next step of a subject's erasure."""
        steps = self.erasures.setdefault(person, self._erase(person))
        next(steps, None)

    def _erase(self, person: str) -> Iterator[None]:
        names = set(self.names(person))
        yield
        self.ledger[person] = 1
        self.erased.add(person)
        yield
        for row in [row for row in self.pending if row.subject == person]:  # the wait for batches in flight
            self.pending.remove(row)
            self._put(row.subject, row.values, row.write_time)
        names |= set(self.names(person))
        times = [self.documents[name]["write_time"] for name in names if self.is_held(name)]
        event_time = self.rows.get(person, Cells()).live().get("event_time")
        erased_at = max([*times, *([event_time[0]] if event_time else [])], default=0)
        yield
        names |= set(self.names(person))
        leaves = LeafNumbers(PEPPER).of(names_of([person], [0]))
        self.state = self.state.puncture(dict.fromkeys(self.state.roots, leaves))
        yield
        self.rows.setdefault(person, Cells()).delete(erased_at)
        yield
        for name in sorted(names):
            self.documents[name] = {"_id": name, "erased_at": erased_at}
            yield

    def is_held(self, name: str) -> bool:
        return name in self.documents and "erased_at" not in self.documents[name]

    # The rotation

    def one_pass(self) -> Counts:
        counts, everybody = Counts(), sorted(self.rows)
        for start in range(0, len(everybody), ROWS_AT_ONCE):
            rows = [row for each in everybody[start : start + ROWS_AT_ONCE] if (row := self.read(each))]
            self.tick()
            counts.add(reencrypt(rows, self.keys, self, self))
        return counts

    def read(self, person: str) -> StoredRow | None:
        cells = self.rows[person].live()
        if not cells:
            return None
        event, offset = cells.get("event_time"), cells.get("source_offset")
        return StoredRow(
            person,
            (event[1], offset[1]) if event and offset else None,
            max(at for at, _ in cells.values()),
            None,
            {name: value for name, (_, value) in cells.items() if name in (SEALED, MARKETING)},
        )

    def generations(self, subject_ids: Sequence[str]) -> dict[str, int]:
        self.tick()
        found = {each: self.ledger[each] for each in subject_ids if each in self.ledger}
        self.tick()
        return found

    def change(
        self, names: Sequence[str], decide: Callable[[Mapping[str, Document]], list[Decision]]
    ) -> list[Decision]:
        self.tick()
        decisions = decide({name: dict(self.documents[name]) for name in names if name in self.documents})
        removed, inserted = changes(decisions)
        for name in removed:
            del self.documents[name]
        for document in inserted:
            assert document["_id"] not in self.documents
            self.documents[document["_id"]] = document
        self.moved += len(inserted)
        self.tick()
        return decisions

    def write(self, writes: Sequence[Write]) -> None:
        for each in writes:
            self.tick()
            self._put(each.subject_id, each.blobs, each.write_time)
        self.tick()

    # What can be read

    def opens(self, person: str, column: str, blob: bytes) -> dict[str, Any] | None:
        try:
            return open_blob(self.keys, person, column, blob)
        except ProtectionError:
            return None
