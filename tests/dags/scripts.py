"""What a script of this folder finds, run as a process of Airflow's own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]


def told_by(script: str, folder: Path, seconds: float) -> dict[str, Any]:
    """Run a script that writes one JSON document into a file of `folder`; the document."""
    file = folder / "told.json"
    command = [sys.executable, Path(__file__).with_name(script), file]
    ran = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=seconds)
    assert ran.returncode == 0, ran.stderr
    loaded: dict[str, Any] = json.loads(file.read_text())
    return loaded
