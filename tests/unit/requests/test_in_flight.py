"""What the driver's document says of a batch that may not know a ledger entry."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lethe.requests.in_flight import Driver, driver_state

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
LIMIT = 15.0
OURS = 7


def beating(**fields: Any) -> dict[str, Any]:
    """A driver with a fresh heartbeat that knows our entry and has no batch in flight."""
    told: dict[str, Any] = {
        "state": "running",
        "ledger_version": OURS,
        "heartbeat_at": NOW,
        "batch_in_flight": None,
    }
    return told | fields


TABLE = [
    ("it knows the entry, and no batch is in flight", beating(), Driver.KNOWS),
    ("it knows a later entry", beating(ledger_version=OURS + 1), Driver.KNOWS),
    ("it does not know the entry yet", beating(ledger_version=OURS - 1), Driver.WORKING),
    ("it has not told a version", beating(ledger_version=None), Driver.WORKING),
    (
        "its batch began before the entry",
        beating(batch_in_flight=3, batch_ledger_version=OURS - 1),
        Driver.WORKING,
    ),
    (
        "its batch has not read the ledger yet",
        beating(batch_in_flight=3, batch_ledger_version=-1),
        Driver.WORKING,
    ),
    ("its batch tells no version", beating(batch_in_flight=3), Driver.WORKING),
    ("its batch knows the entry", beating(batch_in_flight=0, batch_ledger_version=OURS), Driver.KNOWS),
    ("batch 0 is a batch too", beating(batch_in_flight=0, batch_ledger_version=OURS - 1), Driver.WORKING),
    ("it is starting, whatever its predecessor told", beating(state="starting"), Driver.WORKING),
    ("it was stopped", beating(state="stopped", ledger_version=0), Driver.ABSENT),
    ("it failed", beating(state="failed", ledger_version=0), Driver.ABSENT),
    ("its heartbeat is at the limit", beating(heartbeat_at=NOW - timedelta(seconds=LIMIT)), Driver.KNOWS),
    ("its heartbeat is too old", beating(heartbeat_at=NOW - timedelta(seconds=LIMIT + 0.1)), Driver.ABSENT),
    ("it never beat", beating(heartbeat_at=None), Driver.ABSENT),
    ("there never was one", None, Driver.ABSENT),
]


@pytest.mark.parametrize(("driver", "state"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_the_driver_tells_decides_whether_to_wait(driver: dict[str, Any] | None, state: Driver) -> None:
    assert driver_state(driver, OURS, NOW, LIMIT) is state


def test_the_epoch_of_the_keys_is_judged_as_the_version_of_the_ledger() -> None:
    """A driver that tells none, as an older one, is waited for."""
    told = beating(key_epoch=OURS)
    assert driver_state(told, OURS, NOW, LIMIT, of="key_epoch") is Driver.KNOWS
    assert driver_state(beating(), OURS, NOW, LIMIT, of="key_epoch") is Driver.WORKING
    at_work = told | {"batch_in_flight": 3, "batch_ledger_version": OURS, "batch_key_epoch": OURS - 1}
    assert driver_state(at_work, OURS, NOW, LIMIT, of="key_epoch") is Driver.WORKING
    assert driver_state(at_work | {"batch_key_epoch": OURS}, OURS, NOW, LIMIT, of="key_epoch") is Driver.KNOWS
