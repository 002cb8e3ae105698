"""The notice of a failed run."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
NOTIFY = """
from types import SimpleNamespace
from airflow.sdk import DAG
from lethe_airflow.failure_notice import FailureNotice
context = {"dag": DAG("erase_subject"), "run_id": "manual__1", "reason": "task_failure",
           "exception": ValueError("5e8c8a44-1f0e-4f64-8c69-4f1f7bb0c9d2")}
FailureNotice()(context)
FailureNotice()(context | {"ti": SimpleNamespace(task_id="verify")})
"""


def test_a_failed_run_leaves_one_line_that_quotes_no_exception(tmp_path: Path) -> None:
    environment = os.environ | {
        "LETHE_HOME": str(tmp_path / "lethe"),
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "PYTHONPATH": str(PROJECT / "plugins"),
    }
    subprocess.run(
        [sys.executable, "-c", NOTIFY], env=environment, check=True, capture_output=True, timeout=120
    )
    file = tmp_path / "lethe" / "logs" / "failures.log"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(line["dag_id"], line["run_id"], line["task_id"]) for line in lines] == [
        ("erase_subject", "manual__1", None),
        ("erase_subject", "manual__1", "verify"),
    ]
    assert "5e8c8a44" not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
