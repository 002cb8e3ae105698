"""Writing `profiles`: whole rows as new profiles come, and what a consent changes of a row that stays."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cassandra.cluster import Session
from cassandra.query import PreparedStatement

from lethe.stores.cassandra import TABLE, RowWriter, told


@dataclass(frozen=True, slots=True)
class RowChange:
    """What becomes of a row without a new profile; None for `consents`: the row ends. Times in µs, TTL in seconds."""

    subject_id: str
    event_time: datetime
    consents: Mapping[str, str] | None  # purpose -> policy version of those in force
    dropped: tuple[str, ...]  # columns whose last purpose has ended
    write_time: int
    ttl: int


class ProfileWriter(RowWriter):
    """Writes profiles and changes of them, at the write times given: done twice, a write changes nothing."""

    def __init__(self, session: Session, columns: Sequence[str]) -> None:
        """`columns`: every column of the table except the key."""
        super().__init__(session, TABLE, columns)
        self._write_time = session.prepare(f"SELECT WRITETIME(event_time) FROM {TABLE} WHERE subject_id = ?")  # noqa: S608
        self._end = session.prepare(f"DELETE FROM {TABLE} USING TIMESTAMP ? WHERE subject_id = ?")  # noqa: S608
        self._drops: dict[tuple[str, ...], PreparedStatement] = {}

    def written_at(self, subject_id: str) -> int | None:
        """The write time (µs) that stands for a subject, None where there is no row."""
        found = self._session.execute(self._write_time, (subject_id,)).one()
        return None if found is None or found[0] is None else int(found[0])

    def read(self, subject_id: str, names: Sequence[str]) -> tuple[Any, ...] | None:
        """Event time, source offset and these columns of the row of one subject; None where there is none."""
        columns = ", ".join(("event_time", "source_offset", *names))
        with told(TABLE):
            found = self._session.execute(
                f"SELECT {columns} FROM {TABLE} WHERE subject_id = %s",  # noqa: S608
                (subject_id,),
            ).one()
        return None if found is None or found[0] is None else tuple(found)

    def change(self, changes: Iterable[RowChange]) -> None:
        """Make all changes. When it returns, all are acknowledged; raises as `write` does.

        A row whose time is over is left alone: writing a part of it would make another.
        """
        self.execute_all(
            self._statement(change) for change in changes if change.consents is None or change.ttl > 0
        )

    def _statement(self, change: RowChange) -> tuple[PreparedStatement, tuple[Any, ...]]:
        if change.consents is None:
            return self._end, (change.write_time, change.subject_id)
        if change.dropped not in self._drops:
            values = "".join(f", {name} = null" for name in change.dropped)
            self._drops[change.dropped] = self._session.prepare(
                f"UPDATE {TABLE} USING TIMESTAMP ? AND TTL ? "  # noqa: S608
                f"SET event_time = ?, consents = ?{values} WHERE subject_id = ?"
            )
        consents = dict(change.consents)
        values_of = (change.write_time, change.ttl, change.event_time, consents, change.subject_id)
        return self._drops[change.dropped], values_of
