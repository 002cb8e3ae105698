"""### Erase one subject from every store

Param `case_id`: the case of an erasure, as `lethe erase` opens it; or `user_id`: the subject's UUID, which the first
task takes out of Airflow's database as it opens the case. Where a hold stands the case waits at `decide` for the
controller (`lethe case decide`). A subject whom no store holds ends well too, as `nothing_held`, and is suppressed from
then on like any other; who was erased gets a certificate. To resume a failed run, clear its failed task. GDPR Art. 17.

Each step is a task of its own that may be repeated; docs/operations.md tells what each does and leaves.
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, TriggerRule, dag, task
from lethe_airflow.dag_defaults import COMMON, tasks

from lethe.requests.case_terms import CASE_ID_PATTERN
from lethe.requests.user_ids import LENGTH, PATTERN

# Null too, so that later tasks run on what is left when the user id has been taken out.
TYPE = ["null", "string"]
USER_ID = Param(
    type=TYPE, pattern=PATTERN, minLength=LENGTH, maxLength=LENGTH, title="User id, a UUID", default=None
)
CASE_ID = Param(type=TYPE, pattern=CASE_ID_PATTERN, maxLength=32, title="Or a case", default=None)


@dag(
    schedule=None,
    max_active_runs=64,  # one that is held waits, and takes no worker
    params={"user_id": USER_ID, "case_id": CASE_ID},
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
    """One task a step. Only the case_id goes from task to task."""

    @task
    def intake(params: Any = None, run_id: Any = None) -> str:
        from lethe_airflow import case_steps

        return case_steps.intake(params, run_id)

    @task.sensor(mode="reschedule", poke_interval=15, timeout=timedelta(days=90).total_seconds())
    def decide(case: Any, run_id: Any = None) -> bool:
        from lethe_airflow import case_steps

        return case_steps.decide(case, run_id)

    @task.sensor(mode="reschedule", poke_interval=3, timeout=900)
    def await_in_flight(case: Any) -> bool:
        from lethe_airflow import erasure_steps

        return erasure_steps.await_in_flight(case)

    @task
    def step(name: str, case: Any, run_id: Any = None) -> Any:
        from lethe_airflow import erasure_steps

        return erasure_steps.do(name, case, run_id)

    case = intake()
    do = {name: step.override(task_id=name)(name, case) for name in ("locate", "suppress", "puncture")}
    erase = [step.override(task_id=name)(name, case) for name in ("erase_cassandra", "erase_mongodb")]
    do |= {name: step.override(task_id=name)(name, case) for name in ("tombstone_kafka", "verify", "certify")}
    record = step.override(task_id="record", trigger_rule=TriggerRule.NONE_SKIPPED, retries=1)("record", case)
    decide(case) >> do["locate"] >> do["suppress"] >> await_in_flight(case) >> do["puncture"]
    do["puncture"] >> erase >> do["tombstone_kafka"] >> do["verify"] >> do["certify"] >> record


erase_subject()
