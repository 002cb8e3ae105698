"""What a Spark Python worker does with one partition of a batch, and what it keeps between batches.

A worker process lives through many batches: its connections, the ledger and the register are made once and kept
for as long as its driver holds the lease.
"""

import gc
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import pyarrow as pa
from cassandra.cluster import Session
from pymongo.database import Database
from pymongo.errors import PyMongoError
from pyspark import TaskContext

from lethe import jsonlog
from lethe.errors import KeyStateError, StoreError
from lethe.profiles.contract import Profile
from lethe.profiles.enrichment import enricher
from lethe.profiles.rules import Rules
from lethe.protection.day_keys import DayKeys
from lethe.protection.key_store import KeyStore
from lethe.protection.pseudonym import load_pepper
from lethe.protection.subject_keys import SubjectKeys
from lethe.register.load import current
from lethe.register.model import CONSENTS, CONTRIBUTIONS, PROFILES, WRITTEN, Register
from lethe.settings import IntakeSettings, Paths, StreamSettings
from lethe.stores import cassandra, mongodb
from lethe.stores.cassandra import RowWriter
from lethe.stores.contributions import Figures, Reading
from lethe.stores.email_index import EmailIndex
from lethe.stores.mongodb import Client, Document
from lethe.stores.profiles_table import ProfileWriter
from lethe.stores.suppression import Ledger
from lethe.stream.fence import role_of
from lethe.stream.health import Counts
from lethe.stream.lease import Lease
from lethe.stream.submit import LeaseFile
from spark_apps import transforms
from spark_apps.chunks import Batch, process_chunk

REPORT_SCHEMA = "report string"
ROWS_AT_ONCE = 4_000
BYTES_AT_ONCE = 64 * 2**20
PROFILE_COLUMNS, CONSENT_COLUMNS = WRITTEN[PROFILES][1:], WRITTEN[CONSENTS][1:]  # but for the key
COLLECT_AFTER = 250_000  # objects; a chunk makes fewer, hardly any in circles


@dataclass(slots=True)
class Worker:
    """One process' connections, bound to one lease."""

    lease: Lease
    settings: StreamSettings
    register: Register
    rules: Rules
    pepper: bytes
    client: Client
    db: Database[Document]
    session: Session
    writer: ProfileWriter
    consent_writer: RowWriter
    email_index: EmailIndex | None
    reading: Reading
    columns_of: Callable[[Profile], dict[str, object]]
    protection: transforms.Protection
    figures: tuple[str, ...]
    key_store: KeyStore
    keys: SubjectKeys
    day_keys: DayKeys
    ledger: Ledger = field(default_factory=Ledger)

    @classmethod
    def open(cls, lease_number: int) -> "Worker":
        """Connect as the driver with this lease.

        Raises FencedError when a later lease was taken on this machine.
        """
        jsonlog.configure("stream")
        paths, settings, register = Paths(), StreamSettings(), current()
        held = LeaseFile.read(paths, lease_number)
        client = mongodb.connect("stream", paths)
        session = cassandra.connect(role_of(held.number), paths, password=held.password)
        pepper, key_store = load_pepper(paths), KeyStore(paths)
        protection = transforms.Protection.from_register(register)
        computed = [*register.stored_columns(PROFILES), *register.encrypted_columns(PROFILES)]
        rules = Rules.from_register(register)
        return cls(
            lease=held.lease,
            settings=settings,
            register=register,
            rules=rules,
            pepper=pepper,
            client=client,
            db=mongodb.database(client),
            session=session,
            writer=ProfileWriter(session, [*PROFILE_COLUMNS, *protection.names]),
            consent_writer=RowWriter(session, cassandra.CONSENTS, CONSENT_COLUMNS),
            email_index=EmailIndex(session, register, paths) if IntakeSettings().email_index else None,
            reading=reading_of(register, rules),
            columns_of=enricher(computed),
            protection=protection,
            figures=register.contribution_fields(),
            key_store=key_store,
            keys=SubjectKeys(key_store.load(), pepper),
            day_keys=DayKeys(paths),
        )

    def refresh(self, ledger_version: int, key_epoch: int) -> None:
        """Bring the keys up to the key state of now, then the ledger up to a version.

        In this order: whose key is punctured in the one is suppressed in the other. Raises KeyStateError where the key
        state here is older than the driver's.
        """
        if self.keys.state.epoch != self.key_store.epoch():
            self.keys = SubjectKeys(self.key_store.load(), self.pepper)
        if self.keys.state.epoch < key_epoch:
            raise KeyStateError(
                f"the key state here is of epoch {self.keys.state.epoch}, the driver's of {key_epoch}: it must be one"
            )
        if self.ledger.version < ledger_version:
            self.ledger.refresh(self.db)

    def close(self) -> None:
        """End its connections."""
        self.session.cluster.shutdown()
        self.client.close()


def reading_of(register: Register, rules: Rules) -> Reading:
    """By what contributions are made."""
    by_consent = register.consent_purposes()
    consented = {
        column.name: frozenset(column.purposes)
        for column in register.stored_columns(CONTRIBUTIONS)
        if by_consent.issuperset(column.purposes)
    }
    return Reading(rules, figures_of(register), consented)


def figures_of(register: Register) -> Callable[[Profile], Figures]:
    """The figures that a profile has, by the register's names, as MongoDB holds them."""
    columns_of = enricher(register.stored_columns(CONTRIBUTIONS))

    def figures(profile: Profile) -> Figures:
        return {name: _figure(value) for name, value in columns_of(profile).items()}

    return figures


def _figure(value: object) -> str | float | None:
    """Numbers and booleans as they are, anything else as text."""
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


_kept: dict[int, Worker] = {}


def worker_of(lease_number: int) -> Worker:
    """This process' worker for a lease; one of an earlier lease is closed."""
    for number in [number for number in _kept if number != lease_number]:
        _kept.pop(number).close()
    if lease_number not in _kept:
        _kept[lease_number] = Worker.open(lease_number)
        # Looking for circles among a chunk's rows, again and again while they grow, is a fifth of all time here.
        gc.freeze()
        gc.set_threshold(COLLECT_AFTER)
    return _kept[lease_number]


def process_partition(chunks: Iterator[pa.RecordBatch], batch: Batch) -> Iterator[pa.RecordBatch]:
    """Take every chunk of a partition through all steps; gives one row, a report as JSON."""
    worker = worker_of(batch.lease)
    task = TaskContext.get()
    if task is not None and task.attemptNumber() > 0:
        batch = replace(batch, repeated=True)
    worker.refresh(batch.ledger_version, batch.key_epoch)
    counts, offsets = Counts(), dict[str, list[int]]()
    for chunk in gathered(chunks, ROWS_AT_ONCE, BYTES_AT_ONCE):
        counts.add(_process(worker, chunk, batch))
        _note_offsets(offsets, chunk)
    report = json.dumps({"counts": counts.document(), "offsets": offsets})
    yield pa.RecordBatch.from_arrays([pa.array([report])], names=["report"])


def gathered(chunks: Iterable[pa.RecordBatch], rows: int, size: int) -> Iterator[pa.RecordBatch]:
    """Spark's small chunks put together until there are so many `rows` or `size` bytes; empty ones are left out."""
    held: list[pa.RecordBatch] = []
    held_rows = held_bytes = 0
    for chunk in chunks:
        held.append(chunk)
        held_rows += chunk.num_rows
        held_bytes += chunk.nbytes
        if held_rows >= rows or held_bytes >= size:
            yield from pa.Table.from_batches(held).combine_chunks().to_batches()
            held, held_rows, held_bytes = [], 0, 0
    if held_rows:
        yield from pa.Table.from_batches(held).combine_chunks().to_batches()


def _process(worker: Worker, chunk: pa.RecordBatch, batch: Batch) -> Counts:
    """Process a chunk; MongoDB's errors are told by their class alone, since their text quotes documents."""
    try:
        return process_chunk(worker, chunk, batch)
    except PyMongoError as error:
        told = mongodb.told(error)
    # Outside of the handler: without what the error quotes.
    raise StoreError(f"mongodb: a chunk was not saved: {told}")


def _note_offsets(offsets: dict[str, list[int]], chunk: pa.RecordBatch) -> None:
    name = f"{chunk.column('topic')[0].as_py()}:{chunk.column('partition')[0].as_py()}"
    seen = chunk.column("offset")
    first, last = seen[0].as_py(), seen[-1].as_py() + 1
    offsets[name] = [offsets.get(name, [first])[0], last]
