"""Where a chunk's rows go: MongoDB's contributions with their aggregates, and Cassandra's profiles.

Each writes, reads a sample back over the same connection, and logs what it wrote.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lethe.errors import StoreError
from lethe.stores import contributions
from lethe.stores.cassandra import Row as CassandraRow
from lethe.stores.contributions import Applied, Entry
from spark_apps.transforms import Row

if TYPE_CHECKING:
    from spark_apps.worker import Worker

LOG = logging.getLogger("lethe.stream.sinks")
SAMPLE = 3  # rows read back after each write
BACKSTOP_SECONDS = 30 * 86_400  # how long a row outlives its retention where enforcement fails (design, TTL)


def save_to_mongodb_collection(worker: "Worker", rows: Sequence[Row], shard: int) -> Applied:
    """Bring `contributions` and their aggregates up to the rows (one a subject), in transactions.

    Returns each contribution's outcome, and the write time (µs) of those that stand. Raises FencedError after a
    takeover, StoreError when what was written can't be read back.
    """
    entries = [_entry(row, worker.figures) for row in rows]
    size = worker.settings.subjects_per_transaction
    outcomes: dict[str, contributions.Outcome] = {}
    write_times: dict[str, int] = {}
    for start in range(0, len(entries), size):
        applied = contributions.apply(
            worker.client, worker.db, worker.lease, shard, entries[start : start + size]
        )
        outcomes |= applied.outcomes
        write_times |= applied.write_times
    sample = list(write_times)[:SAMPLE]
    held = contributions.held_positions(worker.db, sample)
    for name in sample:
        document = held.get(name, {})
        if int(document.get("erased_at") or document.get("write_time") or 0) < write_times[name]:
            raise StoreError(f"mongodb: the contribution {name} was acknowledged and can't be read back")
    LOG.info("contributions saved", extra={"rows": len(entries), "stored": len(write_times), "shard": shard})
    return Applied(outcomes, write_times)


def save_to_cassandra_table(
    worker: "Worker", rows: Sequence[Row], write_times: Mapping[str, int], now_ms: int
) -> None:
    """Write the rows to `profiles`, at the write times that MongoDB's transaction gave them.

    Raises FencedError after a takeover, StoreError when Cassandra doesn't take the rows or one of a sample can't be
    read back.
    """
    days = worker.rules.retention_days
    batches = worker.writer.write(
        [_cassandra_row(row, write_times, time_to_live(row, days, now_ms), worker) for row in rows]
    )
    for row in rows[:SAMPLE]:
        written = worker.writer.written_at(row.subject_id)
        if (written is None or written < write_times[row.contribution_id]) and not _erased_since(worker, row):
            raise StoreError(
                f"cassandra: the profile of {row.subject_id} was acknowledged and can't be read back"
            )
    LOG.info("profiles saved", extra={"rows": len(rows), "batches": batches})


def _entry(row: Row, figures: Sequence[str]) -> Entry:
    assert row.profile is not None  # noqa: S101 - rows get here with one
    counted = "analytics" in row.standing
    return Entry(
        row.contribution_id,
        row.profile.event_ms,
        row.profile.offset,
        {name: _figure(row.columns[name]) for name in figures} if counted else None,
    )


def _figure(value: object) -> str | float | None:
    """A figure as MongoDB holds it: numbers and booleans as they are, anything else as text."""
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def time_to_live(row: Row, retention_days: int | None, now_ms: int) -> int:
    """Seconds from the write on: event time + retention + 30 days - now; validation refuses what has none left.

    Rounded up: of a last second 0 would be left, which means for ever.
    """
    if retention_days is None:
        return 0
    assert row.profile is not None  # noqa: S101 - rows get here with one
    return retention_days * 86_400 + BACKSTOP_SECONDS - (now_ms - row.profile.event_ms) // 1000


def _cassandra_row(row: Row, write_times: Mapping[str, int], ttl: int, worker: "Worker") -> CassandraRow:
    assert row.profile is not None  # noqa: S101 - rows get here with one
    values = (
        datetime.fromtimestamp(row.profile.event_ms / 1000, UTC),
        row.profile.partition,
        row.profile.offset,
        row.standing,
        worker.register.version,
        *row.columns.values(),
    )
    return CassandraRow(row.subject_id, values, write_times[row.contribution_id], ttl)


def _erased_since(worker: "Worker", row: Row) -> bool:
    """Whether an erasure explains that a row which was just written is not there."""
    held = contributions.held_positions(worker.db, [row.contribution_id]).get(row.contribution_id)
    return held is None or "erased_at" in held
