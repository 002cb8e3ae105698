"""### Verify the audit trail, then sign what it is

Reads every entry as the auditor and compares the trail with all checkpoints of the evidence folder. A run that finds
anything fails, and says which position. One that finds nothing writes the day's checkpoint. docs/audit.md.
"""

from datetime import timedelta

from airflow.sdk import dag, task
from lethe_airflow.dag_defaults import COMMON, tasks


@dag(
    schedule="@daily",
    max_active_runs=1,
    tags=["audit", "gdpr"],
    doc_md=__doc__,
    default_args=tasks(
        retries=3,
        first_wait=timedelta(minutes=1),
        longest_wait=timedelta(minutes=30),
        timeout=timedelta(hours=6),
    ),
    **COMMON,
)
def verify_audit_trail() -> None:
    """One pass to verify, one to sign: nothing is signed by the word of another task."""

    @task
    def verify() -> int:
        from lethe_airflow import audit_steps

        return audit_steps.verify()

    @task
    def checkpoint() -> str:
        from lethe_airflow import audit_steps

        return audit_steps.checkpoint()

    verify() >> checkpoint()


verify_audit_trail()
