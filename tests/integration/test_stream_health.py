"""What the stream tells of itself, on a real replica set: only its own word counts, and each batch once."""

import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from pymongo.database import Database

from lethe.audit import trail
from lethe.errors import FencedError
from lethe.stores.mongodb import Document
from lethe.stream import lease as leases
from lethe.stream.health import Counts, Health
from tests.integration.live import LiveStack

COUNTS = Counts(rows_in=5, stored=3, superseded=1, quarantined=Counter(bad_email=1))


@pytest.fixture
def db(stack: LiveStack) -> Iterator[Database[Document]]:
    client = stack.mongo("admin")
    name = f"test_{uuid.uuid4().hex[:12]}"
    trail.seed(client[name])
    yield client[name]
    client.drop_database(name)


def driver(db: Database[Document]) -> Health:
    """One that has just taken the lease."""
    return Health(db, leases.take(db.client, db, "test", 1))


def publish(health: Health, batch_id: int) -> None:
    health.batch(batch_id, COUNTS, {"user_profiles:0": {"from": 0, "until": 5}}, datetime.now(UTC), 0)


def totals(db: Database[Document]) -> Document:
    found = db.stream_health.find_one({"_id": "totals"}) or {}
    return {name: value for name, value in found.items() if name != "_id"}


def test_a_batch_that_is_run_again_under_one_lease_is_counted_once(db: Database[Document]) -> None:
    health = driver(db)
    for batch_id in (0, 0, 1, 0):
        publish(health, batch_id)
    assert totals(db) == {
        "rows_in": 10,
        "stored": 6,
        "superseded": 2,
        "suppressed": 0,
        "control": 0,
        "consents": 0,
        "withdrawals": 0,
        "withdrawal_ms": 0,
        "quarantined": {"bad_email": 2},
    }
    assert db.stream_health.count_documents({"batch_id": {"$exists": True}}) == 2


def test_a_driver_that_was_taken_over_publishes_no_batch(db: Database[Document]) -> None:
    old = driver(db)
    publish(old, 0)
    before = list(db.stream_health.find())
    driver(db)
    with pytest.raises(FencedError):
        publish(old, 1)
    assert list(db.stream_health.find()) == before


def test_a_driver_that_is_late_to_start_does_not_speak_over_its_successor(db: Database[Document]) -> None:
    late, successor = driver(db), driver(db)
    successor.starting()
    with pytest.raises(FencedError):
        late.starting()
    assert successor.say(state="running")
    assert not late.say(state="running")
    told = db.stream_health.find_one({"_id": "driver"}) or {}
    assert (told["number"], told["state"]) == (successor.lease.number, "running")


def test_a_new_driver_speaks_for_itself_and_keeps_how_far_the_stream_has_come(db: Database[Document]) -> None:
    first = driver(db)
    first.starting()
    first.say(reached=[{"partition": "user_profiles:0", "offset": 5}], last_error="StoreError")
    second = driver(db)
    second.starting()
    told = db.stream_health.find_one({"_id": "driver"}) or {}
    assert (told["number"], told["state"], told["last_error"]) == (second.lease.number, "starting", None)
    assert told["reached"] == [{"partition": "user_profiles:0", "offset": 5}]
