"""The runs of `supervise_stream` as Airflow keeps them: a note on one, and the end of old ones.

One run a minute is 1,440 a day, each with rows in Airflow's database and a folder of logs.
"""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from lethe.errors import StackError

NOTE_LENGTH = 1000  # Airflow refuses a longer one
PAGE = 100


class Api(Protocol):
    """Airflow's public API; paths are below /api/v2, answers are decoded JSON."""

    def get(self, path: str, params: dict[str, Any] | None = None) -> Any:
        """Read."""

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        """Change."""


def set_note(api: Api, dag_id: str, run_id: str, note: str) -> None:
    """Set a run's note: what the grid shows beside it. A task has no other way to (Airflow 3.3)."""
    api.patch(f"/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}", {"note": note[:NOTE_LENGTH]})


def delete_before(api: Api, dag_id: str, before: datetime, logs: Path) -> int:
    """Delete every finished run that was due before a time, and its logs; returns how many.

    Raises StackError when Airflow refuses to delete one.
    """
    deleted = 0
    while True:
        ended = {"run_after_lt": before.isoformat(), "state": ["success", "failed"], "limit": PAGE}
        found = api.get(f"/dags/{dag_id}/dagRuns", ended)
        runs = [run["dag_run_id"] for run in found["dag_runs"]]
        if not runs:
            return deleted
        action = {"action": "delete", "entities": runs, "action_on_non_existence": "skip"}
        answer = api.patch(f"/dags/{dag_id}/dagRuns", {"actions": [action]})
        if answer["delete"]["errors"]:
            raise StackError(f"airflow: runs of {dag_id} were not deleted: {answer['delete']['errors'][0]}")
        for run_id in runs:
            _delete_logs(logs / f"dag_id={dag_id}", f"run_id={run_id}")
        deleted += len(runs)


def _delete_logs(folder: Path, name: str) -> None:
    """Remove one run's folder; a run id is a requester's text, and must not lead out of the DAG's folder."""
    target = folder / name
    if target.parent == folder and target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
