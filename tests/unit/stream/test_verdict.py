"""The verdict's table: what a check sees, and what the driver's state is then."""

import pytest

from lethe.settings import SupervisionSettings
from lethe.stream.verdict import (
    Action,
    LagTrend,
    Process,
    Signals,
    Verdict,
    back_off_seconds,
    decide,
    judge,
    lag_trend,
)

LIMITS = SupervisionSettings(
    heartbeat_limit_seconds=15,
    start_limit_seconds=120,
    stall_limit_seconds=300,
    failing_checks=3,
    late_check_seconds=120,
    back_off_seconds=30,
    back_off_cap_seconds=900,
    failure_limit=8,
)


def alive(**seen: object) -> Signals:
    """A driver that is well, but for what is said."""
    well: dict[str, object] = {
        "seconds_alive": 3600.0,
        "heartbeat_age": 1.0,
        "seconds_since_last_check": 60.0,
    }
    return Signals(Process.ALIVE, **(well | seen))  # type: ignore[arg-type]


def failing(times: int, **seen: object) -> Signals:
    """A driver whose last batch failed at so many checks in a row, with messages waiting."""
    errors = {"last_error": "StoreError", "consecutive_failures": times, "lag_trend": LagTrend.STEADY}
    return alive(**(errors | seen))


TABLE = [
    ("an idle topic is healthy", alive(lag_trend=LagTrend.IDLE), Verdict.HEALTHY),
    ("a falling lag is healthy", alive(lag_trend=LagTrend.FALLING, seconds_stalled=900.0), Verdict.HEALTHY),
    ("a rising lag is healthy while batches end", alive(lag_trend=LagTrend.RISING), Verdict.HEALTHY),
    ("a heartbeat at the limit is fresh", alive(heartbeat_age=15.0), Verdict.HEALTHY),
    ("no process", Signals(Process.ABSENT), Verdict.ABSENT),
    ("no process, an old heartbeat", Signals(Process.ABSENT, heartbeat_age=900.0), Verdict.ABSENT),
    ("no process after a failed batch", Signals(Process.ABSENT, last_error="StoreError"), Verdict.ABSENT),
    ("the supervisor is starting it", Signals(Process.STARTING), Verdict.STARTING),
    ("no heartbeat yet", alive(seconds_alive=119.0, heartbeat_age=None), Verdict.STARTING),
    ("no heartbeat in time", alive(seconds_alive=121.0, heartbeat_age=None), Verdict.HUNG),
    ("a stale heartbeat", alive(heartbeat_age=15.1), Verdict.HUNG),
    ("a stale heartbeat with no lag", alive(heartbeat_age=60.0, lag_trend=LagTrend.IDLE), Verdict.HUNG),
    (
        "messages wait and no batch ends",
        alive(lag_trend=LagTrend.STEADY, seconds_stalled=301.0),
        Verdict.HUNG,
    ),
    (
        "messages wait, not yet for long",
        alive(lag_trend=LagTrend.RISING, seconds_stalled=299.0),
        Verdict.HEALTHY,
    ),
    ("a batch failed twice", failing(2), Verdict.HEALTHY),
    ("a batch failed three times", failing(3), Verdict.FAILING),
    ("a batch failed, and nothing waits", failing(9, lag_trend=LagTrend.IDLE), Verdict.HEALTHY),
    ("failing while Kafka is away", failing(3, lag_trend=LagTrend.UNKNOWN), Verdict.FAILING),
    ("an unknown lag is no stall", alive(lag_trend=LagTrend.UNKNOWN, seconds_stalled=900.0), Verdict.HEALTHY),
    (
        "it says it is starting",
        alive(seconds_alive=60.0, says_starting=True, heartbeat_age=50.0),
        Verdict.STARTING,
    ),
    ("it says so for too long", alive(says_starting=True, heartbeat_age=50.0), Verdict.HUNG),
    ("failures of old, none now", alive(last_error=None, consecutive_failures=9), Verdict.HEALTHY),
    (
        "a suspended machine is grace",
        alive(heartbeat_age=7200.0, seconds_suspended=7190.0),
        Verdict.GRACE,
    ),
    (
        "checks that stopped are grace, once",
        alive(heartbeat_age=7200.0, seconds_since_last_check=7200.0),
        Verdict.GRACE,
    ),
    (
        "still silent a minute after waking",
        alive(heartbeat_age=7260.0, seconds_since_last_check=60.0, grace_given=True),
        Verdict.HUNG,
    ),
    (
        "late checks excuse a hung driver once only",
        alive(heartbeat_age=400.0, seconds_since_last_check=200.0, grace_given=True),
        Verdict.HUNG,
    ),
    (
        "suspended twice in a row is grace twice",
        alive(heartbeat_age=400.0, seconds_suspended=300.0, grace_given=True),
        Verdict.GRACE,
    ),
    (
        "a stall over a suspension is grace",
        alive(lag_trend=LagTrend.STEADY, seconds_stalled=900.0, seconds_suspended=800.0),
        Verdict.GRACE,
    ),
    ("waking fresh needs no grace", alive(seconds_suspended=7200.0), Verdict.HEALTHY),
    ("absent at the bound", Signals(Process.ABSENT, failed_drivers=8), Verdict.GAVE_UP),
    ("absent below the bound", Signals(Process.ABSENT, failed_drivers=7), Verdict.ABSENT),
    ("hung at the bound", alive(heartbeat_age=60.0, failed_drivers=8), Verdict.GAVE_UP),
    (
        "failing at the bound",
        failing(3, failed_drivers=8),
        Verdict.GAVE_UP,
    ),
    ("healthy at the bound: started by hand", alive(failed_drivers=8), Verdict.HEALTHY),
]


@pytest.mark.parametrize(("signals", "verdict"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_verdict_follows_from_what_was_seen(signals: Signals, verdict: Verdict) -> None:
    assert judge(signals, LIMITS) is verdict


@pytest.mark.parametrize(
    ("before", "now", "trend"),
    [
        (5, None, LagTrend.UNKNOWN),
        (None, 0, LagTrend.IDLE),
        (5, 0, LagTrend.IDLE),
        (None, 5, LagTrend.STEADY),
        (5, 5, LagTrend.STEADY),
        (5, 6, LagTrend.RISING),
        (6, 5, LagTrend.FALLING),
    ],
)
def test_the_trend_of_the_lag(before: int | None, now: int | None, trend: LagTrend) -> None:
    assert lag_trend(before, now) is trend


def test_the_back_off_doubles_up_to_its_cap() -> None:
    waits = [back_off_seconds(failures, LIMITS) for failures in range(9)]
    assert waits == [0, 30, 60, 120, 240, 480, 900, 900, 900]
    assert back_off_seconds(10_000, LIMITS) == 900


@pytest.mark.parametrize(
    ("signals", "since", "action", "wait"),
    [
        (alive(), 3.0, Action.NOTHING, 0.0),
        (Signals(Process.STARTING), 3.0, Action.NOTHING, 0.0),
        (Signals(Process.ABSENT), None, Action.SUBMIT, 0.0),
        (Signals(Process.ABSENT, failed_drivers=3), 50.0, Action.WAIT, 70.0),
        (Signals(Process.ABSENT, failed_drivers=3), 120.0, Action.SUBMIT, 0.0),
        (alive(heartbeat_age=60.0), 3600.0, Action.RESTART, 0.0),
        (alive(heartbeat_age=60.0, failed_drivers=2), 10.0, Action.WAIT, 50.0),
        (failing(3), 3600.0, Action.RESTART, 0.0),
        (Signals(Process.ABSENT, failed_drivers=8), 9999.0, Action.GIVE_UP, 0.0),
    ],
)
def test_what_is_done_follows_from_the_verdict_and_the_back_off(
    signals: Signals, since: float | None, action: Action, wait: float
) -> None:
    decision = decide(signals, since, LIMITS)
    assert (decision.action, decision.seconds_to_wait) == (action, wait)
