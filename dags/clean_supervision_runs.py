"""### Delete old runs of supervise_stream

That DAG runs every minute; its runs and their logs are kept for seven days (`LETHE_SUPERVISION_KEEP_RUNS_DAYS`).
No other DAG's runs are touched.
"""

from datetime import timedelta

import pendulum
from airflow.sdk import dag, task
from lethe_airflow.failure_notice import FailureNotice


@dag(
    schedule="@daily",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=False,
    tags=["supervision"],
    doc_md=__doc__,
    on_failure_callback=FailureNotice(),
    default_args={
        "owner": "controller",
        "pool": "default_pool",
        "retries": 3,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": 2,
        "max_retry_delay": timedelta(minutes=30),
        "execution_timeout": timedelta(minutes=30),
    },
)
def clean_supervision_runs() -> None:
    """One sweep."""

    @task
    def delete_old_runs() -> int:
        from lethe_airflow import supervision

        return supervision.clean_runs()

    delete_old_runs()


clean_supervision_runs()
