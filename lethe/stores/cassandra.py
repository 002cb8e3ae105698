"""Cassandra: sessions by role, and its tables written and read by subject.

Writes carry their own timestamp (µs), so that a replay changes nothing and the later profile stands whatever
the order of arrival; every write names every column, absent ones as null.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from cassandra import ConsistencyLevel, DriverException, InvalidRequest, Unauthorized
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, Session
from cassandra.policies import DCAwareRoundRobinPolicy, ExponentialReconnectionPolicy, TokenAwarePolicy
from cassandra.query import BatchStatement, BatchType, BoundStatement, PreparedStatement

from lethe.errors import FencedError, StoreError
from lethe.settings import CassandraSettings, Paths, secret
from lethe.stores.cassandra_values import binder

TABLE = "profiles"
CONSENTS = "consents"
EMAIL_INDEX = "email_index"
TABLES = (TABLE, CONSENTS, EMAIL_INDEX)
ROWS_A_BATCH = 24
BATCHES_IN_FLIGHT = 16
REQUEST_SECONDS = 20.0
RECONNECT_SECONDS = (
    8.0  # at most between two attempts to reach a node again; the driver's own bound is 10 minutes
)


def connect(
    role: str,
    paths: Paths | None = None,
    settings: CassandraSettings | None = None,
    password: str | None = None,
) -> Session:
    """A session with the keyspace set, as `role`; its password from `cassandra-<role>` unless given.

    Raises StoreError when Cassandra can't be reached or refuses the login.
    """
    settings = settings or CassandraSettings()
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy(local_dc=settings.datacenter)),
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        request_timeout=REQUEST_SECONDS,
    )
    cluster = Cluster(
        settings.hosts,
        port=settings.port,
        auth_provider=PlainTextAuthProvider(role, password or secret(f"cassandra-{role}", paths)),
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        protocol_version=5,
        connect_timeout=10,
        reconnection_policy=ExponentialReconnectionPolicy(1.0, RECONNECT_SECONDS),
        application_name=f"lethe-{role}",
    )
    try:
        return cluster.connect(settings.keyspace)
    except (NoHostAvailable, DriverException) as error:
        cluster.shutdown()
        raise StoreError(
            f"cassandra: no session as {role} at {settings.host}:{settings.port}: {_cause(error)}"
        ) from error


def _cause(error: Exception) -> str:
    """The class of what went wrong at each host; messages of the driver may quote values."""
    errors = getattr(error, "errors", None)
    if isinstance(errors, dict) and errors:
        return ", ".join(sorted({type(inner).__name__ for inner in errors.values()}))
    return type(error).__name__


@contextmanager
def told(table: str) -> Iterator[None]:
    """The driver's errors at writing as ours: FencedError where the role has lost its rights, else StoreError."""
    try:
        yield
    except Unauthorized as error:
        raise FencedError("cassandra refuses this driver's role: a newer driver has taken over") from error
    except (NoHostAvailable, DriverException) as error:
        raise StoreError(f"cassandra: {table} were not written: {_cause(error)}") from error


@dataclass(frozen=True, slots=True)
class Row:
    """One row to write: the columns' values in the writer's order, write time in µs, TTL in seconds (0: for ever)."""

    subject_id: str
    values: tuple[Any, ...]
    write_time: int
    ttl: int


class RowWriter:
    """Writes rows of one table in unlogged batches of one replica set each, a bounded number of them at once."""

    def __init__(self, session: Session, table: str, columns: Sequence[str]) -> None:
        """`columns`: every column of the table except the partition key, subject_id."""
        self._session = session
        self.table, self.columns = table, tuple(columns)
        names = ", ".join(("subject_id", *self.columns))
        marks = ", ".join("?" for _ in range(len(self.columns) + 1))
        self._insert: PreparedStatement = session.prepare(
            f"INSERT INTO {table} ({names}) VALUES ({marks}) USING TIMESTAMP ? AND TTL ?"  # noqa: S608
        )
        self._bind = binder(self._insert)

    def write(self, rows: Sequence[Row]) -> int:
        """Write all rows; returns how many batches it took. When it returns, all are acknowledged.

        Raises FencedError when the role has lost its rights, StoreError when Cassandra does not take them.
        """
        pending: deque[tuple[Sequence[Row], Any]] = deque()
        batches = 0
        with told(self.table):
            for group in self._groups(rows):
                if len(pending) >= BATCHES_IN_FLIGHT:
                    self._finish(*pending.popleft())
                pending.append((group, self._session.execute_async(self._batch(group))))
                batches += 1
            while pending:
                self._finish(*pending.popleft())
        return batches

    def execute_all(self, statements: Iterable[tuple[PreparedStatement, Sequence[Any]]]) -> None:
        """Run statements with their values, a bounded number at once. When it returns, all are acknowledged.

        Raises as `write` does.
        """
        pending: deque[Any] = deque()
        with told(self.table):
            for statement in statements:
                if len(pending) >= BATCHES_IN_FLIGHT:
                    pending.popleft().result()
                pending.append(self._session.execute_async(*statement))
            for each in pending:
                each.result()

    def _finish(self, group: Sequence[Row], batch: Any) -> None:
        """See a batch acknowledged; one that Cassandra refuses, as it does above a size, is written row by row."""
        try:
            batch.result()
        except InvalidRequest:
            for row in group:
                self._session.execute(self._insert, (row.subject_id, *row.values, row.write_time, row.ttl))

    def _batch(self, rows: Sequence[Row]) -> BatchStatement:
        batch, bound = BatchStatement(BatchType.UNLOGGED), BoundStatement(self._insert)
        for row in rows:
            bound.values = self._bind((row.subject_id, *row.values, row.write_time, row.ttl))
            batch.add(bound)  # which takes its values over
        return batch

    def _groups(self, rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
        """Rows of one replica set together: a batch then costs its coordinator no further hop."""
        metadata = self._session.cluster.metadata
        if len(metadata.all_hosts()) <= 1:
            yield from _chunks(rows)
            return
        by_replicas: dict[tuple[str, ...], list[Row]] = {}
        for row in rows:
            replicas = metadata.get_replicas(self._session.keyspace, row.subject_id.encode())
            by_replicas.setdefault(tuple(sorted(host.address for host in replicas)), []).append(row)
        for group in by_replicas.values():
            yield from _chunks(group)


def _chunks(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), ROWS_A_BATCH):
        yield rows[start : start + ROWS_A_BATCH]


def read_profile(session: Session, subject_id: str) -> Any:
    """The row of one subject, None where there is none; a failure to ask is raised, never taken for none."""
    return _ask(lambda: session.execute(f"SELECT * FROM {TABLE} WHERE subject_id = %s", (subject_id,)).one())  # noqa: S608


def write_time(session: Session, subject_id: str) -> int | None:
    """The write time (µs) of one subject's row, None where there is none."""
    statement = f"SELECT WRITETIME(event_time) AS at FROM {TABLE} WHERE subject_id = %s"  # noqa: S608
    found = _ask(lambda: session.execute(statement, (subject_id,)).one())
    return None if found is None or found[0] is None else int(found[0])


def count_consents(session: Session, subject_id: str) -> int:
    """How many consents are on record of one subject."""
    statement = f"SELECT COUNT(*) FROM {CONSENTS} WHERE subject_id = %s"  # noqa: S608
    return int(_ask(lambda: session.execute(statement, (subject_id,)).one())[0])


def consents_written_at(session: Session, subject_id: str, *, least: bool = False) -> int | None:
    """The latest write time (µs) of one subject's consents, or the `least`; None where there are none."""
    statement = f"SELECT WRITETIME(by_guardian) AS at FROM {CONSENTS} WHERE subject_id = %s"  # noqa: S608
    found = _ask(lambda: session.execute(statement, (subject_id,)).all())
    return (min if least else max)((int(row[0]) for row in found), default=None)


def index_written_at(session: Session, subject_id: str) -> int | None:
    """The write time (µs) of one subject's entry in the e-mail index, None where there is none."""
    statement = f"SELECT WRITETIME(mac) AS at FROM {EMAIL_INDEX} WHERE subject_id = %s"  # noqa: S608
    found = _ask(lambda: session.execute(statement, (subject_id,)).one())
    return None if found is None or found[0] is None else int(found[0])


def insert(session: Session, table: str, values: Mapping[str, Any], *, ttl: int) -> None:
    """Write one row as of now, for so many seconds."""
    names, marks = ", ".join(values), ", ".join("%s" for _ in values)
    statement = f"INSERT INTO {table} ({names}) VALUES ({marks}) USING TTL {ttl}"  # noqa: S608
    with told(table):
        session.execute(statement, tuple(values.values()))


def delete_subject(session: Session, subject_id: str, erased_at: int) -> None:
    """Delete one subject's rows as of `erased_at` (µs): what was written by then stays gone, even if late."""
    for table in TABLES:
        statement = f"DELETE FROM {table} USING TIMESTAMP %s WHERE subject_id = %s"  # noqa: S608
        _ask(partial(session.execute, statement, (erased_at, subject_id)))


def _ask(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except (NoHostAvailable, DriverException) as error:
        raise StoreError(f"cassandra: {TABLE} could not be asked: {_cause(error)}") from error
