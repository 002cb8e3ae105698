"""Re-encrypting a chunk of rows: open under the older root, seal under the new one, move the document, write the row.

The order is what makes it safe to be killed and run again:

1. the row is read, and its blobs are sealed anew, in memory;
2. one transaction finds its document, sees that the row is what it says, renames it and raises its write time by 1 µs;
3. the suppression ledger is read: an erasure that has entered it meanwhile may have fixed its time before 2.; one
   that enters it later finds the raised time;
4. the ciphertexts are written, at the raised time and with what was left of the row's TTL.

Killed between 2 and 4, the next pass finds the document 1 µs ahead of its row, and does 4. An erasure's deletion is
at or above the raised time, whenever 4 comes; the stream's next write is above it.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from lethe.errors import FieldCipherError, KeyStateError
from lethe.protection.fields import Header, Values, header_of, open_batch, seal_batch
from lethe.protection.key_state import KeyState
from lethe.protection.subject_keys import Derived, SubjectKeys
from lethe.rotation.rows import Candidate, Counts, Decision, Document, Outcome, StoredRow, decide


@dataclass(frozen=True, slots=True)
class Write:
    """New blobs of a row by column, their write time (µs), and when they expire (Unix s; None = never)."""

    subject_id: str
    blobs: Mapping[str, bytes]
    write_time: int
    expires_at: float | None


class Documents(Protocol):
    """MongoDB: contributions and the suppression ledger."""

    def generations(self, subject_ids: Sequence[str]) -> dict[str, int]:
        """How often each subject was erased, of those who ever were, as of now."""

    def change(
        self, names: Sequence[str], decide: Callable[[Mapping[str, Document]], list[Decision]]
    ) -> list[Decision]:
        """In one transaction: find the documents of these names, decide, and do what was decided."""


class Rows(Protocol):
    """Cassandra: `profiles`."""

    def write(self, writes: Sequence[Write]) -> None:
        """Write ciphertexts and nothing else; returns when all are acknowledged."""


def reencrypt(rows: Sequence[StoredRow], keys: SubjectKeys, documents: Documents, table: Rows) -> Counts:
    """Bring a chunk of rows to the root of new rows, `keys.state.current`; what became of them.

    Raises StoreError and the stores' own errors when
    one of them does not take it; running it again then is safe.
    """
    counts = Counts()
    work, bare = _sorted(rows, keys.state, counts)
    generations = documents.generations([row.subject_id for row, _ in work] + bare)
    candidates = _candidates(work, generations, keys, counts)
    candidates += subjects_alone(bare, generations, keys)
    counts.by_outcome[Outcome.CURRENT] += len(bare) - sum(each.row is None for each in candidates)
    decisions = move(candidates, documents)
    counts.by_outcome.update(_written(candidates, decisions, documents, table))
    return counts


def rename(subject_ids: Sequence[str], keys: SubjectKeys, documents: Documents) -> int:
    """Move the documents of subjects who may have no row; how many had an older name."""
    generations = documents.generations(subject_ids)
    decisions = move(subjects_alone(subject_ids, generations, keys), documents)
    return sum(each.outcome is Outcome.MOVED for each in decisions)


def move(candidates: Sequence[Candidate], documents: Documents) -> list[Decision]:
    """Step 2: decide on each, in one transaction."""
    if not candidates:
        return []
    names = [name for each in candidates for name in each.names]
    return documents.change(names, lambda held: [decide(each, held) for each in candidates])


def _sorted(
    rows: Sequence[StoredRow], state: KeyState, counts: Counts
) -> tuple[list[tuple[StoredRow, dict[str, Header]]], list[str]]:
    """Rows with a blob that names an older root, with the headers of those; and subjects without any blob.

    The rest is counted: nothing is to be done, or can be. A root that the state does not have is one that was
    dropped: nobody reads what names it.
    """
    work: list[tuple[StoredRow, dict[str, Header]]] = []
    bare: list[str] = []
    for row in rows:
        try:
            headers = {column: header_of(blob) for column, blob in row.blobs.items()}
        except FieldCipherError:
            counts.by_outcome[Outcome.UNREADABLE] += 1
            continue
        older = {column: header for column, header in headers.items() if header.root != state.current}
        if not headers:
            bare.append(row.subject_id)
        elif not older:
            counts.by_outcome[Outcome.CURRENT] += 1
        elif any(header.root > state.current for header in older.values()):
            raise KeyStateError(
                "a row names a newer root than the key state has: the state that was loaded is not the one in force"
            )
        elif any(header.root not in state.roots for header in older.values()):
            counts.by_outcome[Outcome.ERASED] += 1
        elif len({header.generation for header in headers.values()}) > 1:
            counts.by_outcome[Outcome.UNREADABLE] += 1
        else:
            work.append((row, older))
    return work, bare


def _candidates(
    work: Sequence[tuple[StoredRow, dict[str, Header]]],
    generations: Mapping[str, int],
    keys: SubjectKeys,
    counts: Counts,
) -> list[Candidate]:
    """Of rows that name an older root, those that may and can be moved, sealed anew; the rest is counted."""
    kept = []
    for row, older in work:
        generation = next(iter(older.values())).generation
        if generations.get(row.subject_id, 0) > generation:  # an erasure is at it, or has been
            counts.by_outcome[Outcome.ERASED] += 1
        else:
            kept.append((row, older, generation))
    subjects = [row.subject_id for row, *_ in kept]
    numbers = [generation for *_, generation in kept]
    new = keys.derive(subjects, numbers)
    old_names = keys.older_names(subjects, numbers)
    resealed = _resealed([(row, older) for row, older, _ in kept], new, keys)
    candidates = []
    for (row, _, generation), derived, names, blobs in zip(kept, new, old_names, resealed, strict=True):
        if isinstance(blobs, Outcome) or derived is None:
            counts.by_outcome[blobs if isinstance(blobs, Outcome) else Outcome.ERASED] += 1
            continue
        candidates.append(
            Candidate(row.subject_id, generation, derived.root, derived.contribution_id, names, row, blobs)
        )
    return candidates


def _resealed(
    work: Sequence[tuple[StoredRow, Mapping[str, Header]]], new: Sequence[Derived | None], keys: SubjectKeys
) -> list[dict[str, bytes] | Outcome]:
    """Each row's older blobs under the new root, by column; or why there are none.

    Each keeps its generation, and the register version that its values were written by. All rows of a column at
    once: to derive one key alone takes a millisecond.
    """
    found: list[dict[str, bytes] | Outcome] = [{} if derived else Outcome.ERASED for derived in new]
    for column in dict.fromkeys(column for _, older in work for column in older):
        chosen = [at for at, (_, older) in enumerate(work) if column in older and new[at] is not None]
        opened = _opened(keys, column, [work[at][0] for at in chosen])
        by_version: dict[str, list[tuple[int, Derived, Values]]] = {}
        for at, values in zip(chosen, opened, strict=True):
            derived = new[at]
            if derived is None or isinstance(values, Outcome):
                found[at] = values if isinstance(values, Outcome) else Outcome.ERASED
            else:
                version = work[at][1][column].register_version
                by_version.setdefault(version, []).append((at, derived, values))
        for version, sealing in by_version.items():
            blobs = seal_batch(
                [derived for _, derived, _ in sealing], column, version, [values for *_, values in sealing]
            )
            for (at, *_), blob in zip(sealing, blobs, strict=True):
                if isinstance(held := found[at], dict):
                    held[column] = blob
    return found


def _opened(keys: SubjectKeys, column: str, rows: Sequence[StoredRow]) -> list[Values | Outcome]:
    """The values of a column, or why there are none; by halves where one of them has been altered."""
    subjects, blobs = [row.subject_id for row in rows], [row.blobs[column] for row in rows]
    try:
        opened = open_batch(keys, subjects, column, blobs)
    except FieldCipherError:
        if len(rows) == 1:
            return [Outcome.UNREADABLE]
        middle = len(rows) // 2
        return [*_opened(keys, column, rows[:middle]), *_opened(keys, column, rows[middle:])]
    return [Outcome.ERASED if values is None else values for values in opened]


def subjects_alone(
    subject_ids: Sequence[str], generations: Mapping[str, int], keys: SubjectKeys
) -> list[Candidate]:
    """Candidates of whom only the document may have an older name; none of whose key is destroyed."""
    numbers = [generations.get(subject, 0) for subject in subject_ids]
    new = keys.derive(subject_ids, numbers)
    old_names = keys.older_names(subject_ids, numbers)
    return [
        Candidate(subject, generation, derived.root, derived.contribution_id, names)
        for subject, generation, derived, names in zip(subject_ids, numbers, new, old_names, strict=True)
        if derived is not None
    ]


def _written(
    candidates: Sequence[Candidate], decisions: Sequence[Decision], documents: Documents, table: Rows
) -> list[Outcome]:
    """Steps 3 and 4; what became of each candidate."""
    outcomes = [decision.outcome for decision in decisions]
    to_write = [at for at, decision in enumerate(decisions) if decision.write_time is not None]
    entered = documents.generations([candidates[at].subject_id for at in to_write]) if to_write else {}
    now, writes = time.time(), []
    for at in to_write:
        candidate, row, write_time = candidates[at], candidates[at].row, decisions[at].write_time
        if entered.get(candidate.subject_id, 0) > candidate.generation:
            outcomes[at] = Outcome.ERASED
        elif row is not None and write_time is not None and (row.expires_at is None or row.expires_at > now):
            writes.append(Write(candidate.subject_id, candidate.blobs, write_time, row.expires_at))
    table.write(writes)
    return outcomes
