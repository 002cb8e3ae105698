"""Loads every DAG as Airflow does and writes their shape as JSON: `python tests/dags/shape.py tests/dags/shape.json`.

A process of its own: Airflow reads its settings when it is imported, and must not find a user's.
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
STORE_DRIVERS = ("cassandra", "confluent_kafka", "pymongo", "pyspark")


def main(file: Path) -> None:
    """Write the shape to a file; Airflow has stdout for its log."""
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {
            "AIRFLOW_HOME": home,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
            "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
            "LETHE_HOME": str(Path(home) / "lethe"),
        }
        file.write_text(json.dumps(load(), indent=1, sort_keys=True) + "\n")


def load() -> dict[str, Any]:
    """Every DAG's shape, what could not be imported, and what importing did."""
    from airflow.dag_processing.dagbag import DagBag

    done: list[str] = []
    sys.addaudithook(lambda event, args: _note(done, event, args))
    bag = DagBag(PROJECT / "dags")
    done.append("end")
    return {
        "import_errors": {Path(file).name: text for file, text in bag.import_errors.items()},
        "io_at_import": done[:-1],
        "store_drivers_at_import": [name for name in STORE_DRIVERS if name in sys.modules],
        "dags": {dag_id: _dag(dag) for dag_id, dag in bag.dags.items()},
    }


def _note(done: list[str], event: str, args: tuple[Any, ...]) -> None:
    """Keep what reaches out of the process; reading modules is what an import is."""
    if "end" in done:
        return
    if event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system", "sqlite3.connect"):
        done.append(event)
    elif (
        event == "open"
        and isinstance(args[1], str)
        and set(args[1]) & set("wax+")
        and ".pyc" not in str(args[0])
    ):
        done.append(f"open {args[0]}")


def _dag(dag: Any) -> dict[str, Any]:
    return {
        "file": Path(dag.fileloc).name,
        "schedule": dag.schedule,
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "starts_paused": dag.is_paused_upon_creation,
        "tags": sorted(dag.tags),
        "doc_md": bool(dag.doc_md and dag.doc_md.strip()),
        "on_failure": type(dag.on_failure_callback).__name__,
        "params": {name: dag.params.get_param(name).schema for name in dag.params},
        "tasks": {task.task_id: _task(task) for task in dag.tasks},
    }


def _task(task: Any) -> dict[str, Any]:
    return {
        "owner": task.owner,
        "pool": task.pool,
        "retries": task.retries,
        "retry_delay_s": task.retry_delay.total_seconds(),
        "retry_backoff": task.retry_exponential_backoff,
        "execution_timeout_s": task.execution_timeout.total_seconds() if task.execution_timeout else None,
        "trigger_rule": getattr(task.trigger_rule, "value", task.trigger_rule),
        "then": sorted(task.downstream_task_ids),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
