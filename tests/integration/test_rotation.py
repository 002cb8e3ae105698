"""A rotation of the keys on real stores: step by step in a house of its own, and whole, with the stream and erasures.

The whole one needs a driver that tells its key epoch and looks for documents under older names too.
"""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from cassandra import Unauthorized
from cassandra.cluster import Session
from pymongo.errors import OperationFailure

from lethe.errors import KeyStateError, ProtectionError, PuncturedError, StoreError
from lethe.protection.fields import header_of, open_blob, seal_batch
from lethe.protection.keyring import subject_keys
from lethe.protection.pseudonym import load_pepper, subject_id
from lethe.protection.subject_keys import SubjectKeys
from lethe.register.load import current
from lethe.register.schema import cassandra_statements
from lethe.requests.suppress import microseconds
from lethe.rotation import passes, record, steps
from lethe.rotation.passes import rotate_with
from lethe.rotation.record import Rotation
from lethe.rotation.rows import Counts, Outcome
from lethe.rotation.table import Slice
from lethe.settings import CassandraSettings, Paths, RotationSettings
from lethe.stack.airflow_api import AirflowApi
from lethe.stores import cassandra
from tests.integration.house import HOUR_AGO, PEPPER, House, Run, now
from tests.integration.live import LiveStack, wait_until
from tests.integration.live_stream import LiveStream
from tests.integration.messages import LONG, Bytes, bytes_of, profile, sendable, simulated

PEOPLE = 4_000 if LONG else 600
TTL_SECONDS = 5_000
RUN_SECONDS = 1_200.0
DAG_ID = "rotate_keys"


class RotatedHouse(House):
    """Stores and keys of its own: a keyspace too, since a pass is over a whole table."""

    def __init__(self, stack: LiveStack, folder: Path) -> None:
        super().__init__(stack, folder)
        self.name_of_all = f"test_{uuid.uuid4().hex[:12]}"
        for statement in cassandra_statements(
            current(), self.name_of_all, {"class": "SimpleStrategy", "replication_factor": 1}
        ):
            stack.cassandra().execute(statement)
        self.session = cassandra.connect("admin", settings=CassandraSettings(keyspace=self.name_of_all))

    def remove(self, stack: LiveStack) -> None:
        self.session.cluster.shutdown()
        stack.cassandra().execute(f"DROP KEYSPACE {self.name_of_all}", timeout=120)
        self.client.drop_database(self.db)

    def put_whole(self, subject: str, at: datetime, offset: int = 1) -> int:
        """A profile with its ciphertext, as the stream stores it under the root of new rows."""
        write_time = self.put(subject, at, offset)
        name = self.name(subject)
        self.db.contributions.update_one({"_id": name}, {"$set": {"root": self.keys.state.current}})
        derived = self.keys.one(subject, 0)
        (blob,) = seal_batch([derived], "sealed", "0" * 12, [{"city": "Utrecht"}])
        self.session.execute(
            "UPDATE profiles USING TIMESTAMP %s AND TTL %s SET sealed = %s WHERE subject_id = %s",
            (write_time, TTL_SECONDS, blob, subject),
        )
        return write_time

    def blob(self, subject: str) -> bytes:
        return bytes(
            self.session.execute("SELECT sealed FROM profiles WHERE subject_id = %s", (subject,)).one()[0]
        )

    def one_pass(self, rotation: Rotation) -> Counts:
        found, house = Counts(), self

        class Now:
            def now(self) -> SubjectKeys:
                return house.keys

        for part in range(3):
            found.add(rotate_with(rotation, Slice(part, 3), self.session, self.client, Now()))  # type: ignore[arg-type]
        return found


@pytest.fixture
def house(stack: LiveStack, tmp_path: Path) -> Iterator[RotatedHouse]:
    made = RotatedHouse(stack, tmp_path)
    yield made
    made.remove(stack)


@pytest.fixture
def subjects() -> list[str]:
    return [subject_id(PEPPER, str(uuid.uuid4())) for _ in range(30)]


def begun(house: RotatedHouse) -> Rotation:
    rotation = steps.begin(house.db, house.key_store)
    assert steps.await_batches(house.client, rotation), "no driver has told of itself: it is absent"
    return rotation


def times(session: Session, subject: str) -> tuple[int, int, int]:
    """Write times of event time and ciphertext, and the ciphertext's TTL."""
    query = "SELECT WRITETIME(event_time), WRITETIME(sealed), TTL(sealed) FROM profiles WHERE subject_id = %s"
    return tuple(session.execute(query, (subject,)).one())


def test_rows_are_moved_to_the_new_root_and_the_old_one_is_dropped(
    house: RotatedHouse, subjects: list[str]
) -> None:
    written = {subject: house.put_whole(subject, HOUR_AGO, n) for n, subject in enumerate(subjects)}
    old_blob, old_keys = house.blob(subjects[0]), house.keys
    old_names = [house.name(subject) for subject in subjects]
    rotation = begun(house)
    assert +house.one_pass(rotation).by_outcome == {Outcome.MOVED: len(subjects)}
    for subject in subjects:
        event_time, ciphertext, ttl = times(house.session, subject)
        assert (event_time, ciphertext) == (written[subject], written[subject] + 1)
        assert TTL_SECONDS - 300 < ttl <= TTL_SECONDS
        document = house.db.contributions.find_one({"_id": house.name(subject)}) or {}
        assert (document["write_time"], document["root"]) == (ciphertext, rotation.number)
        assert open_blob(house.keys, subject, "sealed", house.blob(subject)) == {"city": "Utrecht"}
    assert house.db.contributions.count_documents({"_id": {"$in": old_names}}) == 0
    assert house.users() == len(subjects)
    with pytest.raises(StoreError, match="no pass"):
        steps.drop(rotation, house.key_store)
    found = passes.run(rotation, lambda: house.one_pass(rotation), RotationSettings())
    assert found.by_outcome == {Outcome.CURRENT: len(subjects)}
    assert steps.check(rotation)["moved"] == len(subjects)
    assert steps.drop(rotation, house.key_store)
    assert steps.drop(rotation, house.key_store), "once more changes nothing"
    assert list(house.key_store.load().roots) == [rotation.number]
    assert open_blob(old_keys, subjects[0], "sealed", old_blob)
    with pytest.raises(KeyStateError, match="rotated away"):
        open_blob(house.keys, subjects[0], "sealed", old_blob)
    assert record.find_open(house.db) is None


def test_a_rotation_begins_once_wherever_it_was_killed(house: RotatedHouse) -> None:
    record.start(house.db, 2)  # and died before the root
    for _ in range(3):
        assert steps.begin(house.db, house.key_store).number == 2
    assert list(house.key_store.load().roots) == [1, 2]
    house.db.rotations.delete_many({})  # as after a restored backup of MongoDB
    assert record.is_due(house.db, house.key_store.load(), RotationSettings())
    assert steps.begin(house.db, house.key_store).number == 2
    assert list(house.key_store.load().roots) == [1, 2]


def test_it_waits_for_a_batch_that_does_not_know_the_root(house: RotatedHouse) -> None:
    house.driver(key_epoch=1, batch_in_flight=4, batch_key_epoch=1)
    rotation = steps.begin(house.db, house.key_store)
    epoch = rotation.record()["epoch"]
    assert not steps.await_batches(house.client, rotation)
    house.driver(key_epoch=epoch, batch_in_flight=4, batch_key_epoch=1)
    assert not steps.await_batches(house.client, rotation)
    house.driver(key_epoch=epoch, batch_in_flight=5, batch_key_epoch=epoch)
    assert steps.await_batches(house.client, rotation)


def test_a_row_whose_newer_profile_is_on_its_way_is_met_in_the_next_pass(
    house: RotatedHouse, subjects: list[str]
) -> None:
    subject = subjects[0]
    house.put_whole(subject, HOUR_AGO)
    rotation = begun(house)
    newer = microseconds(now())
    old_name = {"write_time": {"$exists": True}}
    house.db.contributions.update_one(old_name, {"$set": {"at": newer // 1000, "write_time": newer}})
    assert +house.one_pass(rotation).by_outcome == {Outcome.WAITING: 1}
    with pytest.raises(StoreError, match="no pass"):
        steps.check(rotation)


def test_the_root_stays_while_documents_or_payloads_name_it(house: RotatedHouse, subjects: list[str]) -> None:
    house.put_whole(subjects[0], HOUR_AGO)
    house.put_whole(subjects[1], HOUR_AGO)
    for table in ("profiles", "consents", "email_index"):  # as by its TTL
        house.session.execute(f"DELETE FROM {table} WHERE subject_id = %s", (subjects[1],))  # noqa: S608
    rotation = begun(house)
    passes.run(rotation, lambda: house.one_pass(rotation), RotationSettings())
    with pytest.raises(StoreError, match="1 documents"):
        steps.drop(rotation, house.key_store)
    house.db.contributions.delete_many({"root": 1})
    payload = {"payload": b"x", "subject_ids": [subjects[0]], "at": datetime.now(UTC) - timedelta(days=1)}
    house.db.quarantine.insert_one({"_id": "user_profiles:0:1", **payload})
    assert not steps.drop(rotation, house.key_store)
    assert 1 in house.key_store.load().roots
    house.db.quarantine.delete_many({})
    assert steps.drop(rotation, house.key_store)


@pytest.mark.parametrize("done", range(7))
def test_an_erasure_that_began_before_the_root_ends_well_wherever_the_rotation_comes(
    house: RotatedHouse, done: int
) -> None:
    """So many of its steps, then a rotation up to the end of its passes, then the rest."""
    user_id = str(uuid.uuid4())
    subject, other = subject_id(PEPPER, user_id), subject_id(PEPPER, str(uuid.uuid4()))
    house.put_whole(subject, now() + timedelta(minutes=4))
    house.put_whole(other, HOUR_AGO)
    old_blob = house.blob(subject)
    run = Run(house, user_id)
    every = [
        run.locate,
        run.suppress,
        run.await_in_flight,
        run.puncture,
        run.erase_cassandra,
        run.erase_mongodb,
        run.tombstone_kafka,
        run.verify,
    ]
    for step in every[:done]:
        assert step() is not False
    rotation = begun(house)
    for _ in range(2):
        house.one_pass(rotation)
    seen = [old_blob]
    if house.session.execute("SELECT sealed FROM profiles WHERE subject_id = %s", (subject,)).one():
        seen.append(house.blob(subject))
    for step in every[done:]:
        assert step() is not False
    assert cassandra.read_profile(house.session, subject) is None
    assert house.users() == 1
    assert house.db.contributions.count_documents({"erased_at": {"$exists": False}}) == 1
    for blob in seen:
        with pytest.raises(PuncturedError):
            open_blob(house.keys, subject, "sealed", blob)


def test_when_a_rotation_is_due(house: RotatedHouse) -> None:
    state, limits = house.key_store.load(), RotationSettings(days=30, punctures=1)
    assert record.is_due(house.db, state, limits) is None, "the days count from the first look"
    long_ago = datetime.now(UTC) - timedelta(days=31)
    house.db.rotations.update_one({"_id": 1}, {"$set": {"ended_at": long_ago}})
    assert "last one ended" in (record.is_due(house.db, state, limits) or "")
    assert record.is_due(house.db, state, RotationSettings(days=32)) is None
    rotation = record.start(house.db, 2)
    assert record.is_due(house.db, state, RotationSettings(days=32)) == "one is at work"
    assert record.start(house.db, 2) == rotation


# The rights of the role


@pytest.mark.parametrize(
    ("collection", "action"),
    [
        ("suppression", "update_one"),
        ("quarantine", "update_one"),
        ("contributions", "update_one"),
        ("stream_health", "update_one"),
        ("erasures", "find_one"),
        ("aggregate_shards", "find_one"),
        ("rotations", "delete_one"),
    ],
)
def test_the_rotator_is_refused_what_it_does_not_need(stack: LiveStack, collection: str, action: str) -> None:
    arguments: list[Any] = [{"_id": "nobody"}]
    if action == "update_one":
        arguments.append({"$set": {"x": 1}})
    with pytest.raises(OperationFailure) as refused:
        getattr(stack.db("rotator")[collection], action)(*arguments)
    assert refused.value.code == 13


def test_the_rotator_makes_no_table(stack: LiveStack) -> None:
    with pytest.raises(Unauthorized):
        stack.cassandra("rotator").execute("CREATE TABLE copies (subject_id text PRIMARY KEY)")


# The whole, by Airflow and Spark, over the running stream


def roots_of_rows(stack: LiveStack) -> set[int]:
    rows = stack.cassandra("auditor").execute("SELECT sealed FROM profiles")
    return {header_of(bytes(row.sealed)).root for row in rows if row.sealed is not None}


def spark_jobs(paths: Paths) -> list[psutil.Process]:
    """The processes of a rotation's Spark job of this installation."""
    mark = str(paths.config / "rotation" / "spark.conf")
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if any(mark in part for part in process.info["cmdline"] or ())
    ]


@pytest.mark.timeout(1_800)
def test_a_rotation_killed_in_the_middle_with_stream_and_erasures_ends_with_everybody_under_the_new_root(
    running: LiveStream,
) -> None:
    stack, api = running.stack, AirflowApi("controller", running.stack.paths)
    people = bytes_of(simulated(PEOPLE, seed=41, changes=0))
    running.send(people)
    running.check()
    before = subject_keys(stack.paths).state.current
    assert roots_of_rows(stack) == {before}
    erased = _user_ids(people)[:4]
    blobs = _blobs(stack, erased)

    run_id = api.trigger(DAG_ID, {})
    running.erase(erased[0])
    wait_until(lambda: subject_keys(stack.paths).state.current > before, "the new root", 120)
    running.erase(erased[1])
    wait_until(lambda: spark_jobs(stack.paths), "Spark", 300, every=0.1)
    running.send(_changed(people[PEOPLE // 2 :]))
    wait_until(lambda: _moved(stack) > 0, "the first documents are moved", 300, every=0.02)
    for process in spark_jobs(stack.paths):
        process.kill()
    running.erase(erased[2])
    running.send(_changed(people[: PEOPLE // 4]))
    wait_until(lambda: api.run_state(DAG_ID, run_id) in ("success", "failed"), "the rotation", RUN_SECONDS, 2)
    assert api.run_state(DAG_ID, run_id) == "success"
    running.erase(erased[3])

    running.check()
    keys = subject_keys(stack.paths)
    assert list(keys.state.roots) == [before + 1]
    assert roots_of_rows(stack) == {before + 1}
    held = stack.db("auditor").rotations.find_one({"_id": before + 1}) or {}
    assert held["passes"][-1]["rows"] == held["passes"][-1]["current"] + held["passes"][-1]["erased"]
    assert held["moved"] <= PEOPLE
    for subject, blob in blobs.items():
        with pytest.raises(ProtectionError):
            open_blob(keys, subject, "sealed", blob)


def _user_ids(messages: list[Bytes]) -> list[str]:
    return [key.decode() for key, _ in messages]


def _changed(messages: list[Bytes]) -> Iterator[Bytes]:
    """A later profile of each."""
    return (sendable(profile(user_id, hours_ago=0)) for user_id in _user_ids(messages))


def _blobs(stack: LiveStack, user_ids: list[str]) -> dict[str, bytes]:
    pepper, session = load_pepper(stack.paths), stack.cassandra("auditor")
    found = {}
    for subject in (subject_id(pepper, user_id) for user_id in user_ids):
        row = session.execute("SELECT sealed FROM profiles WHERE subject_id = %s", (subject,)).one()
        found[subject] = bytes(row[0])
    return found


def _moved(stack: LiveStack) -> int:
    return sum(
        int(each.get("moved", 0)) for each in stack.db("auditor").rotations.find({"_id": {"$type": "string"}})
    )
