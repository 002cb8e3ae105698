"""### Destroy the keys of days past

A refused message that names nobody lies in quarantine under the key of its day. At each midnight (UTC) the keys of
days that began so many days ago as the register keeps quarantine are destroyed: from then on no copy of such a message
can be read. A run that is late, or is made again, does the same. docs/operations.md, Quarantine.
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
    tags=["gdpr"],
    doc_md=__doc__,
    on_failure_callback=FailureNotice(),
    default_args={
        "owner": "controller",
        "pool": "default_pool",
        "retries": 8,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": 2,
        "max_retry_delay": timedelta(minutes=30),
        "execution_timeout": timedelta(minutes=5),
    },
)
def destroy_day_keys() -> None:
    """One sweep."""

    @task
    def destroy_expired() -> list[str]:
        from lethe_airflow import quarantine

        return quarantine.destroy_expired()

    destroy_expired()


destroy_day_keys()
