"""Where a chunk's rows go: MongoDB's contributions with their aggregates, and Cassandra's profiles and consents.

Each writes, reads a sample back over the same connection, and logs what it wrote.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from pymongo.client_session import ClientSession

from lethe.errors import StoreError
from lethe.profiles.contract import Consent
from lethe.stores import contributions
from lethe.stores.cassandra import Row as CassandraRow
from lethe.stores.cassandra_values import position_of
from lethe.stores.contributions import Change, Entry
from lethe.stores.profiles_table import RowChange
from spark_apps import transforms
from spark_apps.transforms import Person

if TYPE_CHECKING:
    from spark_apps.chunks import Batch
    from spark_apps.worker import Worker

LOG = logging.getLogger("lethe.stream.sinks")
SAMPLE = 3  # rows read back after each write
BACKSTOP_SECONDS = 30 * 86_400  # how long a row outlives its retention where enforcement fails (design, TTL)

Rest = Callable[[Sequence[Person], Sequence[Change], ClientSession], None]


def save_to_mongodb_collection(
    worker: "Worker", people: Sequence[Person], shard: int, rest: Rest
) -> list[Change]:
    """Bring `contributions` and their aggregates up to the people's rows, in transactions that `rest` is called in.

    Returns what became of each person. Raises FencedError after a takeover, StoreError when what was written can't be
    read back.
    """
    size = worker.settings.subjects_per_transaction
    changes: list[Change] = []
    for start in range(0, len(people), size):
        some = people[start : start + size]
        changes += contributions.apply(
            worker.client,
            worker.db,
            worker.lease,
            shard,
            [entry_of(person) for person in some],
            reading=worker.reading,
            rest=partial(rest, some),
        )
    placed = [
        (person.names[0], change.write_time)
        for person, change in _pairs(people, changes)
        if change.write_time
    ]
    held = contributions.held_positions(worker.db, [name for name, _ in placed[:SAMPLE]])
    for name, write_time in placed[:SAMPLE]:
        document = held.get(name, {})
        if int(document.get("erased_at") or document.get("write_time") or 0) < write_time:
            raise StoreError(f"mongodb: the contribution {name} was acknowledged and can't be read back")
    LOG.info("contributions saved", extra={"rows": len(people), "placed": len(placed), "shard": shard})
    return changes


def _pairs(people: Sequence[Person], changes: Sequence[Change]) -> list[tuple[Person, Change]]:
    return list(zip(people, changes, strict=True))


def entry_of(person: Person) -> Entry:
    """What contributions are told of a person."""
    return Entry(
        person.names,
        [row.consent.consent for row in person.rows if row.consent is not None],
        [row.profile for row in person.rows if row.profile is not None],
        person.erased_at,
        root=person.root,
    )


def save_to_cassandra_table(
    worker: "Worker", people: Sequence[Person], changes: Sequence[Change], batch: "Batch"
) -> None:
    """Bring `profiles` up to what stands, at the write times that MongoDB's transaction gave.

    New profiles are written whole; of a row that stays, what its subject's consents change; a row that ended goes.
    Raises FencedError after a takeover, StoreError when Cassandra doesn't take it or a sample can't be read back.
    """
    written: list[tuple[Person, Change]] = []
    row_changes: list[RowChange] = []
    for person, change in _pairs(people, changes):
        settled = change.settled
        if settled is None or settled.held.position is None:
            continue
        if settled.profile is not None:
            person.columns = worker.columns_of(settled.profile)
            written.append((person, change))
        elif change.is_new or batch.repeated:
            row_changes.append(_row_change(worker, person, change, batch.now_ms))
    whose = [person for person, _ in written]
    moments = [change.settled.held.moments for _, change in written if change.settled is not None]
    transforms.protect(whose, moments, worker.protection)
    batches = worker.writer.write([_cassandra_row(worker, each, batch.now_ms) for each in written])
    worker.writer.change(row_changes)
    for person, change in written[:SAMPLE]:
        at = worker.writer.written_at(person.subject_id)
        if (at is None or at < change.write_time) and not _erased_since(worker, person):
            raise StoreError(
                f"cassandra: the profile of {person.subject_id} was acknowledged and can't be read back"
            )
    LOG.info("profiles saved", extra={"rows": len(written), "changed": len(row_changes), "batches": batches})


def _row_change(worker: "Worker", person: Person, change: Change, now_ms: int) -> RowChange:
    settled, write_time = change.settled, change.write_time
    assert settled is not None  # noqa: S101 - whoever calls has looked
    assert settled.held.position is not None  # noqa: S101
    at = settled.held.position[0]
    ttl = time_to_live(at, worker.rules.retention_days, now_ms)
    standing: tuple[list[str], list[str]] = worker.protection.standing(settled.held.moments)
    dropped = tuple(name for name in worker.protection.names if name not in {*standing[0], *standing[1]})
    consents = settled.in_force if settled.held.stands else None
    return RowChange(person.subject_id, _moment(at), consents, dropped, write_time, ttl)


def time_to_live(event_ms: int, retention_days: int | None, now_ms: int) -> int:
    """Seconds from the write on: event time + retention + 30 days - now; validation refuses what has none left.

    Rounded up: of a last second 0 would be left, which means for ever.
    """
    if retention_days is None:
        return 0
    return retention_days * 86_400 + BACKSTOP_SECONDS - (now_ms - event_ms) // 1000


def _cassandra_row(worker: "Worker", written: tuple[Person, Change], now_ms: int) -> CassandraRow:
    person, change = written
    assert change.settled is not None  # noqa: S101 - whoever calls has looked
    profile = change.settled.profile
    assert profile is not None  # noqa: S101
    values = (
        _moment(profile.event_ms),
        profile.partition,
        profile.offset,
        change.settled.in_force,
        worker.register.version,
        *person.columns.values(),
    )
    ttl = time_to_live(profile.event_ms, worker.rules.retention_days, now_ms)
    return CassandraRow(person.subject_id, values, change.write_time, ttl)


def _moment(unix_ms: int) -> datetime:
    return datetime.fromtimestamp(unix_ms / 1000, UTC)


def _erased_since(worker: "Worker", person: Person) -> bool:
    """Whether an erasure explains that a row which was just written is not there."""
    held = contributions.held_positions(worker.db, [person.names[0]]).get(person.names[0])
    return held is None or "erased_at" in held


def save_email_index(
    worker: "Worker", people: Sequence[Person], changes: Sequence[Change], batch: "Batch"
) -> None:
    """Bring the e-mail index, where there is one, up to the rows of `profiles`; raises as `save_to_cassandra_table`."""
    index = worker.email_index
    if index is None:
        return
    values: list[CassandraRow] = []
    ended: list[tuple[str, int]] = []
    for person, change in _pairs(people, changes):
        settled = change.settled
        if settled is None or settled.held.position is None:
            continue
        stands = settled.held.stands and index.group in worker.protection.standing(settled.held.moments)[1]
        value = index.value_of(settled.profile) if stands and settled.profile is not None else None
        if value is not None:
            ttl = time_to_live(settled.held.position[0], worker.rules.retention_days, batch.now_ms)
            values.append(CassandraRow(person.subject_id, (value,), change.write_time, ttl))
        elif settled.profile is not None or (not stands and (change.is_new or batch.repeated)):
            ended.append((person.subject_id, change.write_time))
    index.write(values)
    index.end(ended)


def save_consents(
    worker: "Worker", people: Sequence[Person], changes: Sequence[Change], batch: "Batch"
) -> None:
    """Put every accepted consent on record, under the message that told of it (Art. 7(1)).

    What the subject's state held before is on record already, unless the batch may have been broken off. Raises as
    `save_to_cassandra_table` does.
    """
    rows = [row for pair in _pairs(people, changes) for row in _consent_rows(worker, *pair, batch)]
    worker.consent_writer.write(rows)


def _consent_rows(worker: "Worker", person: Person, change: Change, batch: "Batch") -> Iterator[CassandraRow]:
    if change.settled is None:
        return
    for consent, source in _said(person):
        is_known = change.before.get(consent.purpose) == consent and not batch.repeated
        counts = person.erased_at is None or change.settled.held.consents.get(consent.purpose) == consent
        if is_known or not counts or consent.purpose not in worker.rules.purposes:
            continue
        # Not later than now: whoever is erased later is erased with it.
        written = max(min(consent.at_ms, batch.now_ms) * 1000, (person.erased_at or 0) + 1)
        values = (consent.purpose, _moment(consent.at_ms), consent.granted, consent.policy_version)
        yield CassandraRow(person.subject_id, (*values, consent.by_guardian, *source), written, 0)


def _said(person: Person) -> Iterator[tuple[Consent, tuple[Any, ...]]]:
    for row in person.rows:
        source = (row.message.topic, row.message.partition, row.message.offset)
        if row.consent is not None:
            yield row.consent.consent, source
        for consent in row.profile.consents if row.profile is not None else ():
            yield consent, source


def count_again(worker: "Worker", people: Sequence[Person], changes: Sequence[Change], shard: int) -> None:
    """Count whoever consents again without a new profile: the figures come from the row that stands.

    Where Cassandra's row is another, the profile is still on its way and brings them itself.
    """
    owed = [person for person, change in _pairs(people, changes) if change.is_owed]
    if not owed:
        return
    names = list(worker.figures)
    entries = []
    for person in owed:
        row = worker.writer.read(person.subject_id, names)
        if row is not None:
            held = position_of(row[0], row[1]), dict(zip(names, row[2:], strict=True))
            entries.append(Entry(person.names, (), (), person.erased_at, held, person.root))
    contributions.apply(worker.client, worker.db, worker.lease, shard, entries, reading=worker.reading)
