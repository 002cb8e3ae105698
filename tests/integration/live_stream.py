"""The stream of the running stack as tests use it: an empty house, messages, the driver up and down, a verdict."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import OFFSET_END, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from lethe.producers.sending import Sender
from lethe.profiles.contract import CONSENTS_TOPIC, PROFILES_TOPIC
from lethe.protection.key_store import KeyStore
from lethe.protection.keyring import subject_keys
from lethe.protection.pseudonym import load_pepper, subject_id
from lethe.requests import erase, in_flight
from lethe.requests.cases import new_case_id
from lethe.requests.locate import locate
from lethe.requests.puncture import puncture_key
from lethe.requests.record import Erasure, close_record
from lethe.requests.suppress import suppress
from lethe.requests.verify import verify
from lethe.settings import TopicSettings
from lethe.stack.airflow_api import AirflowApi
from lethe.stores import cassandra, suppression
from lethe.stores.kafka import TOPICS, client_settings, end_offsets
from lethe.stream import lease as leases
from tests.integration.live import LiveStack, wait_until
from tests.integration.messages import Bytes
from tests.integration.oracle import assert_stores_equal, new_model

STREAM = "stream"
SUPERVISION = "supervise_stream"
READ_SECONDS = 240.0
HOUR_MS = "3600000"
EMPTIED = ("contributions", "aggregate_shards", "subject_counts", "suppression", "quarantine", "erasures")


class LiveStream:
    """The stream over an empty house: no record in the topics, no row in any store, no checkpoint, no driver."""

    def __init__(self, stack: LiveStack) -> None:
        self.stack = stack
        self.model = new_model()
        stack.supervisor.stop(STREAM)
        self._remove_checkpoint()
        self._empty_stores()
        self._empty_topics()
        self._first = end_offsets(client_settings("auditor"))

    def _empty_stores(self) -> None:
        db = self.stack.db()
        for name in EMPTIED:
            db[name].delete_many({})
        db.stream_health.delete_many({"_id": {"$ne": "supervision"}})
        for table in cassandra.TABLES:
            self.stack.cassandra().execute(f"TRUNCATE {table}", timeout=120)

    @staticmethod
    def _empty_topics() -> None:
        admin = AdminClient(client_settings("admin"))
        ends = end_offsets(client_settings("auditor"))
        places = [TopicPartition(topic, int(p), OFFSET_END) for topic in TOPICS for p in ends[topic]]
        for future in admin.delete_records(places, request_timeout=30).values():
            future.result(timeout=40)

    # The driver

    def start(self) -> None:
        """Have the supervisor start the driver."""
        self.stack.supervisor.start(STREAM)

    def stop(self) -> None:
        """Have the supervisor stop the driver, as gently as it can."""
        self.stack.supervisor.stop(STREAM)

    def is_up(self) -> bool:
        """Whether the supervisor's driver runs."""
        return self.stack.supervisor.state(STREAM).is_running

    def kill(self) -> None:
        """kill -9 the driver with everything that it started, and see the supervisor know it."""
        killed = self.stack.pid(STREAM)
        self.stack.kill(STREAM)
        # Another may run already: supervision does not wait for us.
        wait_until(
            lambda: self.stack.pid(STREAM) != killed,
            "the supervisor notices that the driver is dead",
            every=0.05,
        )

    def forget_position(self) -> None:
        """Stop the driver and delete its checkpoint: the next one reads the topic from its beginning."""
        self.stop()
        self._remove_checkpoint()
        self.stack.db().stream_health.update_one({"_id": "driver"}, {"$unset": {"reached": ""}})

    def _remove_checkpoint(self) -> None:
        shutil.rmtree(self.stack.paths.checkpoint, ignore_errors=True)

    def driver(self) -> dict[str, Any]:
        """What the driver tells of itself."""
        return self.stack.db("auditor").stream_health.find_one({"_id": "driver"}) or {}

    def contribution(self, subject: str) -> dict[str, Any] | None:
        """What stands of a subject in `contributions`, by the name that the keys of now give it."""
        db = self.stack.db("auditor")
        (derived,) = subject_keys(self.stack.paths).derive([subject], [suppression.generation(db, subject)])
        name = derived.contribution_id if derived else None
        return db.contributions.find_one({"_id": name, "erased_at": {"$exists": False}})

    # Messages

    def send(self, messages: Iterable[Bytes]) -> int:
        """Send messages in this order, as a producer; returns how many Kafka has acknowledged: all."""
        with Sender(client_settings("producer")) as sender:
            for key, value in messages:
                sender.send(key, value)
        return sender.acknowledged

    def has_read_everything(self) -> bool:
        """Whether the driver that holds the lease has told that it has read the topic to its end."""
        driver = self.driver()
        if driver.get("state") != "running" or driver["number"] != leases.current(self.stack.db("auditor")):
            return False
        reached = {each["partition"]: each["offset"] for each in driver.get("reached") or []}
        return all(
            reached.get(f"{topic}:{partition}", self._first[topic][partition]) >= end
            for topic, ends in end_offsets(client_settings("auditor")).items()
            for partition, end in ends.items()
        )

    def check(self) -> None:
        """Once the stream has read everything, every store holds exactly what the model says."""
        wait_until(self.has_read_everything, "the stream has read everything", READ_SECONDS)
        assert_stores_equal(self.stack, self.model)

    def send_consents(self, messages: Iterable[Bytes]) -> int:
        """Send consents that come alone."""
        with Sender(client_settings("producer"), topic=CONSENTS_TOPIC) as sender:
            for key, value in messages:
                sender.send(key, value)
        return sender.acknowledged

    # What happens at the same time

    def await_contributions(self, more: int, seconds: float = READ_SECONDS) -> int:
        """Return as soon as MongoDB holds so many contributions more than now: in the midst of a batch."""
        contributions = self.stack.db("auditor").contributions
        wanted = contributions.count_documents({}) + more
        return int(
            wait_until(
                lambda: (n := contributions.count_documents({})) >= wanted and n,
                f"{more} more contributions",
                seconds,
                every=0.002,
            )
        )

    def erase(self, user_id: str) -> dict[str, Any]:
        """Erase one subject by the steps of `erase_subject`, each under its own role; gives what is told of it."""
        stack, subject = self.stack, subject_id(load_pepper(), user_id)
        eraser, session = stack.mongo("eraser"), stack.cassandra("eraser")
        reading, reading_db = stack.cassandra("auditor"), stack.db("auditor")
        work = Erasure(eraser, stack.db("eraser"), new_case_id(), subject)
        config = client_settings("eraser")
        locate(
            work,
            reading,
            reading_db,
            end_offsets(config),
            writer=session,
            keys=subject_keys(stack.paths),
            requested_at=datetime.now(UTC),
        )
        suppress(work, session, end_offsets(config))
        wait_until(
            lambda: in_flight.await_in_flight(
                work, session, end_offsets(config), lambda: subject_keys(stack.paths)
            ),
            "no batch is at work that does not know the entry",
        )
        puncture_key(work, KeyStore(stack.paths), load_pepper(stack.paths))
        erase.erase_cassandra(work, session)
        erase.erase_mongodb(work)
        erase.tombstone_kafka(work, config, user_id)
        verify(work, reading, reading_db, subject_keys(stack.paths), writer=session)
        return close_record(work)


def pause_supervision(stack: LiveStack) -> None:
    """Have Airflow let the driver be, so that only tests start it; returns when no check is at work any more."""
    api = AirflowApi("admin", stack.paths)
    api.patch(f"/dags/{SUPERVISION}", {"is_paused": True})
    unfinished = {"state": ["queued", "running"]}
    wait_until(
        lambda: api.get(f"/dags/{SUPERVISION}/dagRuns", unfinished)["total_entries"] == 0,
        "the last check of the driver has ended",
        300,
    )


@contextmanager
def supervised(stack: LiveStack) -> Iterator[None]:
    """Airflow looks after the driver, as it does outside of tests."""
    AirflowApi("admin", stack.paths).patch(f"/dags/{SUPERVISION}", {"is_paused": False})
    try:
        yield
    finally:
        pause_supervision(stack)


@contextmanager
def uncompacted() -> Iterator[None]:
    """Kafka keeps every record of the topic for now: the model is to see what the stream saw."""
    limits = TopicSettings()
    _set_topic({"min.compaction.lag.ms": HOUR_MS, "max.compaction.lag.ms": HOUR_MS})
    try:
        yield
    finally:
        _set_topic({"min.compaction.lag.ms": "0", "max.compaction.lag.ms": str(limits.max_compaction_lag_ms)})


def _set_topic(config: dict[str, str]) -> None:
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in config.items()
    ]
    resource = ConfigResource(ConfigResource.Type.TOPIC, PROFILES_TOPIC, incremental_configs=entries)
    admin = AdminClient(client_settings("admin"))
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(timeout=40)
