"""From what one check sees to the signals of a verdict, and what it leaves for the next check."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from lethe.settings import SupervisionSettings
from lethe.stream.verdict import Action, Decision, LagTrend, Process, Signals, Verdict, lag_trend, slept


@dataclass(frozen=True, slots=True)
class Sighting:
    """One look at the driver.

    `driver` is its own document in `stream_health`, {} where it never wrote one; `seconds_alive` is None where
    no process runs; `suspended_total` counts the seconds since boot that the machine slept.
    """

    process: Process
    seconds_alive: float | None = None
    driver: Mapping[str, Any] = field(default_factory=dict)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    suspended_total: float = 0.0

    @property
    def lag(self) -> int | None:
        """Messages not yet read, as the driver last measured it; None where it could not."""
        lag = self.driver.get("lag")
        return None if lag is None else int(lag)

    @property
    def heartbeat_age(self) -> float | None:
        """Seconds since this process's last heartbeat; None where it has sent none."""
        beat: datetime | None = self.driver.get("heartbeat_at")
        if beat is None:
            return None
        if self.seconds_alive is not None and beat < self.now - timedelta(seconds=self.seconds_alive):
            return None  # an earlier process sent it
        return max(0.0, (self.now - beat).total_seconds())

    def seconds_since(self, then: datetime | None) -> float | None:
        """Seconds from `then` to this look."""
        return None if then is None else (self.now - then).total_seconds()


@dataclass(frozen=True, slots=True)
class Memory:
    """What one check leaves for the next. Times are aware, in UTC."""

    checked_at: datetime | None = None
    healthy_since: datetime | None = None
    stalled_since: datetime | None = None
    submitted_at: datetime | None = None
    failed_drivers: int = 0
    failed_checks: int = 0
    lag: int | None = None
    last_batch_at: datetime | None = None
    suspended_total: float = 0.0
    grace_given: bool = False

    def document(self) -> dict[str, Any]:
        """The fields to store."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def batch_ended_since(self, sighting: Sighting) -> bool:
        """Whether the driver has finished a batch since."""
        return bool(sighting.driver.get("last_batch_at") != self.last_batch_at)


def recall(stored: Mapping[str, Any]) -> Memory:
    """The memory in a stored document; the defaults where the document lacks a field."""
    return Memory(**{each.name: stored[each.name] for each in fields(Memory) if each.name in stored})


def observe(sighting: Sighting, memory: Memory) -> Signals:
    """The signals: the supervisor's word, the driver's own document, and what the last check left."""
    trend = lag_trend(memory.lag, sighting.lag)
    stalled = 0.0
    if trend is not LagTrend.IDLE and not memory.batch_ended_since(sighting):
        stalled = sighting.seconds_since(memory.stalled_since) or 0.0
    failures = 0
    if sighting.driver.get("last_error"):
        failures = 1 if memory.batch_ended_since(sighting) else memory.failed_checks + 1
    return Signals(
        process=sighting.process,
        seconds_alive=sighting.seconds_alive,
        heartbeat_age=sighting.heartbeat_age,
        says_starting=sighting.driver.get("state") == "starting",
        lag_trend=trend,
        seconds_stalled=stalled,
        last_error=sighting.driver.get("last_error"),
        consecutive_failures=failures,
        failed_drivers=memory.failed_drivers,
        seconds_since_last_check=sighting.seconds_since(memory.checked_at),
        seconds_suspended=max(0.0, sighting.suspended_total - memory.suspended_total),
        grace_given=memory.grace_given,
    )


def remember(
    memory: Memory, sighting: Sighting, signals: Signals, decision: Decision, limits: SupervisionSettings
) -> Memory:
    """What the next check needs to know of this one."""
    submits = decision.action in (Action.SUBMIT, Action.RESTART)
    healthy_since = None
    if decision.verdict in (Verdict.HEALTHY, Verdict.GRACE):
        healthy_since = memory.healthy_since or sighting.now
    failed = memory.failed_drivers
    if (sighting.seconds_since(healthy_since) or 0.0) >= limits.stable_seconds:
        failed = 0
    if submits and not _is_excused(memory, sighting, signals, limits):
        failed += 1
    # A pause of the machine is no stall of the driver: the clock of a stall starts again after it.
    stall_goes_on = signals.seconds_stalled > 0 and decision.verdict is not Verdict.GRACE and not submits
    return Memory(
        checked_at=sighting.now,
        healthy_since=healthy_since,
        stalled_since=memory.stalled_since if stall_goes_on else sighting.now,
        submitted_at=sighting.now if submits else memory.submitted_at,
        failed_drivers=failed,
        failed_checks=0 if submits else signals.consecutive_failures,
        lag=sighting.lag,
        last_batch_at=sighting.driver.get("last_batch_at"),
        suspended_total=sighting.suspended_total,
        grace_given=decision.verdict is Verdict.GRACE,
    )


def _is_excused(memory: Memory, sighting: Sighting, signals: Signals, limits: SupervisionSettings) -> bool:
    """Whether an absent driver is no failure: never started, stopped in order, or the stack was down."""
    if sighting.process is not Process.ABSENT:
        return False
    stopped = sighting.driver.get("state") == "stopped"
    return memory.submitted_at is None or stopped or slept(signals, limits)


def describe(sighting: Sighting, signals: Signals, limits: SupervisionSettings) -> str:
    """What was seen, in a few words without personal data."""
    words = [f"process {signals.process}"]
    if signals.process is not Process.ABSENT:
        age = signals.heartbeat_age
        words.append("no heartbeat yet" if age is None else f"heartbeat {age:.0f} s old")
        words.append("lag unknown" if sighting.lag is None else f"lag {sighting.lag} {signals.lag_trend}")
        if signals.seconds_stalled > 0:
            words.append(f"no batch for {signals.seconds_stalled:.0f} s")
    if signals.last_error:
        words.append(f"last error {signals.last_error}")
    if signals.failed_drivers:
        words.append(f"failure {signals.failed_drivers} of {limits.failure_limit}")
    return ", ".join(words)
