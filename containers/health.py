"""Health checks of the containers that run our own images: `health.py WHAT`, exit status 0 when it is well."""

import json
import sys
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from lethe.settings import AirflowSettings, Ports

ANSWER_SECONDS = 5.0
PUBLISHER_SECONDS = 60.0  # the publisher looks every few seconds


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - ours
        body: bytes = answer.read()
    return body


def airflow(part: str) -> bool:
    """What Airflow itself says of one of its parts, by the heartbeats in its database."""
    told: dict[str, Any] = json.loads(_get(f"{AirflowSettings().url}/api/v2/monitor/health"))
    return bool(told[part]["status"] == "healthy")


def dashboard() -> bool:
    """Whether the login page comes."""
    return b"password" in _get(f"http://127.0.0.1:{Ports()['dashboard']}/login")


def publisher() -> bool:
    """Whether the publisher has looked at the figures lately."""
    from lethe.governance.publisher import PUBLICATION
    from lethe.stores import mongodb

    with mongodb.connect("publisher") as client:
        status = mongodb.database(client).published_status.find_one({"_id": PUBLICATION})
    seconds = (datetime.now(UTC) - status["checked_at"]).total_seconds() if status else PUBLISHER_SECONDS
    return bool(seconds < PUBLISHER_SECONDS)


def stream() -> bool:
    """Whether the process supervisor answers; how the driver is, supervise_stream judges."""
    from lethe.stack.supervise import Supervisor

    return Supervisor().is_up()


CHECKS: dict[str, Callable[[], bool]] = {
    "airflow-api-server": lambda: airflow("metadatabase"),
    "airflow-scheduler": lambda: airflow("scheduler"),
    "airflow-dag-processor": lambda: airflow("dag_processor"),
    "airflow-triggerer": lambda: airflow("triggerer"),
    "dashboard": dashboard,
    "publisher": publisher,
    "stream": stream,
}

if __name__ == "__main__":
    sys.exit(0 if CHECKS[sys.argv[1]]() else 1)
