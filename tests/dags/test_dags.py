"""What every DAG of Lethe keeps to, whatever it does."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from tests.dags.scripts import PROJECT, told_by

DAG_FILES = sorted((PROJECT / "dags").glob("*.py"))
SNAPSHOT = Path(__file__).with_name("shape.json")
TAGS = {"audit", "erasure", "gdpr", "keys", "stream", "supervision"}
OWNERS = {"controller"}


@pytest.fixture(scope="session")
def shape(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The shape of all DAGs, as a process of Airflow's sees them."""
    return told_by("shape.py", tmp_path_factory.mktemp("dags"), seconds=180)


@pytest.fixture(scope="session")
def dags(shape: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = shape["dags"]
    assert found, "no DAG was found: every other test would pass for nothing"
    return found


def test_every_dag_can_be_imported(shape: dict[str, Any]) -> None:
    assert shape["import_errors"] == {}


def test_each_file_holds_the_one_dag_that_it_is_named_for(dags: dict[str, dict[str, Any]]) -> None:
    assert {dag_id: dag["file"] for dag_id, dag in dags.items()} == {
        file.stem: file.name for file in DAG_FILES
    }


def test_the_dags_have_the_shape_that_was_reviewed(dags: dict[str, dict[str, Any]]) -> None:
    """To change it: `python tests/dags/shape.py tests/dags/shape.json`, and have the difference reviewed."""
    assert dags == json.loads(SNAPSHOT.read_text())["dags"]


def test_importing_a_dag_reaches_for_nothing(shape: dict[str, Any]) -> None:
    assert shape["io_at_import"] == []


def test_importing_a_dag_loads_no_driver_of_a_store(shape: dict[str, Any]) -> None:
    assert shape["store_drivers_at_import"] == []


def test_tags_are_from_the_closed_set(dags: dict[str, dict[str, Any]]) -> None:
    for dag_id, dag in dags.items():
        assert dag["tags"], dag_id
        assert set(dag["tags"]) <= TAGS, dag_id


def test_every_dag_is_described_bounded_and_tells_of_its_failure(dags: dict[str, dict[str, Any]]) -> None:
    for dag_id, dag in dags.items():
        assert dag["doc_md"], dag_id
        assert dag["on_failure"] == "FailureNotice", dag_id
        assert 1 <= dag["max_active_runs"] <= (64 if dag_id == "erase_subject" else 4), dag_id
        assert dag["catchup"] is False, dag_id


def test_what_is_scheduled_starts_unpaused(dags: dict[str, dict[str, Any]]) -> None:
    assert all(dag["starts_paused"] is False for dag in dags.values() if dag["schedule"])


def test_every_task_has_an_owner_a_pool_a_bound_and_growing_retries(dags: dict[str, dict[str, Any]]) -> None:
    tasks = {f"{dag_id}.{name}": task for dag_id, dag in dags.items() for name, task in dag["tasks"].items()}
    for name, task in tasks.items():
        assert task["owner"] in OWNERS, name
        assert task["pool"], name
        assert task["execution_timeout_s"], name
        assert task["retries"] >= 1, name
        assert task["retry_backoff"] > 1, name


def test_supervision_never_runs_twice_at_once(dags: dict[str, dict[str, Any]]) -> None:
    assert dags["supervise_stream"]["max_active_runs"] == 1
    assert dags["supervise_stream"]["schedule"] == "* * * * *"


def test_every_step_of_an_erasure_is_a_task_and_the_record_is_always_closed(
    dags: dict[str, dict[str, Any]],
) -> None:
    from lethe.requests.record import STEPS

    tasks = dags["erase_subject"]["tasks"]
    assert set(tasks) == {"intake", "decide", *STEPS, "certify", "record"}
    assert tasks["record"]["trigger_rule"] == "none_skipped", (
        "a failure closes it too; a refusal leaves it unopened"
    )
    assert tasks["record"]["then"] == []
    assert all(task["trigger_rule"] == "all_success" for name, task in tasks.items() if name != "record")


@pytest.mark.parametrize("file", DAG_FILES, ids=lambda file: file.stem)
def test_a_dag_only_wires(file: Path) -> None:
    text = file.read_text()
    assert len(text.splitlines()) <= 80
    named = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    imported = {
        alias.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom | ast.Import)
        for alias in node.names
    }
    assert "Variable" not in named | imported


def test_airflow_runs_no_file_of_the_plugins_folder_that_is_no_plugin() -> None:
    ignored = (PROJECT / "plugins" / ".airflowignore").read_text().splitlines()
    packages = [path.name for path in (PROJECT / "plugins").iterdir() if (path / "__init__.py").exists()]
    assert packages
    assert all(f"{name}/" in ignored for name in packages)
