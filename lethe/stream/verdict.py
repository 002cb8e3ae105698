"""What state the stream's driver is in, and what to do about it: pure functions of what was seen.

Four signals are judged together: the process, its heartbeat, the trend of its lag, and what became of its
last batches. Whoever looks (`lethe.stream.supervision`) measures them; nothing here reads a clock or a store.
"""

from dataclasses import dataclass
from enum import StrEnum

from lethe.settings import SupervisionSettings


class Process(StrEnum):
    """What the process supervisor says of the driver's process."""

    ALIVE = "alive"
    STARTING = "starting"
    ABSENT = "absent"


class LagTrend(StrEnum):
    """How the number of unread messages moved since the check before."""

    IDLE = "idle"  # nothing is waiting: an idle topic is healthy
    FALLING = "falling"
    STEADY = "steady"
    RISING = "rising"
    UNKNOWN = "unknown"  # Kafka did not tell the driver


class Verdict(StrEnum):
    """The state of the driver."""

    HEALTHY = "healthy"
    STARTING = "starting"
    GRACE = "grace"  # the machine slept: the driver gets a minute to find its feet
    ABSENT = "absent"
    HUNG = "hung"
    FAILING = "failing"
    GAVE_UP = "gave_up"


class Action(StrEnum):
    """What a verdict asks for."""

    NOTHING = "nothing"
    WAIT = "wait"  # for the back-off to pass
    SUBMIT = "submit"
    RESTART = "restart"  # stop, then submit
    GIVE_UP = "give_up"


@dataclass(frozen=True, slots=True)
class Signals:
    """What one check saw. Times are in seconds; None = not known."""

    process: Process
    seconds_alive: float | None = None  # since the process was started
    heartbeat_age: float | None = None  # None: this process has sent none yet
    says_starting: bool = False  # the driver itself: it has no query yet, and may be too busy to beat
    lag_trend: LagTrend = LagTrend.IDLE
    seconds_stalled: float = 0.0  # messages waited and no batch ended for this long
    last_error: str | None = None  # class name of the last batch's error; None: it ended well
    consecutive_failures: int = 0  # checks in a row that saw an error and no batch ended since
    failed_drivers: int = 0  # drivers in a row that did not stay well
    seconds_since_last_check: float | None = None
    seconds_suspended: float = 0.0  # of the machine, since the last check
    grace_given: bool = False  # by the last check


def judge(signals: Signals, limits: SupervisionSettings) -> Verdict:
    """The verdict on what was seen; `gave_up` where one more restart would pass the bound."""
    condition = _condition(signals, limits)
    unwell = condition in (Verdict.ABSENT, Verdict.HUNG, Verdict.FAILING)
    if unwell and signals.failed_drivers >= limits.failure_limit:
        return Verdict.GAVE_UP
    return condition


def _condition(signals: Signals, limits: SupervisionSettings) -> Verdict:
    if signals.process is Process.ABSENT:
        return Verdict.ABSENT
    if signals.process is Process.STARTING:
        return Verdict.STARTING
    not_there_yet = signals.says_starting or signals.heartbeat_age is None
    if not_there_yet and (signals.seconds_alive or 0.0) <= limits.start_limit_seconds:
        return Verdict.STARTING
    if _is_silent(signals, limits) or _is_stalled(signals, limits):
        return Verdict.GRACE if slept(signals, limits) else Verdict.HUNG
    if _is_failing(signals, limits):
        return Verdict.FAILING
    return Verdict.HEALTHY


def _is_silent(signals: Signals, limits: SupervisionSettings) -> bool:
    return signals.heartbeat_age is None or signals.heartbeat_age > limits.heartbeat_limit_seconds


def _is_stalled(signals: Signals, limits: SupervisionSettings) -> bool:
    """A heartbeat only proves that a thread lives; messages that wait while no batch ends prove the rest."""
    waiting = signals.lag_trend in (LagTrend.STEADY, LagTrend.RISING)
    return waiting and signals.seconds_stalled > limits.stall_limit_seconds


def _is_failing(signals: Signals, limits: SupervisionSettings) -> bool:
    """An error stands until another batch ends; where nothing waits, none can, and nothing is wrong."""
    again = signals.last_error is not None and signals.consecutive_failures >= limits.failing_checks
    return again and signals.lag_trend is not LagTrend.IDLE


def slept(signals: Signals, limits: SupervisionSettings) -> bool:
    """Whether nobody could look for a while: the machine was suspended, or the checks themselves stopped.

    Late checks excuse a driver once only: on a machine too busy for a check a minute, a driver that is really
    hung must still be found.
    """
    if signals.seconds_suspended >= limits.late_check_seconds:
        return True
    late = (signals.seconds_since_last_check or 0.0) >= limits.late_check_seconds
    return late and not signals.grace_given


def lag_trend(before: int | None, now: int | None) -> LagTrend:
    """The trend of the lag, in messages; None where it was not known."""
    if now is None:
        return LagTrend.UNKNOWN
    if now <= 0:
        return LagTrend.IDLE
    if before is None or now == before:
        return LagTrend.STEADY
    return LagTrend.RISING if now > before else LagTrend.FALLING


def back_off_seconds(failed_drivers: int, limits: SupervisionSettings) -> float:
    """How long after the last submission the next one may come: doubled by each failure, up to the cap."""
    if failed_drivers <= 0:
        return 0.0
    # The exponent is bounded so that the power stays a small number whatever the limit is set to.
    doubled = limits.back_off_seconds * 2 ** min(failed_drivers - 1, 30)
    return float(min(limits.back_off_cap_seconds, doubled))


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict, what it asks for, and how much of the back-off is left (s)."""

    verdict: Verdict
    action: Action
    seconds_to_wait: float = 0.0


def decide(signals: Signals, seconds_since_submission: float | None, limits: SupervisionSettings) -> Decision:
    """Judge, and choose what to do; `seconds_since_submission` is None where nothing was submitted yet."""
    verdict = judge(signals, limits)
    if verdict is Verdict.GAVE_UP:
        return Decision(verdict, Action.GIVE_UP)
    if verdict not in (Verdict.ABSENT, Verdict.HUNG, Verdict.FAILING):
        return Decision(verdict, Action.NOTHING)
    wait = 0.0
    if seconds_since_submission is not None:
        wait = max(0.0, back_off_seconds(signals.failed_drivers, limits) - seconds_since_submission)
    if wait > 0:
        return Decision(verdict, Action.WAIT, wait)
    return Decision(verdict, Action.SUBMIT if verdict is Verdict.ABSENT else Action.RESTART)
