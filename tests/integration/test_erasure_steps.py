"""The steps of an erasure on real stores: exact, repeatable, and never mistaken about what is left."""

import json
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lethe.errors import FencedError, PuncturedError, StoreError
from lethe.protection.key_store import KeyStore
from lethe.protection.keyring import subject_keys
from lethe.protection.pseudonym import load_pepper, subject_id
from lethe.requests import erase, in_flight
from lethe.requests.case_terms import Role
from lethe.requests.cases import By, new_case_id
from lethe.requests.close import close
from lethe.requests.locate import CONSENTS, CONTRIBUTIONS, EMAIL_INDEX, PROFILES, QUARANTINE, locate
from lethe.requests.puncture import KEY, puncture_key
from lethe.requests.record import STEPS, Erasure, close_record
from lethe.requests.suppress import microseconds, suppress
from lethe.requests.verify import verify
from lethe.stores import cassandra, contributions, suppression
from lethe.stores.kafka import client_settings, end_offsets
from lethe.stream import lease as leases
from tests.entries import READING, entry, outcome, profile
from tests.integration.house import HOUR_AGO, NOTHING, PEPPER, House, Run, now
from tests.integration.live import LiveStack, wait_until


@pytest.fixture
def house(stack: LiveStack, tmp_path: Path) -> Iterator[House]:
    made = House(stack, tmp_path)
    yield made
    made.client.drop_database(made.db.name)


@pytest.fixture
def user_id() -> str:
    return str(uuid.uuid4())


@pytest.fixture
def subject(user_id: str) -> str:
    return subject_id(PEPPER, user_id)


def test_an_erased_subject_is_gone_from_every_store(house: House, user_id: str, subject: str) -> None:
    house.put(subject, HOUR_AGO)
    house.put(subject_id(PEPPER, str(uuid.uuid4())), HOUR_AGO)
    house.quarantine(subject)
    name = house.name(subject)
    told = Run(house, user_id).all()
    assert told["outcome"] == "erased"
    assert told["before"] == {PROFILES: 1, CONSENTS: 1, EMAIL_INDEX: 1, CONTRIBUTIONS: 1, QUARANTINE: 1}
    assert told["after"] == NOTHING
    assert cassandra.read_profile(house.session, subject) is None
    assert set(house.db.contributions.find_one({"_id": name}) or {}) == {"_id", "erased_at"}
    assert house.users() == 1, "the neighbour stays counted"


def test_the_key_of_an_erased_subject_is_derivable_no_more_and_a_neighbours_is(
    house: House, user_id: str, subject: str
) -> None:
    neighbour = subject_id(PEPPER, str(uuid.uuid4()))
    before = house.keys.one(neighbour, 0).key
    house.put(subject, HOUR_AGO)
    Run(house, user_id).all()
    with pytest.raises(PuncturedError):
        house.keys.one(subject, 0)
    assert house.keys.one(neighbour, 0).key == before
    assert house.keys.one(subject, suppression.generation(house.db, subject)).key, "of who returns"


def test_a_key_that_was_not_punctured_fails_the_verification(
    house: House, user_id: str, subject: str
) -> None:
    house.put(subject, HOUR_AGO)
    run = Run(house, user_id)
    for step in ("locate", "suppress", "await_in_flight", "erase_cassandra", "erase_mongodb"):
        getattr(run, step)()
    with pytest.raises(StoreError, match=KEY):
        run.verify()
    run.puncture()
    run.verify()


def test_an_erasure_ends_what_an_earlier_one_left_half_done(house: House, user_id: str, subject: str) -> None:
    """The first died after the puncture: nobody but its record knows the contribution's name any more."""
    house.put(subject, HOUR_AGO)
    first = Run(house, user_id)
    for step in ("locate", "suppress", "await_in_flight", "puncture"):
        getattr(first, step)()
    assert Run(house, user_id).all()["outcome"] == "erased"
    assert house.users() == 0
    assert house.keys.one(subject, suppression.generation(house.db, subject)).key


def test_the_ledger_holds_the_time_and_the_topics_ends(house: House, user_id: str, subject: str) -> None:
    house.put(subject, HOUR_AGO)
    run = Run(house, user_id)
    run.all()
    entry = house.db.suppression.find_one({"_id": subject}) or {}
    assert entry["erased_at"] == microseconds(run.requested_at)
    assert entry["ends"] == house.ends


def test_an_event_time_ahead_of_the_request_is_erased_too(house: House, user_id: str, subject: str) -> None:
    write_time = house.put(subject, now() + timedelta(minutes=4))
    assert Run(house, user_id).all()["after"] == NOTHING
    assert (house.db.suppression.find_one({"_id": subject}) or {})["erased_at"] == write_time


def test_an_unknown_subject_ends_well_and_is_kept_out(house: House, user_id: str, subject: str) -> None:
    name = house.name(subject)
    told = Run(house, user_id).all()
    assert (told["outcome"], told["before"], told["after"]) == ("nothing_held", NOTHING, NOTHING)
    assert house.db.suppression.find_one({"_id": subject}) is not None
    late = entry(name, profile(microseconds(HOUR_AGO) // 1000, 9))
    lease = leases.take(house.client, house.db, "next", 1)
    (change,) = contributions.apply(house.client, house.db, lease, 0, [late], reading=READING)
    assert outcome(change) == "suppressed"


def test_each_step_may_be_repeated(house: House, user_id: str, subject: str) -> None:
    house.put(subject, HOUR_AGO)
    house.put(subject_id(PEPPER, str(uuid.uuid4())), HOUR_AGO)
    told = Run(house, user_id).all(times=3)
    assert (told["outcome"], told["before"][PROFILES], told["after"]) == ("erased", 1, NOTHING)
    assert house.users() == 1
    assert suppression.version(house.db) == 1


def test_a_retry_does_not_forget_what_was_held_before(house: House, user_id: str, subject: str) -> None:
    house.put(subject, HOUR_AGO)
    run = Run(house, user_id)
    run.all()
    assert run.locate() == {PROFILES: 1, CONSENTS: 1, EMAIL_INDEX: 1, CONTRIBUTIONS: 1, QUARANTINE: 0}
    assert run.all()["outcome"] == "erased"


def test_a_second_request_leaves_the_entry_where_nothing_is_newer(
    house: House, user_id: str, subject: str
) -> None:
    Run(house, user_id, HOUR_AGO).all()
    house.read_everything()
    assert Run(house, user_id).all()["outcome"] == "nothing_held"
    entry = house.db.suppression.find_one({"_id": subject}) or {}
    assert (entry["generation"], entry["erased_at"]) == (2, microseconds(HOUR_AGO))


def test_a_second_request_covers_what_the_stream_has_not_read_yet(
    house: House, user_id: str, subject: str
) -> None:
    Run(house, user_id, HOUR_AGO).all()
    house.ends["user_profiles"]["0"] += 5
    run = Run(house, user_id)
    run.all()
    entry = house.db.suppression.find_one({"_id": subject}) or {}
    assert entry["erased_at"] == microseconds(run.requested_at)
    assert entry["ends"] == house.ends


def test_a_person_who_returned_can_be_erased_again(house: House, user_id: str, subject: str) -> None:
    Run(house, user_id, HOUR_AGO).all()
    house.lease = leases.take(house.client, house.db, "next", 1)
    later = now()
    house.put(subject, later, offset=10)
    assert house.users() == 1
    assert Run(house, user_id).all()["outcome"] == "erased"
    assert house.users() == 0


def test_a_batch_in_flight_that_does_not_know_the_entry_is_waited_for(
    house: House, user_id: str, subject: str
) -> None:
    house.driver(ledger_version=0, batch_in_flight=4, batch_ledger_version=0)
    run = Run(house, user_id)
    assert run.locate() == NOTHING
    version = run.suppress()
    assert not run.await_in_flight()
    house.driver(ledger_version=version, batch_in_flight=4, batch_ledger_version=0)
    assert not run.await_in_flight()
    # the batch, with an event later than the request, is written now, and then it ends
    write_time = house.put(subject, now() + timedelta(minutes=4))
    house.driver(ledger_version=version, batch_in_flight=5, batch_ledger_version=version)
    assert run.await_in_flight()
    assert leases.current(house.db) == house.lease.number, "a driver that is well keeps its lease"
    assert (house.db.suppression.find_one({"_id": subject}) or {})["erased_at"] == write_time
    told = run.all()
    assert (told["outcome"], told["before"], told["after"]) == ("erased", NOTHING, NOTHING)


@pytest.mark.parametrize(
    "told",
    [{"state": "stopped"}, {"state": "failed"}, {"heartbeat_at": HOUR_AGO, "batch_in_flight": 4}],
    ids=["stopped", "failed", "silent"],
)
def test_a_driver_that_is_absent_cannot_write_any_more(
    house: House, user_id: str, subject: str, told: dict[str, Any]
) -> None:
    house.driver(**told)
    assert Run(house, user_id).all()["outcome"] == "nothing_held"
    with pytest.raises(FencedError):
        house.put(subject, now())


def test_a_row_that_arrives_late_in_cassandra_stays_deleted(house: House, user_id: str, subject: str) -> None:
    write_time = house.put(subject, HOUR_AGO)
    Run(house, user_id).all()
    house.session.execute(
        "INSERT INTO profiles (subject_id, event_time) VALUES (%s, %s) USING TIMESTAMP %s",
        (subject, HOUR_AGO, write_time),
    )
    assert cassandra.read_profile(house.session, subject) is None


def test_a_late_retry_takes_nothing_from_a_person_who_returned(
    house: House, user_id: str, subject: str
) -> None:
    house.put(subject, HOUR_AGO)
    run = Run(house, user_id)
    run.all()
    house.lease = leases.take(house.client, house.db, "next", 1)
    later = now() + timedelta(minutes=1)
    house.put(subject, later, offset=10)
    told = run.all()
    assert told["outcome"] == "erased"
    assert cassandra.read_profile(house.session, subject) is not None
    assert house.users() == 1


@pytest.mark.parametrize(
    ("skipped", "store"), [("erase_cassandra", PROFILES), ("erase_mongodb", CONTRIBUTIONS)]
)
def test_a_failed_verification_names_the_store_and_can_be_resumed(
    house: House, user_id: str, subject: str, skipped: str, store: str
) -> None:
    house.put(subject, HOUR_AGO)
    run = Run(house, user_id)
    for step in (
        "locate",
        "suppress",
        "await_in_flight",
        "puncture",
        "erase_cassandra",
        "erase_mongodb",
        "tombstone_kafka",
    ):
        if step != skipped:
            getattr(run, step)()
    with pytest.raises(StoreError, match=store):
        run.verify()
    with pytest.raises(StoreError, match="failed at the step"):
        close_record(run.work)
    assert run.work.record()["outcome"] == "failed"
    assert run.work.record()["after"][store] == 1
    getattr(run, skipped)()
    run.verify()
    assert close_record(run.work)["outcome"] == "erased"


def test_an_erasure_without_its_certificate_is_not_closed_and_keeps_what_that_is_made_from(
    house: House, user_id: str, subject: str
) -> None:
    house.put(subject, HOUR_AGO)
    run = Run(house, user_id)
    for step in STEPS:
        getattr(run, step)()
    with pytest.raises(StoreError, match="has no certificate; clear the step certify"):
        close(run.work, By(Role.SYSTEM, "eraser", "ops"), now())
    record = run.work.record()
    assert record["outcome"] == "failed"
    assert len(record["names"]["audit_ref"]) == 64


def test_what_quarantine_tells_of_a_subject_is_verified_as_well(
    house: House, user_id: str, subject: str
) -> None:
    run = Run(house, user_id)
    run.all()
    house.quarantine(subject)
    with pytest.raises(StoreError, match=QUARANTINE):
        run.verify()


def test_a_missing_ledger_entry_fails_the_verification(house: House, user_id: str, subject: str) -> None:
    run = Run(house, user_id)
    run.all()
    house.db.suppression.delete_one({"_id": subject})
    with pytest.raises(StoreError, match=r"mongodb\.suppression"):
        run.verify()


def test_nothing_is_deleted_before_the_wait_is_over(house: House, user_id: str, subject: str) -> None:
    house.put(subject, HOUR_AGO)
    run = Run(house, user_id)
    run.locate()
    run.suppress()
    for step in (run.erase_cassandra, run.erase_mongodb):
        with pytest.raises(StoreError, match="await_in_flight first"):
            step()
    assert house.users() == 1


def test_the_record_has_times_and_counts_and_no_user_id(house: House, user_id: str, subject: str) -> None:
    house.put(subject, HOUR_AGO)
    run = Run(house, user_id)
    run.all()
    record = run.work.record()
    assert set(record) == {
        "_id",
        "requested_at",
        "subject_id",
        "steps",
        "before",
        "after",
        "outcome",
        "names",
    }
    assert record["names"] == {"generations": [0], "contribution_ids": []}
    for name, step in record["steps"].items():
        assert name == "record" or step["started_at"] <= step["ended_at"]
    assert user_id not in json.dumps(record, default=str)


def test_the_rights_of_eraser_and_auditor_are_enough(stack: LiveStack, user_id: str) -> None:
    subject = subject_id(PEPPER, user_id)
    client, session = stack.mongo("eraser"), stack.cassandra("eraser")
    reading, reading_db = stack.cassandra("auditor"), stack.db("auditor")
    work = Erasure(client, stack.db("eraser"), new_case_id(), subject)
    config = client_settings("eraser")
    ends, keys = end_offsets(config), subject_keys(stack.paths)
    locate(work, reading, reading_db, ends, writer=session, keys=keys, requested_at=now())
    suppress(work, session, end_offsets(config))
    wait_until(
        lambda: in_flight.await_in_flight(work, session, end_offsets(config), subject_keys),
        "the driver knows the entry",
    )
    puncture_key(work, KeyStore(stack.paths), load_pepper(stack.paths))
    erase.erase_cassandra(work, session)
    erase.erase_mongodb(work)
    erase.tombstone_kafka(work, config, user_id)
    assert verify(work, reading, reading_db, subject_keys(stack.paths), writer=session) == NOTHING
    assert close_record(work)["outcome"] == "nothing_held"
