"""One check of the stream's driver: look, judge, act.

What earlier checks found is kept in the document `supervision` of `stream_health`. A check claims that
document before it acts: of two checks at once one acts, and the other says so. Should both act all the same
(the claim of one that was killed has run out), the lease still lets one driver write.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from bson.codec_options import CodecOptions
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from lethe.errors import StackError
from lethe.settings import SupervisionSettings
from lethe.stores.mongodb import Document
from lethe.stream.sighting import Memory, Sighting, describe, observe, recall, remember
from lethe.stream.verdict import Action, Decision, Process, Signals, Verdict, decide

PROGRAM = "stream"
STATE = "supervision"
DRIVER = "driver"
CLAIM_SECONDS = 150.0  # longer than a gentle and then a firm stop take


class Supervisor(Protocol):
    """The process supervisor, as far as a check needs it."""

    def start(self, name: str) -> None:
        """Start a program; no error where it runs already."""

    def stop(self, name: str) -> None:
        """Stop a program gently, then firmly; no error where it does not run."""

    def process(self, name: str) -> tuple[Process, float | None]:
        """State of a program, and for how many seconds it has been alive (None where it is not)."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check saw and did, without personal data."""

    verdict: Verdict
    seen: str
    done: str

    @property
    def line(self) -> str:
        """One line, for a log or a run's note."""
        return f"{self.verdict}: {self.seen}; {self.done}"


def check(
    database: Database[Document],
    supervisor: Supervisor,
    settings: SupervisionSettings | None = None,
    *,
    try_again: bool = False,
) -> Outcome:
    """Look at the driver once and do what its state asks for.

    `try_again` forgets earlier failures first: what an operator says after removing their cause. Raises
    StackError when the supervisor can't start or stop the program, and pymongo's errors when MongoDB does not
    answer.
    """
    limits = settings or SupervisionSettings()
    health = database.get_collection("stream_health", codec_options=CodecOptions(tz_aware=True, tzinfo=UTC))
    stored = health.find_one({"_id": STATE}) or {}
    memory = recall(stored)
    if try_again:
        memory = replace(memory, failed_drivers=0, submitted_at=None)
    sighting = _look(health, supervisor)
    signals = observe(sighting, memory)
    decision = decide(signals, sighting.seconds_since(memory.submitted_at), limits)
    seen = describe(sighting, signals, limits)
    after = remember(memory, sighting, signals, decision, limits)
    if not _claim(health, stored, after):
        return Outcome(decision.verdict, seen, "left to another check that is at work")
    try:
        done = _act(supervisor, decision, signals, limits)
    finally:
        health.update_one({"_id": STATE}, {"$unset": {"claimed_until": ""}})
    outcome = Outcome(decision.verdict, seen, done)
    health.update_one({"_id": STATE}, {"$set": {"verdict": outcome.verdict.value, "line": outcome.line}})
    return outcome


def _look(health: Collection[Document], supervisor: Supervisor) -> Sighting:
    process, seconds_alive = supervisor.process(PROGRAM)
    driver = health.find_one({"_id": DRIVER}) or {}
    return Sighting(process, seconds_alive, driver, suspended_total=suspended_total())


def suspended_total() -> float:
    """Seconds since boot that the machine was suspended (clock_gettime(2): only BOOTTIME counts them)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)


def _claim(health: Collection[Document], stored: Mapping[str, Any], after: Memory) -> bool:
    """Write the new memory, unless another check is acting or has written since `stored` was read."""
    now = datetime.now(UTC)
    if stored.get("claimed_until", now) > now:
        return False
    revision = stored.get("revision")
    new = after.document() | {
        "revision": (revision or 0) + 1,
        "claimed_until": now + timedelta(seconds=CLAIM_SECONDS),
    }
    try:
        written = health.update_one(
            {"_id": STATE, "revision": revision}, {"$set": new}, upsert=revision is None
        )
    except DuplicateKeyError:  # two first checks: the other one's document is there now
        return False
    return bool(written.matched_count or written.upserted_id)


def _act(supervisor: Supervisor, decision: Decision, signals: Signals, limits: SupervisionSettings) -> str:
    match decision.action:
        case Action.NOTHING:
            return "nothing to do"
        case Action.WAIT:
            return f"waiting {decision.seconds_to_wait:.0f} s before the next start"
        case Action.GIVE_UP:
            return (
                f"gave up after {signals.failed_drivers} drivers in a row that did not stay well for "
                f"{limits.stable_seconds / 60:.0f} minutes: read stream.log, remove the cause, then trigger "
                'supervise_stream with {"try_again": true}'
            )
        case Action.RESTART:
            supervisor.stop(PROGRAM)
            if supervisor.process(PROGRAM)[0] is not Process.ABSENT:
                raise StackError(f"{PROGRAM}: alive after a firm stop; see the process supervisor's log")
            supervisor.start(PROGRAM)
            return "stopped and submitted again"
        case Action.SUBMIT:
            supervisor.start(PROGRAM)
            return "submitted"
