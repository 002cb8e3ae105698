"""What every DAG of ours has in common; what is a DAG's own stands in its file."""

from datetime import timedelta
from typing import Any

import pendulum

from lethe_airflow.failure_notice import FailureNotice

COMMON: dict[str, Any] = {
    "start_date": pendulum.datetime(2026, 1, 1, tz="UTC"),
    "catchup": False,
    "is_paused_upon_creation": False,
    "on_failure_callback": FailureNotice(),
}


def tasks(
    *, retries: int, first_wait: timedelta, longest_wait: timedelta, timeout: timedelta, **more: Any
) -> dict[str, Any]:
    """A DAG's `default_args`: owner, pool, waits between tries that double from the first to the longest, `more`."""
    return {
        "owner": "controller",
        "pool": "default_pool",
        "retries": retries,
        "retry_delay": first_wait,
        "retry_exponential_backoff": 2,
        "max_retry_delay": longest_wait,
        "execution_timeout": timeout,
        **more,
    }
