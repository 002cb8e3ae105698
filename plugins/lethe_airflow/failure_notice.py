"""The notice of a failed run: one JSON line in `failures.log`, beside the logs of every other process."""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path

from airflow.sdk import BaseNotifier
from airflow.sdk.definitions.context import Context

from lethe.settings import Paths

LOG = logging.getLogger(__name__)


class FailureNotice(BaseNotifier):
    """Writes which run failed, at which task, and the scheduler's reason; never a message of an exception.

    A message may quote what was asked for; the task's own log has it, behind a login.
    """

    def notify(self, context: Context) -> None:
        """Append the line."""
        ti = context.get("ti")
        line = json.dumps(
            {
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "dag_id": context["dag"].dag_id,
                "run_id": context["run_id"],
                "task_id": ti.task_id if ti else None,
                "reason": context.get("reason"),
            }
        )
        LOG.error("run failed: %s", line)
        append(Paths().logs / "failures.log", line)


def append(file: Path, line: str) -> None:
    """Add one line to a file of mode 600, in a single write."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(mode=0o600)
    with file.open("a") as stream:
        stream.write(line + "\n")
