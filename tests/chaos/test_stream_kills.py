"""Whatever is killed, and whenever: nothing is lost and nothing is counted twice."""

import random
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cassandra import DriverException
from cassandra.cluster import NoHostAvailable

from lethe.settings import Ports
from lethe.stack import cassandra, kafka, mongodb
from lethe.stack.airflow_api import AirflowApi
from tests.integration.live import wait_until
from tests.integration.live_stream import SUPERVISION, LiveStream, supervised
from tests.integration.messages import LONG, bytes_of, simulated
from tests.integration.totals import assert_totals_add_up

PEOPLE = 3_000 if LONG else 700
SEEDS = range(20 if LONG else 4)
SERVERS = {"cassandra": cassandra.wait_ready, "mongodb": mongodb.wait_ready, "kafka": kafka.wait_ready}


def send_and_await_a_random_moment(stream: LiveStream, seed: int) -> None:
    """Messages that take several batches, and then a moment somewhere within the first half of them."""
    rng = random.Random(seed)
    stream.send(bytes_of(simulated(PEOPLE, seed=1_000 + seed, changes=0.4, faulty=0.05)))
    stream.await_contributions(rng.randrange(1, PEOPLE // 2))
    threading.Event().wait(rng.uniform(0, 0.1))  # so that it need not be right after a transaction


@pytest.mark.parametrize("seed", SEEDS)
def test_a_driver_that_is_killed_at_a_random_moment_costs_nothing(running: LiveStream, seed: int) -> None:
    send_and_await_a_random_moment(running, seed)
    running.kill()
    assert not running.has_read_everything(), "the kill came too late to matter"
    running.start()
    running.check()
    assert_totals_add_up(running.stack)


def answers(stream: LiveStream) -> bool:
    try:
        stream.stack.cassandra("auditor").execute("SELECT subject_id FROM profiles LIMIT 1")
    except (DriverException, NoHostAvailable):
        return False
    return True


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_that_is_killed_in_a_batch_costs_nothing_and_the_same_driver_goes_on(
    running: LiveStream, server: str
) -> None:
    driver = running.stack.pid("stream")
    send_and_await_a_random_moment(running, 100 + list(SERVERS).index(server))
    running.stack.kill(server)
    SERVERS[server](running.stack.paths, Ports())
    wait_until(lambda: answers(running), "the test's own sessions are there again")
    running.check()
    assert running.stack.pid("stream") == driver
    assert_totals_add_up(running.stack)


def test_supervision_starts_a_killed_driver_again_within_its_schedule_and_says_so_in_one_line(
    running: LiveStream,
) -> None:
    api = AirflowApi("controller", running.stack.paths)
    with supervised(running.stack):
        begun_at = datetime.now(UTC)
        wait_until(lambda: notes(api, "healthy: ", begun_at), "supervision has seen the driver well", 180)
        send_and_await_a_random_moment(running, 200)
        killed_at = datetime.now(UTC)
        running.kill()
        running.check()
    (run,) = notes(api, "absent: process absent", killed_at)
    assert run["note"].endswith("; submitted")
    assert "\n" not in run["note"]
    assert datetime.fromisoformat(run["run_after"]) - killed_at < timedelta(seconds=61)


def notes(api: AirflowApi, start: str, since: datetime) -> list[dict[str, Any]]:
    """The newest runs of supervise_stream that ended since then, and whose note begins like this."""
    found = api.get(f"/dags/{SUPERVISION}/dagRuns", {"order_by": "-run_after", "limit": 5})["dag_runs"]
    ended = [run for run in found if run["end_date"] and datetime.fromisoformat(run["end_date"]) > since]
    return [run for run in ended if (run["note"] or "").startswith(start)]
