"""### Give every subject a new key

A new root of the key tree for new rows; every row re-encrypted under it, with the stream and erasures at work; then
the old root is destroyed, and with it what copies of old rows hold. Looks every day, and begins a year after the last
one, or when more than 200,000 keys are destroyed (`LETHE_ROTATION_…`); triggered by hand, at once. One that failed
goes on the next day, or when its failed task is cleared. docs/operations.md tells what each step does and leaves.
"""

from datetime import timedelta
from typing import Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import dag, task
from lethe_airflow.dag_defaults import COMMON, tasks

from lethe.rotation.submit import operator


@dag(
    schedule="@daily",
    max_active_runs=1,
    tags=["keys", "gdpr"],
    doc_md=__doc__,
    default_args=tasks(
        retries=3,
        first_wait=timedelta(minutes=1),
        longest_wait=timedelta(minutes=30),
        timeout=timedelta(minutes=10),
    ),
    **COMMON,
)
def rotate_keys() -> None:
    """One rotation, or none."""

    @task.short_circuit
    def is_due(dag_run: Any = None) -> bool:
        from lethe_airflow import rotation_steps

        return rotation_steps.is_due(by_hand=dag_run.run_type == "manual")

    @task
    def begin() -> int:
        from lethe_airflow import rotation_steps

        return rotation_steps.begin()

    @task.sensor(mode="reschedule", poke_interval=5, timeout=3600)
    def wait(name: str, number: Any) -> bool:
        from lethe_airflow import rotation_steps

        return rotation_steps.WAITS[name](number)

    @task
    def check(number: Any) -> Any:
        from lethe_airflow import rotation_steps

        return rotation_steps.check(number)

    reencrypt = SparkSubmitOperator(
        task_id="reencrypt",
        conn_id="lethe_spark",
        **operator(),
        pool="lethe_spark",
        execution_timeout=timedelta(days=2),
    )
    number = begin()
    await_batches = wait.override(task_id="await_batches")("await_batches", number)
    drop = wait.override(task_id="drop", poke_interval=600, timeout=8 * 86_400)("drop", number)
    is_due() >> number >> await_batches >> reencrypt >> check(number) >> drop


rotate_keys()
