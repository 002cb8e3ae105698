"""What one check sees and what it leaves for the next, over a run of checks a minute apart."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lethe.settings import SupervisionSettings
from lethe.stream.sighting import Memory, Sighting, describe, observe, recall, remember
from lethe.stream.verdict import Action, Decision, LagTrend, Process, Verdict, decide

LIMITS = SupervisionSettings(heartbeat_limit_seconds=15, failure_limit=3, stable_seconds=600)
START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def check(memory: Memory, sighting: Sighting) -> tuple[Decision, Memory]:
    """What a check does between looking and acting."""
    signals = observe(sighting, memory)
    decision = decide(signals, sighting.seconds_since(memory.submitted_at), LIMITS)
    return decision, remember(memory, sighting, signals, decision, LIMITS)


def running(minute: float, **driver: Any) -> Sighting:
    """A driver alive since the start, with a heartbeat a second old unless said otherwise."""
    now = START + timedelta(minutes=minute)
    seen: dict[str, Any] = {"heartbeat_at": now - timedelta(seconds=1), "lag": 0, "state": "running"}
    return Sighting(Process.ALIVE, minute * 60 + 60, seen | driver, now)


def absent(minute: float, state: str = "running") -> Sighting:
    return Sighting(Process.ABSENT, None, {"state": state}, START + timedelta(minutes=minute))


def test_the_first_submission_is_no_failure() -> None:
    decision, memory = check(Memory(), absent(0))
    assert decision.action is Action.SUBMIT
    assert memory.failed_drivers == 0
    assert memory.submitted_at == START


def test_a_driver_stopped_in_order_is_no_failure() -> None:
    _, memory = check(Memory(checked_at=START, submitted_at=START), absent(1, state="stopped"))
    assert memory.failed_drivers == 0


def test_a_stack_that_was_down_is_no_failure() -> None:
    _, memory = check(Memory(checked_at=START, submitted_at=START), absent(60))
    assert memory.failed_drivers == 0
    assert memory.submitted_at == START + timedelta(minutes=60)


def test_a_driver_that_dies_again_and_again_is_given_up() -> None:
    memory, actions = Memory(), []
    for minute in range(10):
        decision, memory = check(memory, absent(minute))
        actions.append(decision.action)
    # failures 1, 2, 3 wait 30, 60 and 120 s: a check a minute sees the first two pass in time
    assert actions[:4] == [Action.SUBMIT] * 4
    assert set(actions[4:]) == {Action.GIVE_UP}
    assert memory.failed_drivers == LIMITS.failure_limit


def test_ten_stable_minutes_forget_the_failures() -> None:
    memory = Memory(checked_at=START, submitted_at=START, failed_drivers=2)
    for minute in range(1, 11):
        _, memory = check(memory, running(minute))
        assert memory.failed_drivers == 2
    _, memory = check(memory, running(11))
    assert memory.failed_drivers == 0


def test_a_failure_within_the_ten_minutes_starts_them_again() -> None:
    memory = Memory(checked_at=START, submitted_at=START, failed_drivers=1)
    _, memory = check(memory, running(9))
    _, memory = check(memory, absent(10))
    _, memory = check(memory, running(11))
    assert memory.failed_drivers == 2
    assert memory.healthy_since == START + timedelta(minutes=11)


def test_a_heartbeat_of_an_earlier_process_does_not_count() -> None:
    now = START
    sighting = Sighting(Process.ALIVE, 5.0, {"heartbeat_at": now - timedelta(seconds=6)}, now)
    assert sighting.heartbeat_age is None
    assert replace(sighting, seconds_alive=7.0).heartbeat_age == 6.0


def test_messages_that_wait_while_no_batch_ends_become_a_stall() -> None:
    memory, verdicts = Memory(), []
    for minute in range(8):
        decision, memory = check(memory, running(minute, lag=10, last_batch_at=START))
        verdicts.append(decision.verdict)
    assert verdicts[:6] == [Verdict.HEALTHY] * 6
    assert verdicts[6] is Verdict.HUNG, "six minutes without a batch pass the limit of five"
    assert verdicts[7] is Verdict.HEALTHY, "the restart gives the new driver its own five minutes"


def test_a_batch_that_ends_ends_the_stall() -> None:
    memory = Memory()
    for minute in range(12):
        batch = START + timedelta(minutes=minute - minute % 4)
        decision, memory = check(memory, running(minute, lag=10 + minute, last_batch_at=batch))
        assert decision.verdict is Verdict.HEALTHY


def test_waking_up_gives_a_stall_its_time_again() -> None:
    _, memory = check(Memory(), running(0, lag=10, last_batch_at=START))
    _, memory = check(memory, running(1, lag=10, last_batch_at=START))
    asleep = replace(running(61, lag=10, last_batch_at=START), suspended_total=3600.0)
    decision, memory = check(memory, asleep)
    assert decision.verdict is Verdict.GRACE
    decision, memory = check(
        memory, replace(running(62, lag=10, last_batch_at=START), suspended_total=3600.0)
    )
    assert decision.verdict is Verdict.HEALTHY


def test_errors_of_one_batch_are_counted_until_another_ends() -> None:
    memory = Memory()
    seen = []
    for minute in range(4):
        sighting = running(minute, lag=1, last_error="StoreError", last_batch_at=START)
        seen.append(observe(sighting, memory).consecutive_failures)
        _, memory = check(memory, sighting)
    assert seen == [1, 2, 3, 1], "the restart after the third starts the count again"


def test_the_memory_survives_its_storing() -> None:
    _, memory = check(Memory(), running(0, lag=3))
    assert recall(memory.document() | {"_id": "supervision", "revision": 4}) == memory
    assert recall({}) == Memory()


@pytest.mark.parametrize(
    ("sighting", "line"),
    [
        (running(0), "process alive, heartbeat 1 s old, lag 0 idle"),
        (absent(0), "process absent"),
        (running(0, lag=None), "process alive, heartbeat 1 s old, lag unknown"),
        (
            running(0, lag=7, last_error="StoreError"),
            "process alive, heartbeat 1 s old, lag 7 steady, last error StoreError",
        ),
    ],
)
def test_what_was_seen_is_said_in_one_line(sighting: Sighting, line: str) -> None:
    assert describe(sighting, observe(sighting, Memory()), LIMITS) == line


def test_the_first_lag_has_no_trend() -> None:
    assert observe(running(0, lag=7), Memory()).lag_trend is LagTrend.STEADY
