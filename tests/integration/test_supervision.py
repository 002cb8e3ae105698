"""Checks of the driver against a real MongoDB: what is remembered, who acts, and what is done."""

import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.database import Database

from lethe.errors import StackError
from lethe.settings import SupervisionSettings
from lethe.stores.mongodb import Document
from lethe.stream.supervision import Outcome, check
from lethe.stream.verdict import Process, Verdict
from tests.integration.live import LiveStack

LIMITS = SupervisionSettings(heartbeat_limit_seconds=15, back_off_seconds=30, failure_limit=2)


class Programs:
    """A process supervisor in memory: it does what it is told and keeps a list of it."""

    def __init__(self, state: Process, seconds_alive: float | None = None) -> None:
        self.state, self.seconds_alive = state, seconds_alive
        self.told: list[str] = []
        self.survives_stop = False
        self.at_start: threading.Event | None = None

    def start(self, name: str) -> None:
        if self.at_start is not None:
            assert self.at_start.wait(20)
        self.told.append(f"start {name}")
        self.state, self.seconds_alive = Process.ALIVE, 0.0

    def stop(self, name: str) -> None:
        self.told.append(f"stop {name}")
        if not self.survives_stop:
            self.state, self.seconds_alive = Process.ABSENT, None

    def process(self, name: str) -> tuple[Process, float | None]:
        return self.state, self.seconds_alive


@pytest.fixture
def db(stack: LiveStack) -> Iterator[Database[Document]]:
    client = stack.mongo("admin")
    name = f"test_{uuid.uuid4().hex[:12]}"
    yield client[name]
    client.drop_database(name)


def tell(db: Database[Document], **driver: Any) -> None:
    """What the driver tells of itself; a fresh heartbeat unless said otherwise."""
    told = {"heartbeat_at": datetime.now(UTC), "state": "running", "lag": 0} | driver
    db.stream_health.update_one({"_id": "driver"}, {"$set": told}, upsert=True)


def back(db: Database[Document], seconds: float) -> None:
    """Let the last check have been that long ago."""
    state = db.stream_health.find_one({"_id": "supervision"}) or {}
    times = {name: at - timedelta(seconds=seconds) for name, at in state.items() if isinstance(at, datetime)}
    db.stream_health.update_one({"_id": "supervision"}, {"$set": times})


def test_a_healthy_driver_is_left_alone(db: Database[Document]) -> None:
    tell(db)
    programs = Programs(Process.ALIVE, 3600.0)
    outcome = check(db, programs, LIMITS)
    assert outcome.verdict is Verdict.HEALTHY
    assert outcome.line == "healthy: process alive, heartbeat 0 s old, lag 0 idle; nothing to do"
    assert programs.told == []


def test_an_absent_driver_is_submitted(db: Database[Document]) -> None:
    programs = Programs(Process.ABSENT)
    outcome = check(db, programs, LIMITS)
    assert outcome.line == "absent: process absent; submitted"
    assert programs.told == ["start stream"]


def test_a_hung_driver_is_stopped_and_then_submitted(db: Database[Document]) -> None:
    tell(db, heartbeat_at=datetime.now(UTC) - timedelta(seconds=60))
    programs = Programs(Process.ALIVE, 3600.0)
    outcome = check(db, programs, LIMITS)
    assert (outcome.verdict, outcome.done) == (Verdict.HUNG, "stopped and submitted again")
    assert programs.told == ["stop stream", "start stream"]


def test_a_driver_that_outlives_a_firm_stop_gets_no_second_one_beside_it(db: Database[Document]) -> None:
    tell(db, heartbeat_at=datetime.now(UTC) - timedelta(seconds=60))
    programs = Programs(Process.ALIVE, 3600.0)
    programs.survives_stop = True
    with pytest.raises(StackError, match="alive after a firm stop"):
        check(db, programs, LIMITS)
    assert programs.told == ["stop stream"]


def test_after_repeated_failures_it_gives_up_and_an_operator_can_have_it_try_again(
    db: Database[Document],
) -> None:
    programs = Programs(Process.ABSENT)
    verdicts = []
    for _ in range(4):
        verdicts.append(check(db, programs, LIMITS).verdict)
        programs.state = Process.ABSENT
        back(db, 70)
    assert verdicts == [Verdict.ABSENT, Verdict.ABSENT, Verdict.ABSENT, Verdict.GAVE_UP]
    assert len(programs.told) == 3
    outcome = check(db, programs, LIMITS)
    assert "gave up after 2 drivers in a row" in outcome.done
    assert check(db, programs, LIMITS, try_again=True).done == "submitted"


def test_a_driver_that_died_at_once_waits_for_its_back_off(db: Database[Document]) -> None:
    programs = Programs(Process.ABSENT)
    check(db, programs, LIMITS)
    back(db, 60)
    programs.state = Process.ABSENT
    assert check(db, programs, LIMITS).done == "submitted"
    programs.state = Process.ABSENT
    back(db, 10)
    outcome = check(db, programs, LIMITS)
    assert outcome.done == "waiting 20 s before the next start"
    assert outcome.seen == "process absent, failure 1 of 2"


def test_a_machine_that_slept_gets_grace_and_then_no_more(db: Database[Document]) -> None:
    tell(db)
    programs = Programs(Process.ALIVE, 10_000.0)
    check(db, programs, LIMITS)
    back(db, 3600)
    tell(db, heartbeat_at=datetime.now(UTC) - timedelta(seconds=3600))
    assert check(db, programs, LIMITS).verdict is Verdict.GRACE
    back(db, 60)
    assert check(db, programs, LIMITS).verdict is Verdict.HUNG


def test_of_two_checks_at_once_one_acts(db: Database[Document]) -> None:
    programs = Programs(Process.ABSENT)
    programs.at_start = threading.Event()
    outcomes: list[Outcome] = []
    first = threading.Thread(target=lambda: outcomes.append(check(db, programs, LIMITS)))
    second = threading.Thread(target=lambda: outcomes.append(check(db, programs, LIMITS)))
    first.start()
    second.start()
    # whoever lost the claim returns while the other is still held in its start
    done = threading.Event()
    for _ in range(200):
        if outcomes:
            break
        done.wait(0.05)
    assert [outcome.done for outcome in outcomes] == ["left to another check that is at work"]
    programs.at_start.set()
    first.join(20)
    second.join(20)
    assert programs.told == ["start stream"]
    assert sorted(outcome.done for outcome in outcomes) == [
        "left to another check that is at work",
        "submitted",
    ]


def test_the_claim_of_a_check_that_was_killed_runs_out(db: Database[Document]) -> None:
    programs = Programs(Process.ABSENT)
    check(db, programs, LIMITS)
    until = datetime.now(UTC) + timedelta(seconds=100)
    db.stream_health.update_one({"_id": "supervision"}, {"$set": {"claimed_until": until}})
    programs.state = Process.ABSENT
    assert check(db, programs, LIMITS).done == "left to another check that is at work"
    back(db, 150)
    assert check(db, programs, LIMITS).done == "submitted"


def test_a_start_that_fails_leaves_no_claim_behind(db: Database[Document]) -> None:
    programs = Programs(Process.ALIVE, 3600.0)
    programs.survives_stop = True
    tell(db, heartbeat_at=datetime.now(UTC) - timedelta(seconds=60))
    with pytest.raises(StackError):
        check(db, programs, LIMITS)
    assert "claimed_until" not in (db.stream_health.find_one({"_id": "supervision"}) or {})
