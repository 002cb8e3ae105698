"""A search that finds nothing is shown to find something: else no erasure goes on, and none is verified."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from lethe.errors import StoreError
from lethe.requests import canary
from lethe.requests.canary import PREFIX, Canary
from lethe.requests.locate import (
    CONSENTS,
    CONTRIBUTIONS,
    EMAIL_INDEX,
    PROFILES,
    QUARANTINE,
    locate,
)
from lethe.requests.verify import verify
from tests.integration.house import HOUR_AGO, NOTHING, House, Run, now
from tests.integration.live import LiveStack

EVERY_STORE = {PROFILES, CONSENTS, EMAIL_INDEX, CONTRIBUTIONS, QUARANTINE}


@pytest.fixture
def house(stack: LiveStack, tmp_path: Path) -> Iterator[House]:
    house = House(stack, tmp_path)
    house.read_everything()
    yield house
    house.client.drop_database(house.db.name)


@pytest.fixture
def run(house: House) -> Run:
    run = Run(house, str(uuid.uuid4()))
    house.put(run.work.subject_id, HOUR_AGO)
    return run


def left_of_canaries(house: House) -> int:
    tables = ("profiles", "consents", "email_index")
    rows = [row[0] for table in tables for row in house.session.execute(f"SELECT subject_id FROM {table}")]  # noqa: S608
    named = {"$or": [{"_id": {"$regex": f"^{PREFIX}"}}, {"subject_ids": {"$regex": f"^{PREFIX}"}}]}
    in_mongodb = house.db.contributions.count_documents(named) + house.db.quarantine.count_documents(named)
    return in_mongodb + sum(subject.startswith(PREFIX) for subject in rows)


def test_every_search_finds_the_canary_before_and_after_and_nothing_of_it_stays(
    house: House, run: Run
) -> None:
    assert run.all()["outcome"] == "erased"
    steps = run.work.record()["steps"]
    assert steps["locate"]["canary"] == steps["verify"]["canary"] == dict.fromkeys(EVERY_STORE, True)
    assert left_of_canaries(house) == 0
    assert house.users() == 0, "a canary is in no figure"


def test_a_search_that_looks_elsewhere_locates_nothing(house: House, run: Run) -> None:
    elsewhere = house.client[f"{house.db.name}_2"]
    with pytest.raises(StoreError, match=r"mongodb\.contributions, mongodb.quarantine does not find"):
        locate(
            run.work,
            house.session,
            elsewhere,
            house.ends,
            writer=house.session,
            keys=house.keys,
            requested_at=now(),
        )
    assert "before" not in run.work.record()
    assert left_of_canaries(house) == 0


def test_a_search_that_has_broken_since_verifies_nothing(house: House, run: Run) -> None:
    for step in (run.locate, run.suppress, run.await_in_flight, run.puncture):
        step()
    for erasing in (run.erase_cassandra, run.erase_mongodb, run.tombstone_kafka):
        erasing()
    elsewhere = house.client[f"{house.db.name}_2"]
    with pytest.raises(StoreError, match="it proves nothing"):
        verify(run.work, house.session, elsewhere, house.keys, writer=house.session)
    assert "after" not in run.work.record()
    assert run.verify() == NOTHING


@pytest.mark.parametrize("store", sorted(EVERY_STORE))
def test_each_store_in_which_it_was_not_found_is_named(store: str) -> None:
    found = dict.fromkeys(EVERY_STORE, 1) | {store: 0}
    with pytest.raises(StoreError, match=f"search of {store} does not find"):
        canary.assert_found(found, "locate")


def test_what_a_killed_step_has_left_is_removed_by_its_retry(house: House, run: Run) -> None:
    nobody = Canary.of(run.work.record_id, "locate")
    house.session.execute(
        "INSERT INTO profiles (subject_id, event_time) VALUES (%s, %s) USING TTL 600",
        (nobody.subject_id, now()),
    )
    house.db.contributions.insert_one({"_id": nobody.contribution_id, "consents": {}, "root": 1})
    assert left_of_canaries(house) == 2
    run.locate()
    assert left_of_canaries(house) == 0


def test_two_at_once_have_a_canary_each() -> None:
    assert len({Canary.of(record, step) for record in ("a", "b") for step in ("locate", "verify")}) == 4
