"""### Delete old runs of supervise_stream

That DAG runs every minute; its runs and their logs are kept for seven days (`LETHE_SUPERVISION_KEEP_RUNS_DAYS`).
No other DAG's runs are touched.
"""

from datetime import timedelta

from airflow.sdk import dag, task
from lethe_airflow.dag_defaults import COMMON, tasks


@dag(
    schedule="@daily",
    max_active_runs=1,
    tags=["supervision"],
    doc_md=__doc__,
    default_args=tasks(
        retries=3,
        first_wait=timedelta(minutes=1),
        longest_wait=timedelta(minutes=30),
        timeout=timedelta(minutes=30),
    ),
    **COMMON,
)
def clean_supervision_runs() -> None:
    """One sweep."""

    @task
    def delete_old_runs() -> int:
        from lethe_airflow import supervision

        return supervision.clean_runs()

    delete_old_runs()


clean_supervision_runs()
