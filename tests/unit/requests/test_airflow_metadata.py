"""What was typed for an erasure leaves Airflow's database: its rows, and the bytes of its files."""

import json
import sqlite3
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lethe.errors import ConfigurationError, StoreError
from lethe.requests.airflow_metadata import Metadata
from lethe.settings import AirflowSettings

TABLES = """
CREATE TABLE dag_run (id INTEGER PRIMARY KEY, dag_id VARCHAR(250), run_id VARCHAR(250), conf JSON, queued_at TIMESTAMP,
                      state VARCHAR(50));
CREATE TABLE log (id INTEGER PRIMARY KEY, dag_id VARCHAR(250), event VARCHAR(60), extra TEXT);
"""
USER_ID = "3FA85F64-5717-4562-b3fc-2c963f66afa6"
AT = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "airflow.db"


@pytest.fixture
def airflow(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection as Airflow has it, which stays open: so the write-ahead log stays too."""
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA secure_delete=ON")
    connection.executescript(TABLES)
    yield connection
    connection.close()


@pytest.fixture
def metadata(file: Path, airflow: sqlite3.Connection) -> Metadata:
    return Metadata(AirflowSettings(database=f"sqlite:///{file}?timeout=5"))


def request(
    airflow: sqlite3.Connection, conf: object, run_id: str = "run", dag_id: str = "erase_subject"
) -> None:
    """What a request through the API leaves."""
    extra = json.dumps({"logical_date": None, "conf": conf, "method": "POST"})
    airflow.execute(
        "INSERT INTO log (dag_id, event, extra) VALUES (?, 'trigger_dag_run', ?)", (dag_id, extra)
    )
    at = AT.replace(tzinfo=None).isoformat(sep=" ")
    values = (dag_id, run_id, json.dumps(conf), at)
    airflow.execute("INSERT INTO dag_run (dag_id, run_id, conf, queued_at) VALUES (?, ?, ?, ?)", values)
    airflow.commit()


def command(airflow: sqlite3.Connection, *arguments: str) -> None:
    """What a command line leaves."""
    extra = json.dumps({"host_name": "here", "full_command": str(["/bin/airflow", *arguments])})
    airflow.execute("INSERT INTO log (event, extra) VALUES ('cli_trigger_dag', ?)", (extra,))
    airflow.commit()


def holds(file: Path, text: str) -> list[str]:
    return [each.name for each in file.parent.iterdir() if text.encode() in each.read_bytes()]


def test_a_user_id_is_nowhere_in_rows_or_files_after_it_was_scrubbed(
    file: Path, airflow: sqlite3.Connection, metadata: Metadata
) -> None:
    request(airflow, {"user_id": USER_ID})
    command(airflow, "dags", "trigger", "erase_subject", "--conf", json.dumps({"user_id": USER_ID}))
    assert holds(file, USER_ID), "a search that finds nothing before proves nothing"
    (run,) = metadata.typed_runs()
    assert (run.run_id, run.conf, run.since) == ("run", {"user_id": USER_ID}, AT)
    metadata.scrub("run", {"case_id": "c1"})
    assert holds(file, USER_ID) == []
    assert metadata.run("run").conf == {"case_id": "c1"}
    assert metadata.typed_runs() == []


def test_rows_that_airflow_moved_before_left_nothing_behind(
    file: Path, airflow: sqlite3.Connection, metadata: Metadata
) -> None:
    """A row that grows goes to another page; the same happens where rows before it are deleted."""
    for number in range(40):
        request(airflow, {"user_id": str(uuid.uuid4())}, f"run-{number}")
    request(airflow, {"user_id": USER_ID})
    airflow.execute("UPDATE dag_run SET state = ?", ("x" * 3_000,))
    airflow.execute("DELETE FROM dag_run WHERE run_id LIKE 'run-1%'")
    airflow.commit()
    metadata.scrub("run", {"case_id": "c1"})
    assert holds(file, USER_ID) == []


def test_scrubbing_twice_changes_nothing(airflow: sqlite3.Connection, metadata: Metadata) -> None:
    request(airflow, {"user_id": USER_ID})
    metadata.scrub("run", {"case_id": "c1"})
    before = airflow.execute("SELECT * FROM log").fetchall()
    metadata.scrub("run", {"case_id": "c1"})
    assert airflow.execute("SELECT * FROM log").fetchall() == before


def test_what_was_typed_and_refused_is_scrubbed_too(
    file: Path, airflow: sqlite3.Connection, metadata: Metadata
) -> None:
    command(airflow, "dags", "trigger", "erase_subject", "-c", '{"user_id": "zoe@example.org"}')
    command(airflow, "dags", "list")
    assert metadata.scrub_events() == 1
    assert holds(file, "zoe@example.org") == []
    assert metadata.scrub_events() == 0


def test_what_other_dags_were_given_is_left_alone(airflow: sqlite3.Connection, metadata: Metadata) -> None:
    request(airflow, {"user_id": USER_ID}, dag_id="another")
    command(airflow, "dags", "trigger", "another", "--conf", json.dumps({"user_id": USER_ID}))
    metadata.scrub_events()
    assert metadata.typed_runs() == []
    assert [USER_ID in row[0] for row in airflow.execute("SELECT extra FROM log")] == [True, True]


def test_an_entry_keeps_who_and_what_for_the_record(airflow: sqlite3.Connection, metadata: Metadata) -> None:
    request(airflow, {"user_id": USER_ID})
    metadata.scrub("run", {"case_id": "c1"})
    ((extra,),) = airflow.execute("SELECT extra FROM log").fetchall()
    assert json.loads(extra) == {"logical_date": None, "conf": "***", "method": "POST"}


def test_the_log_is_truncated_when_a_reader_has_ended(
    file: Path, airflow: sqlite3.Connection, metadata: Metadata, monkeypatch: pytest.MonkeyPatch
) -> None:
    request(airflow, {"user_id": USER_ID})
    reader = sqlite3.connect(file)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM dag_run").fetchall()
    monkeypatch.setattr("lethe.requests.airflow_metadata.TRUNCATE_SECONDS", 0.5)
    with pytest.raises(StoreError, match="in use"):
        metadata.scrub("run", {"case_id": "c1"})
    reader.close()
    metadata.scrub("run", {"case_id": "c1"})
    assert holds(file, USER_ID) == []


def test_where_there_is_no_database_that_is_said_and_none_is_made(tmp_path: Path) -> None:
    settings = AirflowSettings(database=f"sqlite:///{tmp_path / 'none.db'}")
    with pytest.raises(ConfigurationError, match="LETHE_AIRFLOW_DATABASE"):
        Metadata(settings)
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_database_repeats_no_value(
    file: Path, airflow: sqlite3.Connection, metadata: Metadata
) -> None:
    request(airflow, {"user_id": USER_ID})
    airflow.execute("DROP TABLE log")
    airflow.commit()
    with pytest.raises(StoreError) as told:
        metadata.scrub("run", {"case_id": "c1"})
    assert str(told.value) == "airflow's database: OperationalError"
    assert told.value.__cause__ is None


@pytest.mark.parametrize(
    "conf", [{"user_id": USER_ID}, {"case_id": "c1", "user_id": USER_ID}, {"email": "zoe@example.org"}]
)
def test_whatever_was_typed_beside_a_case_is_seen(
    airflow: sqlite3.Connection, metadata: Metadata, conf: dict[str, str]
) -> None:
    request(airflow, conf)
    assert [run.conf for run in metadata.typed_runs()] == [conf]


@pytest.mark.parametrize("conf", [{}, {"case_id": "c1"}, {"case_id": "c1", "user_id": None}])
def test_what_names_nobody_was_not_typed(
    airflow: sqlite3.Connection, metadata: Metadata, conf: dict[str, str | None]
) -> None:
    request(airflow, conf)
    assert metadata.typed_runs() == []
