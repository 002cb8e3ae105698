"""### Erase one subject from every store

Param `user_id`: the subject's UUID. A subject whom no store holds ends well too, as `nothing_held`, and is
suppressed from then on like any other. To resume a failed run, clear its failed task. GDPR Art. 17.

Each step is a task of its own that may be repeated; docs/operations.md tells what each does and leaves.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, TriggerRule, dag, task
from lethe_airflow.dag_defaults import COMMON, tasks

from lethe.requests.user_ids import LENGTH, PATTERN

USER_ID = Param(type="string", pattern=PATTERN, minLength=LENGTH, maxLength=LENGTH, title="User id, a UUID")


@dag(
    schedule=None,
    max_active_runs=4,
    params={"user_id": USER_ID},
    tags=["erasure", "gdpr"],
    doc_md=__doc__,
    default_args=tasks(
        retries=8,
        first_wait=timedelta(seconds=5),
        longest_wait=timedelta(minutes=5),
        timeout=timedelta(minutes=5),
    ),
    **COMMON,
)
def erase_subject() -> None:
    """One task a step. Only the subject_id, a pseudonym, goes from task to task."""

    @task
    def locate(params: Any = None, run_id: Any = None, dag_run: Any = None) -> str:
        from lethe_airflow import erasure_steps

        return erasure_steps.locate(params["user_id"], run_id, dag_run.run_after)

    @task.sensor(mode="reschedule", poke_interval=3, timeout=900)
    def await_in_flight(subject: Any, run_id: Any = None) -> bool:
        from lethe_airflow import erasure_steps

        return erasure_steps.await_in_flight(subject, run_id)

    @task
    def tombstone_kafka(subject: Any, run_id: Any = None, params: Any = None) -> Any:
        from lethe_airflow import erasure_steps

        return erasure_steps.tombstone_kafka(subject, run_id, params["user_id"])

    @task
    def step(name: str, subject: Any, run_id: Any = None) -> Any:
        from lethe_airflow import erasure_steps

        return erasure_steps.BY_NAME[name](subject, run_id)

    subject = locate()
    suppress, puncture, erase_cassandra, erase_mongodb, verify = (
        step.override(task_id=name)(name, subject)
        for name in ("suppress", "puncture", "erase_cassandra", "erase_mongodb", "verify")
    )
    record = step.override(task_id="record", trigger_rule=TriggerRule.ALL_DONE, retries=1)("record", subject)
    erased = [erase_cassandra, erase_mongodb] >> tombstone_kafka(subject)
    suppress >> await_in_flight(subject) >> puncture >> [erase_cassandra, erase_mongodb]
    erased >> verify >> record


erase_subject()
