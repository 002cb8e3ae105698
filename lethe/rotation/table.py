"""Cassandra's `profiles` as a rotation reads and writes it: by token ranges, and ciphertexts only.

Also other tables that are found by subject_id: of those the subjects alone are read.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from cassandra import DriverException
from cassandra.cluster import NoHostAvailable, Session
from cassandra.concurrent import execute_concurrent_with_args
from cassandra.query import PreparedStatement

from lethe.errors import StoreError
from lethe.register.model import SEALED
from lethe.rotation.reencrypt import Write
from lethe.rotation.rows import StoredRow
from lethe.stores import cassandra
from lethe.stores.cassandra_values import position_of

ROWS_AT_ONCE: Final = 1_000
WRITES_AT_ONCE: Final = 64
_FIRST_TOKEN, _TOKENS = -(1 << 63), 1 << 64  # of Murmur3Partitioner; the first itself is nobody's


@dataclass(frozen=True, slots=True)
class Slice:
    """One of `of` equal parts of the ring, by number from 0: tokens above `after`, up to `until`."""

    number: int
    of: int

    @property
    def after(self) -> int:
        """The token before the first."""
        return _FIRST_TOKEN + _TOKENS * self.number // self.of

    @property
    def until(self) -> int:
        """The last token."""
        return min(_FIRST_TOKEN + _TOKENS * (self.number + 1) // self.of, -_FIRST_TOKEN - 1)


class ProfileTable:
    """Reads rows with their write times and TTLs; writes new ciphertexts into them. Not shared between threads."""

    def __init__(self, session: Session) -> None:
        """Raises StoreError where Cassandra does not know the table."""
        self._session = session
        with _told("read"):
            table = session.cluster.metadata.keyspaces[session.keyspace].tables.get(cassandra.TABLE)
        if table is None:
            raise StoreError(f"cassandra: there is no table {cassandra.TABLE}; run `make up`")
        # Also those of fields that the register has no more: their ciphertexts name a root too.
        self.columns = sorted(
            name
            for name, column in table.columns.items()
            if name.startswith(SEALED) and column.cql_type == "blob"
        )
        asked = ", ".join(
            ["subject_id", "event_time", "source_offset", "WRITETIME(event_time)"]
            + [f"{name}, WRITETIME({name}), TTL({name})" for name in self.columns]
        )
        self._read = session.prepare(
            f"SELECT {asked} FROM {cassandra.TABLE} "  # noqa: S608
            "WHERE token(subject_id) > ? AND token(subject_id) <= ?"
        )
        self._read.fetch_size = ROWS_AT_ONCE
        self._updates: dict[tuple[str, ...], PreparedStatement] = {}

    def read(self, part: Slice) -> Iterator[list[StoredRow]]:
        """Rows of a slice, some thousand at a time."""
        page_state: Any = None
        while True:
            asked_at = time.time()  # TTLs count from here at the latest
            with _told("read"):
                page = self._session.execute(self._read, (part.after, part.until), paging_state=page_state)
                rows = [self._row(tuple(row), asked_at) for row in page.current_rows]
                page_state = page.paging_state
            if rows:
                yield rows
            if page_state is None:
                return

    def _row(self, values: Sequence[Any], asked_at: float) -> StoredRow:
        subject_id, event_time, offset, event_written, *sealed = values
        triples = list(zip(self.columns, sealed[::3], sealed[1::3], sealed[2::3], strict=True))
        blobs = {name: bytes(blob) for name, blob, _, _ in triples if blob is not None}
        written = [at for at in (event_written, *(at for _, _, at, _ in triples)) if at is not None]
        left = [ttl for *_, ttl in triples if ttl is not None]
        position = None
        if event_time is not None and offset is not None:
            position = position_of(event_time, int(offset))
        return StoredRow(
            subject_id,
            position,
            max(written, default=None),
            asked_at + min(left) if left else None,
            blobs,
        )

    def write(self, writes: Sequence[Write]) -> None:
        """Write the blobs, at their write times, to expire no later than the row would have.

        An UPDATE, which makes no row by itself: of one that is deleted at a later time nothing comes back. Raises
        StoreError when Cassandra does not take them all.
        """
        now, by_columns = time.time(), defaultdict[tuple[str, ...], list[tuple[Any, ...]]](list)
        for each in writes:
            ttl = 0 if each.expires_at is None else int(each.expires_at - now)
            if each.expires_at is not None and ttl < 1:  # over; 0 would mean for ever
                continue
            columns = tuple(sorted(each.blobs))
            values = [each.blobs[name] for name in columns]
            by_columns[columns].append((each.write_time, ttl, *values, each.subject_id))
        with _told("written"):
            for columns, rows in by_columns.items():
                statement = self._update(columns)
                execute_concurrent_with_args(self._session, statement, rows, concurrency=WRITES_AT_ONCE)

    def _update(self, columns: tuple[str, ...]) -> PreparedStatement:
        if columns not in self._updates:
            assignments = ", ".join(f"{name} = ?" for name in columns)
            self._updates[columns] = self._session.prepare(
                f"UPDATE {cassandra.TABLE} USING TIMESTAMP ? AND TTL ? SET {assignments} WHERE subject_id = ?"  # noqa: S608
            )
        return self._updates[columns]


def subjects(session: Session, table: str, part: Slice) -> Iterator[list[str]]:
    """The subjects of another table that is found by subject_id, some thousand at a time."""
    with _told("read"):
        statement = session.prepare(
            f"SELECT DISTINCT subject_id FROM {table} WHERE token(subject_id) > ? AND token(subject_id) <= ?"  # noqa: S608
        )
        statement.fetch_size = ROWS_AT_ONCE
        page = session.execute(statement, (part.after, part.until))
    while True:
        with _told("read"):
            found = [row[0] for row in page.current_rows]
        if found:
            yield found
        if not page.has_more_pages:
            return
        with _told("read"):
            page.fetch_next_page()


@contextmanager
def _told(what: str) -> Iterator[None]:
    """The driver's errors as one of ours, by their class: their text may quote values."""
    try:
        yield
    except (NoHostAvailable, DriverException) as error:
        raise StoreError(f"cassandra: rows were not {what}: {type(error).__name__}") from error
