"""### Destroy the keys of days past

A refused message that names nobody lies in quarantine under the key of its day. At each midnight (UTC) the keys of
days that began so many days ago as the register keeps quarantine are destroyed: from then on no copy of such a message
can be read. A run that is late, or is made again, does the same. docs/operations.md, Quarantine.
"""

from datetime import timedelta

from airflow.sdk import dag, task
from lethe_airflow.dag_defaults import COMMON, tasks


@dag(
    schedule="@daily",
    max_active_runs=1,
    tags=["gdpr"],
    doc_md=__doc__,
    default_args=tasks(
        retries=8,
        first_wait=timedelta(seconds=30),
        longest_wait=timedelta(minutes=30),
        timeout=timedelta(minutes=5),
    ),
    **COMMON,
)
def destroy_day_keys() -> None:
    """One sweep."""

    @task
    def destroy_expired() -> list[str]:
        from lethe_airflow import quarantine

        return quarantine.destroy_expired()

    destroy_expired()


destroy_day_keys()
