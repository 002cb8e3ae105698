"""### Keep the profile stream alive

Every minute: look at the stream's driver, judge it, and start it again where it is absent, hung or failing. The
run's note and the task's log say in one line what was seen and done. After repeated failures the restarts come
more and more slowly, and in the end the run fails and says why; trigger with `{"try_again": true}` once the
cause is removed. docs/operations.md explains the verdicts.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, task
from lethe_airflow.dag_defaults import COMMON, tasks


@dag(
    schedule="* * * * *",
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=5),
    params={"try_again": Param(default=False, type="boolean", title="Forget earlier failures and try again")},
    tags=["stream", "supervision"],
    doc_md=__doc__,
    default_args=tasks(
        retries=2,
        first_wait=timedelta(seconds=5),
        longest_wait=timedelta(seconds=30),
        timeout=timedelta(minutes=3),
        # An erasure waits for the stream; the stream waits for nobody.
        priority_weight=100,
    ),
    **COMMON,
)
def supervise_stream() -> None:
    """One check."""

    @task
    def check_driver(run_id: Any = None, params: Any = None) -> str:
        from lethe_airflow import supervision

        return supervision.check_driver(run_id, params["try_again"])

    check_driver()


supervise_stream()
