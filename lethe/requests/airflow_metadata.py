"""Airflow's own database, as far as what was typed for an erasure stands in it, and how it is taken out again.

Airflow keeps the conf of a run, and in its event log the request or the command line that brought it. A user id that
was given so is replaced: in the run by the case that was opened for it, in the log by `***`. In SQLite what is replaced
is overwritten in the file too (`secure_delete`, which plugins/airflow_local_settings.py turns on for Airflow's own
connections), and the write-ahead log is truncated. In PostgreSQL it is gone when vacuum and checkpoints have passed.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from lethe.errors import ConfigurationError, StoreError
from lethe.requests.airflow_runs import DAG_ID
from lethe.settings import AirflowSettings

KEPT: Final = "case_id"  # names nobody
MASK: Final = "***"
TELLING: Final = ("conf", "full_command")  # what the log's entries hold that was typed
TRUNCATE_SECONDS: Final = 60.0  # a reader may stand in the way for as long as its statement takes

_RUNS = sa.table(
    "dag_run",
    sa.column("dag_id", sa.String),
    sa.column("run_id", sa.String),
    sa.column("conf", sa.JSON),
    sa.column("queued_at", sa.DateTime),
)
_EVENTS = sa.table("log", *(sa.column(name, sa.String) for name in ("id", "dag_id", "extra")))


@dataclass(frozen=True, slots=True)
class TypedRun:
    """A run whose conf holds what somebody typed, since when (UTC)."""

    run_id: str
    conf: Mapping[str, Any]
    since: datetime


class Metadata:
    """A connection of ours to Airflow's database.

    Raises ConfigurationError where it can't be reached: then nothing that names a person may be given to Airflow.
    Every method raises StoreError when the database does not do what it is asked.
    """

    def __init__(self, settings: AirflowSettings | None = None) -> None:
        url = sa.make_url((settings or AirflowSettings()).database_url)
        self._is_sqlite = url.get_backend_name() == "sqlite"
        if self._is_sqlite and not Path(url.database or "").is_file():
            raise ConfigurationError("airflow's database can't be reached from here (LETHE_AIRFLOW_DATABASE)")
        self._engine = sa.create_engine(url, poolclass=sa.NullPool)

    def typed_runs(self) -> list[TypedRun]:
        """Runs of `erase_subject` whose conf holds something typed; the oldest first."""
        query = sa.select(_RUNS).where(_RUNS.c.dag_id == DAG_ID).order_by(_RUNS.c.queued_at)
        with self._transaction() as connection:
            found = [self._run(row) for row in connection.execute(query)]
        return [run for run in found if is_typed(run.conf)]

    def run(self, run_id: str) -> TypedRun:
        """One run as it stands."""
        query = sa.select(_RUNS).where(_RUNS.c.dag_id == DAG_ID, _RUNS.c.run_id == run_id)
        with self._transaction() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise StoreError(f"airflow's database has no run {run_id} of {DAG_ID}")
        return self._run(row)

    @staticmethod
    def _run(row: Any) -> TypedRun:
        since = row.queued_at or datetime.now(UTC)
        return TypedRun(row.run_id, row.conf or {}, since if since.tzinfo else since.replace(tzinfo=UTC))

    def scrub(self, run_id: str, conf: Mapping[str, Any]) -> None:
        """Give a run another conf, and take out of the event log what came with any request of ours.

        Done twice, it changes nothing. When it returns, the database's files hold it no more.
        """
        here = sa.and_(_RUNS.c.dag_id == DAG_ID, _RUNS.c.run_id == run_id)
        with self._transaction() as connection:
            connection.execute(sa.update(_RUNS).where(here).values(conf=dict(conf)))
            _scrub_events(connection)
        self._truncate()

    def scrub_events(self) -> int:
        """Take what was typed out of the event log, also of requests that were refused; returns of how many."""
        with self._transaction() as connection:
            count = _scrub_events(connection)
        if count:
            self._truncate()
        return count

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        with _told(), self._engine.connect() as connection:
            if self._is_sqlite:
                connection.exec_driver_sql("PRAGMA secure_delete=ON")
                connection.commit()
            with connection.begin():
                yield connection

    def _truncate(self) -> None:
        """Empty SQLite's write-ahead log, into which every change goes first."""
        if not self._is_sqlite:
            return
        engine = self._engine.execution_options(isolation_level="AUTOCOMMIT")

        def is_busy() -> bool:
            with _told(), engine.connect() as connection:
                return bool(connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0])

        try:
            Retrying(
                retry=retry_if_result(bool), stop=stop_after_delay(TRUNCATE_SECONDS), wait=wait_fixed(0.2)
            )(is_busy)
        except RetryError as error:
            raise StoreError(
                f"airflow's database: its write-ahead log was in use for {TRUNCATE_SECONDS:.0f} s; try again"
            ) from error


@contextmanager
def _told() -> Iterator[None]:
    """The database's errors by their class alone: their text holds statement and values."""
    try:
        yield
    except SQLAlchemyError as error:
        told = type(error).__name__
    else:
        return
    raise StoreError(f"airflow's database: {told}")


def is_typed(conf: Mapping[str, Any]) -> bool:
    """Whether a run's conf holds anything but a case."""
    return any(value is not None for name, value in conf.items() if name != KEPT)


def _scrub_events(connection: sa.Connection) -> int:
    """Requests are told in `conf`, commands in `full_command`; what has been scrubbed is not read again."""
    extra = _EVENTS.c.extra
    about = sa.or_(_EVENTS.c.dag_id == DAG_ID, extra.contains(DAG_ID))
    telling = sa.or_(
        *(sa.and_(extra.contains(f'"{name}"'), ~extra.contains(f'"{name}": "{MASK}"')) for name in TELLING)
    )
    found = connection.execute(sa.select(_EVENTS.c.id, extra).where(about, telling)).all()
    for number, told in found:
        scrubbed = _without_typed(told)
        connection.execute(sa.update(_EVENTS).where(_EVENTS.c.id == number).values(extra=scrubbed))
    return len(found)


def _without_typed(extra: str) -> str:
    try:
        told = json.loads(extra)
    except ValueError:
        return MASK
    if not isinstance(told, dict):
        return MASK
    return json.dumps(told | {name: MASK for name in TELLING if name in told})
