"""### Take in what was typed for erasures that did not start

A user id that is typed into the form or the command line of `erase_subject` stands in Airflow's database until the
run's first task takes it out. Where no task runs (the DAG is paused, the run was ended) this one does: it opens the
case, and leaves its id in the run. It also takes out of the event log what came with requests that were refused.
"""

from datetime import timedelta

from airflow.sdk import dag, task
from lethe_airflow.dag_defaults import COMMON, tasks


@dag(
    schedule="*/5 * * * *",
    max_active_runs=1,
    tags=["erasure", "gdpr"],
    doc_md=__doc__,
    default_args=tasks(
        retries=2,
        first_wait=timedelta(seconds=10),
        longest_wait=timedelta(minutes=1),
        timeout=timedelta(minutes=4),
    ),
    **COMMON,
)
def take_in_requests() -> None:
    """One task."""

    @task
    def sweep() -> int:
        from lethe_airflow import case_steps

        return case_steps.sweep()

    sweep()


take_in_requests()
