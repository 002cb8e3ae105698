"""What is done with one chunk of a partition, from Kafka's records to what the stores acknowledge."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa
from pymongo.client_session import ClientSession

from lethe.profiles import validation
from lethe.profiles.contract import CONSENTS_TOPIC, Message
from lethe.profiles.parsing import unknown_fields
from lethe.protection.pseudonym import subject_id
from lethe.stores import quarantine
from lethe.stores.contributions import ANALYTICS, Change
from lethe.stores.quarantine import Refused
from lethe.stream.health import Counts
from spark_apps import consent_steps, sinks, transforms
from spark_apps.transforms import Person, Row

if TYPE_CHECKING:
    from spark_apps.worker import Worker


@dataclass(frozen=True, slots=True)
class Batch:
    """What the driver tells each partition of a batch; holds nothing secret, since it travels in the plan.

    `repeated`: it may have been begun before, so that a store may have it and another not.
    """

    batch_id: int
    lease: int
    ledger_version: int
    key_epoch: int
    now_ms: int
    repeated: bool


def process_chunk(worker: "Worker", chunk: pa.RecordBatch, batch: Batch) -> Counts:
    """Take one chunk, of one topic, through all steps.

    When it returns, all of it is acknowledged by the stores. Raises FencedError after a takeover, StoreError and
    pymongo's errors when a store doesn't take it; running it again then is safe.
    """
    records = transforms.messages(chunk)
    take = consents if records[0].topic == CONSENTS_TOPIC else profiles
    people, counts = take(worker, records, batch)
    people, punctured = transforms.derive(people, worker.keys)
    counts.suppressed += punctured
    _save(worker, people, _shard(worker, records), batch, counts)
    return counts


def profiles(worker: "Worker", records: Sequence[Message], batch: Batch) -> tuple[list[Person], Counts]:
    """Parse, identify, suppress, validate and quarantine profiles; those that go on, by person."""
    rules, now_ms = worker.rules, batch.now_ms
    parsed = transforms.parse(records)
    counts = Counts(rows_in=len(records), control=len(records) - len(parsed))
    rows = transforms.identify(parsed, partial(subject_id, worker.pepper))
    for row in rows:
        if names := unknown_fields(row.document, rules.known_paths):
            counts.unknown_fields.update(names)
    rows, counts.suppressed = transforms.suppress(
        rows, worker.ledger, lambda row: validation.check(row.document, row.message, now_ms, rules)
    )
    rows, refused = transforms.validate(rows, now_ms, rules)
    _refuse(worker, refused, _shard(worker, records), counts)
    return transforms.by_person(rows), counts


def consents(worker: "Worker", records: Sequence[Message], batch: Batch) -> tuple[list[Person], Counts]:
    """Read, identify, suppress and quarantine consents that came alone; those that go on, by person."""
    found = consent_steps.read(records, batch.now_ms, worker.rules)
    counts = Counts(rows_in=len(records), control=len(records) - len(found))
    rows = consent_steps.identify(found, partial(subject_id, worker.pepper))
    for row in rows:
        if row.consent is not None:
            counts.unknown_fields.update(row.consent.unknown_fields)
    rows, counts.suppressed = transforms.suppress(rows, worker.ledger, lambda row: row.consent)
    rows, refused = consent_steps.accepted(rows)
    _refuse(worker, refused, _shard(worker, records), counts)
    return transforms.by_person(rows), counts


def _shard(worker: "Worker", records: Sequence[Message]) -> int:
    return records[0].partition % worker.settings.counter_shards


def _refuse(worker: "Worker", refused: Sequence[Refused], shard: int, counts: Counts) -> None:
    kept = quarantine.documents(refused, worker.keys, worker.day_keys)
    counts.suppressed += len(refused) - len(kept)  # whose key is punctured
    counts.quarantined.update(document["reason"] for document in kept)
    size = worker.settings.subjects_per_transaction
    quarantine.keep(worker.client, worker.db, worker.lease, shard, kept, at_once=size)


def refused_of(people: Sequence[Person], changes: Sequence[Change]) -> list[Refused]:
    """What quarantine keeps of profiles that only their subject's consents could tell to be refused."""
    found = []
    for person, change in zip(people, changes, strict=True):
        for profile, why in change.settled.refused if change.settled else ():
            row = next(row for row in person.rows if row.profile is profile)
            found.append(transforms.refusal(row, why))
    return found


def _save(worker: "Worker", people: Sequence[Person], shard: int, batch: Batch, counts: Counts) -> None:
    """MongoDB first: its transaction decides what stands, and at what write time."""

    def keep_refused(some: Sequence[Person], changes: Sequence[Change], session: ClientSession) -> None:
        kept = quarantine.documents(refused_of(some, changes), worker.keys, worker.day_keys)
        quarantine.write(worker.db, kept, session)

    changes = sinks.save_to_mongodb_collection(worker, people, shard, keep_refused)
    sinks.save_consents(worker, people, changes, batch)
    sinks.save_to_cassandra_table(worker, people, changes, batch)
    sinks.save_email_index(worker, people, changes, batch)
    sinks.count_again(worker, people, changes, shard)
    count(people, changes, counts)


def count(people: Sequence[Person], changes: Sequence[Change], counts: Counts) -> None:
    """Add what became of the people's rows; every row is counted once."""
    now_ms = round(time.time() * 1000)
    for person, change in zip(people, changes, strict=True):
        settled = change.settled
        if settled is None:
            counts.suppressed += len(person.rows)
            continue
        counts.superseded += settled.superseded
        counts.suppressed += settled.suppressed
        counts.quarantined.update(why.reason.value for _, why in settled.refused)
        if settled.profile is not None:
            counts.stored += 1
            counts.not_counted += ANALYTICS not in settled.in_force
        said = [row for row in person.rows if row.consent is not None]
        counts.consents += len(said) - (settled.suppressed if said else 0)
        _time_withdrawals(said, now_ms, counts)


def _time_withdrawals(rows: Sequence[Row], now_ms: int, counts: Counts) -> None:
    for row in rows:
        if row.consent is not None and not row.consent.consent.granted:
            waited = max(now_ms - row.message.timestamp_ms, 0)
            counts.withdrawals += 1
            counts.withdrawal_ms += waited
            counts.slowest_withdrawal_ms = max(counts.slowest_withdrawal_ms, waited)
