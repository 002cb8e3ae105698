"""Two drivers never write at once: of two, one ends; one that was paused wakes up to closed doors."""

import configparser
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from cassandra import Unauthorized
from supervisor.datatypes import dict_of_key_value_pairs

from lethe.errors import FencedError, StoreError
from lethe.settings import Paths
from lethe.stores import cassandra
from lethe.stream import fence
from lethe.stream import lease as leases
from lethe.stream.submit import LeaseFile, take_over
from tests.integration.live import LETHE, LiveStack, process_tree, signal_all, wait_until
from tests.integration.live_stream import LiveStream
from tests.integration.messages import LONG, bytes_of, simulated

PEOPLE = 6_000 if LONG else 1_500
FENCED = 75
WRITTEN = {
    "contributions",
    "aggregate_shards",
    "subject_counts",
    "quarantine",
    "lease",
}  # in MongoDB, by the stream
END_SECONDS = 120.0


class Outside:
    """Drivers that are started beside the supervisor's."""

    def __init__(self, stack: LiveStack) -> None:
        self.stack = stack
        self.drivers: list[subprocess.Popen[bytes]] = []

    def start(self) -> subprocess.Popen[bytes]:
        """`lethe stream run`, with the variables that the supervisor gives it."""
        parser = configparser.RawConfigParser()
        parser.read(self.stack.paths.config / "supervisord.conf")
        variables = dict_of_key_value_pairs(parser["program:stream"]["environment"].replace("%%", "%"))
        log = self.stack.paths.logs / f"stream-outside-{len(self.drivers)}.log"
        with log.open("wb") as output:
            driver = subprocess.Popen(
                [LETHE, "stream", "run"], env=os.environ | variables, stdout=output, stderr=subprocess.STDOUT
            )
        self.drivers.append(driver)
        return driver

    def alive(self) -> list[subprocess.Popen[bytes]]:
        return [driver for driver in self.drivers if driver.poll() is None]

    def end(self) -> None:
        for driver in self.alive():
            signal_all(process_tree(driver.pid), signal.SIGKILL)
            driver.wait(END_SECONDS)


@pytest.fixture(scope="module")
def outside(stream: LiveStream) -> Iterator[Outside]:
    made = Outside(stream.stack)
    yield made
    made.end()
    stream.stop()


def may_write(taken: LeaseFile) -> bool:
    """Whether the driver with this lease could write to Cassandra."""
    try:
        session = cassandra.connect(fence.role_of(taken.number), password=taken.password)
    except StoreError:
        return False
    try:
        session.execute(fence.PROBES[0])
    except Unauthorized:
        return False
    finally:
        session.cluster.shutdown()
    return True


@pytest.mark.parametrize("attempt", range(3))
def test_of_takeovers_at_once_the_last_one_has_the_lease_and_no_other_may_write(
    stream: LiveStream, attempt: int
) -> None:
    before = take_over(Paths())
    together = threading.Barrier(3)
    taken: list[LeaseFile] = []
    fenced: list[FencedError] = []

    def take() -> None:
        together.wait()
        try:
            taken.append(take_over(Paths()))
        except FencedError as error:
            fenced.append(error)

    threads = [threading.Thread(target=take) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) + len(fenced) == 3, f"attempt {attempt}: one of them failed for another reason"
    last = leases.current(stream.stack.db("auditor"))
    assert last == before.number + 3
    assert [each.number for each in [before, *taken] if may_write(each)] == [last]
    assert LeaseFile.read(Paths(), last).number == last
    assert stream_roles(stream.stack) == {fence.role_of(last)}


def stream_roles(stack: LiveStack) -> set[str]:
    roles = {row.role for row in stack.cassandra().execute("LIST ROLES")}
    return {role for role in roles if fence.ROLE.fullmatch(role)}


def test_of_two_drivers_started_together_one_ends_and_the_other_does_all_the_work(
    stream: LiveStream, outside: Outside
) -> None:
    stream.send(bytes_of(simulated(PEOPLE, seed=1, changes=0.3)))
    first, second = outside.start(), outside.start()
    wait_until(lambda: len(outside.alive()) < 2, "one of the two has ended", END_SECONDS)
    stream.check()
    assert len(outside.alive()) == 1
    assert {first.poll(), second.poll()} & {1, FENCED}, "it says that it was fenced"


def test_a_driver_that_was_paused_between_the_stores_writes_to_neither_when_it_wakes(
    stream: LiveStream, outside: Outside
) -> None:
    (old,) = outside.alive()
    number = stream.driver()["number"]
    stream.send(bytes_of(simulated(PEOPLE, seed=2, changes=0.3)))
    paused = pause_between_the_stores(stream, old)
    stream.start()
    stream.check()
    assert stream.driver()["number"] > number
    stream.stack.cassandra().execute("TRUNCATE profiles", timeout=120)  # whatever is written now will show
    with stream.stack.db().watch() as changes:
        signal_all(paused, signal.SIGCONT)
        assert old.wait(END_SECONDS) == FENCED
        changed = drain(stream, changes)
    assert not {name for name, _ in changed} & WRITTEN
    told = {key for name, key in changed if name == "stream_health"}
    assert told <= {"driver"}, "the successor's heartbeats, and no batch"
    assert stream.driver()["number"] > number
    assert stream.stack.cassandra().execute("SELECT subject_id FROM profiles").all() == []


def pause_between_the_stores(stream: LiveStream, driver: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """SIGSTOP for the driver and all that it started, while MongoDB has rows of a batch that Cassandra has not."""
    contributions = stream.stack.db("auditor").contributions
    query = "SELECT COUNT(*) FROM profiles"
    for _ in range(200):
        tree = process_tree(driver.pid)
        stream.await_contributions(1)
        signal_all(tree, signal.SIGSTOP)
        behind = [
            contributions.count_documents({}) - stream.stack.cassandra("auditor").execute(query).one()[0]
            for _ in range(2)
        ]
        if min(behind) > 0:
            return tree
        signal_all(tree, signal.SIGCONT)
    raise AssertionError("never caught the driver between its two stores")


def drain(stream: LiveStream, changes: Any) -> list[tuple[str, str]]:
    """(collection, _id) of every change so far: up to one that is made here."""
    stream.stack.db().test_marker.insert_one({"_id": "so far"})
    found = []
    for change in changes:
        if change["ns"]["coll"] == "test_marker":
            break
        found.append((change["ns"]["coll"], change["documentKey"]["_id"]))
    stream.stack.db().test_marker.drop()
    return found


def test_a_deleted_checkpoint_costs_nothing_and_brings_back_what_a_store_has_lost(stream: LiveStream) -> None:
    stream.forget_position()
    assert not stream.stack.paths.checkpoint.exists()
    shutil.rmtree(stream.stack.paths.home / "spark", ignore_errors=True)
    stream.start()
    stream.check()
