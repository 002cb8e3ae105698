"""The publisher on a real store: by the rules, whole, by itself, and with a memory that no reader sees."""

import multiprocessing
import os
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import combinations
from typing import Any

import pytest
from pymongo.client_session import ClientSession
from pymongo.errors import OperationFailure

from lethe.governance.publisher import Publisher, State
from lethe.settings import Paths, Ports
from lethe.stack import mongodb as embedded
from lethe.stack.provision.mongodb_rights import COLLECTIONS, PUBLISHED, VIEWS
from lethe.stores import contributions
from lethe.stores.mongodb import Document
from tests.dashboard.people import People
from tests.dashboard.servers import Mongo
from tests.dashboard.slow_publisher import SlowPublisher
from tests.entries import READING, entry, profile

UNAUTHORIZED = 13  # the server's error code
READABLE = (*PUBLISHED, "stream_health")


def published(mongo: Mongo) -> dict[str, list[Document]]:
    """Every published collection as the dashboard's user reads it, at one moment."""
    db = mongo.db("dashboard")
    with mongo.client("dashboard").start_session(snapshot=True) as session:
        return {name: list(db[name].find(session=session).sort("_id")) for name in PUBLISHED}


def figures(mongo: Mongo) -> dict[str, tuple[int, float]]:
    """Name -> users, average age."""
    documents = published(mongo)["published_users_by_nationality"]
    return {document["_id"]: (document["users"], document["average_age"]) for document in documents}


def users(mongo: Mongo) -> dict[str, int]:
    return {name: number for name, (number, _) in figures(mongo).items()}


def belongs_together(found: dict[str, list[Document]]) -> bool:
    """Whether the published collections are of one publication."""
    groups = found["published_users_by_nationality"]
    (status,) = found["published_status"]
    overall = found["published_average_age"]
    if not groups:
        return not overall and status["state"] == "too_few"
    latest = max(group["published_at"] for group in groups)
    sums = [(sum(group["users"] for group in groups), latest)]
    return status["published_at"] == latest and sums == [
        (all_["users"], all_["published_at"]) for all_ in overall
    ]


@pytest.mark.parametrize("seed", range(3))
def test_a_random_history_is_published_by_the_rules_and_no_two_publications_subtract(
    mongo: Mongo, seed: int
) -> None:
    rng = random.Random(seed)
    people, slow = People(mongo, seed), SlowPublisher()
    sums: list[set[int]] = []
    for _ in range(9):
        step(people, slow, rng)
        slow.publish()
        mongo.publish()
        assert figures(mongo) == {shown.name: (shown.users, shown.average_age) for shown in slow.standing}
        found = published(mongo)
        assert belongs_together(found)
        (status,) = found["published_status"]
        stored = people.model.contributions()
        assert status["stored"] == slow.count("stored", len(stored))
        assert status["not_counted"] == slow.count("not counted", people.model.not_counted())
        told = [shown.users for shown in slow.standing]
        told += [status[name] for name in ("stored", "not_counted") if status[name] is not None]
        sums.append({sum(some) for size in range(len(told) + 1) for some in combinations(told, size)})
        assert all(len(shown.people) >= slow.k for shown in slow.standing)
    differences = {abs(a - b) for one, another in combinations(sums, 2) for a in one for b in another}
    assert {difference for difference in differences if 0 < difference < slow.k} == set()


def step(people: People, slow: SlowPublisher, rng: random.Random) -> None:
    """Some join, some change, withdraw or come back, some are erased; up to three batches."""
    for _ in range(rng.randint(1, 3)):
        joining = people.join(rng.choice(("BE", "DE", "FR", "NL", "MT")), rng.randint(0, 14))
        held = list(people.everybody.values())
        changing = rng.sample(held, min(rng.randint(0, 9), len(held)))
        for person in changing:
            person.nat = rng.choice((person.nat, "FR", "NL"))
            person.consents = rng.random() < 0.7
            person.born = people.born()
        people.send(*{person.user_id: person for person in (*joining, *changing)}.values())
        slow.look(people.model.contributions())
    for person in rng.sample(list(people.everybody.values()), min(rng.randint(0, 6), len(people.everybody))):
        people.erase(person)
    slow.look(people.model.contributions())


@contextmanager
def meanwhile(work: Any) -> Iterator[None]:
    """Run `work()` over and over in a thread."""
    ending, failures = threading.Event(), list[BaseException]()

    def run() -> None:
        try:
            while not ending.is_set():
                work()
        except BaseException as error:
            failures.append(error)
            raise

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()
    assert failures == []


class Travellers:
    """Fifty people who move from one country to another and back, each time in one transaction."""

    def __init__(self, mongo: Mongo) -> None:
        self.mongo, self.offset = mongo, 0
        self.lease = People(mongo).lease
        self.move(50, "fr")
        self.move(100, "nl")

    def move(self, number: int, who: str, nationality: str | None = None) -> None:
        self.offset += 1
        entries = [
            entry(
                f"{who.encode().hex()}{n:060x}",
                profile(self.offset, n, nationality or who.upper(), "1986-05"),
            )
            for n in range(number)
        ]
        client, db = self.mongo.client("stream"), self.mongo.db("stream")
        contributions.apply(client, db, self.lease, 0, entries, reading=READING)

    def go_and_return(self) -> None:
        self.move(50, "nl", "FR")
        self.move(50, "nl", "NL")


def test_a_publication_is_one_moment_of_the_store_while_people_move(mongo: Mongo) -> None:
    travellers = Travellers(mongo)
    seen, torn = set[tuple[int, ...]](), list[dict[str, list[Document]]]()

    def read() -> None:
        found = published(mongo)
        if not belongs_together(found):
            torn.append(found)

    mongo.publish()
    with meanwhile(travellers.go_and_return), meanwhile(read):
        for _ in range(40):
            mongo.publish()
            seen.add(tuple(users(mongo).values()))
    assert seen <= {(50, 100), (100, 50)}
    assert len(seen) == 2, "people did not move while it was published"
    assert torn == []


def test_two_publishers_at_once_write_one_publication(mongo: Mongo) -> None:
    travellers = Travellers(mongo)
    with meanwhile(mongo.publish):
        for _ in range(10):
            travellers.go_and_return()
            mongo.publish()
            assert belongs_together(published(mongo))
    assert users(mongo) == {"FR": 50, "NL": 100}


def test_the_dashboards_user_reads_what_is_published_and_nothing_else(mongo: Mongo) -> None:
    People(mongo).world({"NL": 12})
    mongo.publish()
    db = mongo.db("dashboard")
    for name in READABLE:
        assert db[name].find_one() is not None or name in ("stream_health", "published_average_age")
    refused = []
    for name in (*COLLECTIONS, *VIEWS):
        if name not in READABLE:
            with pytest.raises(OperationFailure) as caught:
                db[name].find_one()
            refused.append(caught.value.code)
        for write in (db[name].insert_one, db[name].delete_many):
            with pytest.raises(OperationFailure) as caught:
                write({"_id": "x"})
            refused.append(caught.value.code)
    with pytest.raises(OperationFailure) as caught:
        db.published_users_by_nationality.aggregate(
            [{"$lookup": {"from": "publication_state", "pipeline": [], "as": "state"}}]
        )
    assert {*refused, caught.value.code} == {UNAUTHORIZED}


def test_no_published_document_holds_an_exact_number_of_people(mongo: Mongo) -> None:
    """Not by itself: exact numbers here are no multiples of ten, and nothing that is published is one of them."""
    people = People(mongo)
    people.world({"NL": 43, "FR": 27, "DE": 8, "MT": 4}, not_counted=0.4)
    mongo.publish()
    exact = {43, 27, 8, 4, 12, 17, 11, 3, 2, 82, 33, 115}
    numbers = [
        value for documents in published(mongo).values() for one in documents for value in one.values()
    ]
    told = {number for number in numbers if isinstance(number, int)}
    assert told & exact == set()
    assert {number % 10 for number in told if number != 247} == {0}  # how many nationalities are in `other`


def test_what_was_published_is_remembered_from_one_publisher_to_the_next(mongo: Mongo) -> None:
    people = People(mongo)
    people.send(*people.join("NL", 40))
    mongo.publish()
    before = figures(mongo)
    people.send(*people.join("NL", 9))
    mongo.publish()
    assert figures(mongo) == before
    people.send(*people.join("NL", 1))
    mongo.publish()
    assert figures(mongo)["NL"][0] == 50


def test_a_larger_smallest_group_hides_at_once_what_is_too_small_for_it(mongo: Mongo) -> None:
    people = People(mongo)
    people.send(*people.join("NL", 48), *people.join("FR", 23), *people.join("DE", 7, consents=False))
    people.send(*people.join("MT", 12))
    mongo.publish(k=5)
    assert users(mongo) == {"FR": 25, "MT": 10, "NL": 50}
    mongo.publish(k=20)
    assert users(mongo) == {"FR": 20, "NL": 40}
    (status,) = published(mongo)["published_status"]
    assert (status["smallest_group"], status["not_counted"], status["stored"]) == (20, None, 100)


def die_while_publishing(paths: Paths, ports: Ports) -> None:
    """Publish, and end by a kill when the last of the collections has been written and nothing committed."""
    mongo = Mongo(paths, ports)
    write = Publisher._write

    def write_and_die(self: Publisher, state: State, now: datetime, session: ClientSession) -> None:
        write(self, state, now, session)
        os.kill(os.getpid(), signal.SIGKILL)

    Publisher._write = write_and_die  # type: ignore[method-assign]
    mongo.publish()


def test_a_publisher_killed_before_its_commit_has_published_nothing(mongo: Mongo) -> None:
    people = People(mongo)
    people.send(*people.join("NL", 40))
    mongo.publish()
    before = published(mongo), list(mongo.db().publication_state.find())
    people.send(*people.join("FR", 30))
    # The server ends what a killed client leaves open, after this long.
    mongo.client("admin").admin.command("setParameter", 1, transactionLifetimeLimitSeconds=1)
    try:
        spawned = multiprocessing.get_context("spawn")
        process = spawned.Process(target=die_while_publishing, args=(mongo.paths, mongo.ports))
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
        assert (published(mongo), list(mongo.db().publication_state.find())) == before
        mongo.publish()
    finally:
        lifetime = embedded.TRANSACTION_SECONDS
        mongo.client("admin").admin.command("setParameter", 1, transactionLifetimeLimitSeconds=lifetime)
    assert belongs_together(published(mongo))
    assert users(mongo) == {"FR": 30, "NL": 40}
