"""The driver's thread that tells it is alive, how far it lags, and which batch is in flight.

The eraser waits for batches that read the suppression ledger before its entry, a rotation for those that derive keys
under an older root. For that, the heartbeat publishes a ledger version and a key epoch that it read *before* it looked
at the batch in flight: whatever batch is not in flight then, or began with that version, knows the entry.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bson.int64 import Int64
from confluent_kafka import Consumer, KafkaException, TopicPartition
from pymongo.errors import PyMongoError

from lethe.errors import KeyStateError
from lethe.protection.key_store import KeyStore
from lethe.settings import Paths, StreamSettings
from lethe.stores import kafka, suppression
from lethe.stream.health import DRIVER, Health

LOG = logging.getLogger("lethe.stream.heartbeat")
OFFSETS_TIMEOUT_SECONDS = 5.0


@dataclass(slots=True)
class Heartbeat:
    """Beats every `heartbeat_seconds`; `fenced` is set once a newer driver owns the driver's document."""

    health: Health
    paths: Paths
    fenced: threading.Event = field(default_factory=threading.Event)
    lag: int | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _in_flight: tuple[int, int, int] | None = None  # batch, ledger version, key epoch
    _reached: dict[str, int] = field(default_factory=dict)
    _last_batch_at: datetime | None = None
    _thread: threading.Thread | None = None
    _key_store: KeyStore = field(init=False)

    def __post_init__(self) -> None:
        """The key state's epoch is read from the files of this machine."""
        self._key_store = KeyStore(self.paths)

    def begin_batch(self, batch_id: int, ledger_version: Callable[[], int]) -> tuple[int, int]:
        """Say that a batch is in flight, then read the ledger's version and the keys' epoch for it, in this order."""
        with self._lock:
            self._in_flight = (batch_id, -1, -1)
            version, epoch = ledger_version(), self._key_store.epoch()
            self._in_flight = (batch_id, version, epoch)
        return version, epoch

    def end_batch(self, reached: Mapping[str, int]) -> None:
        """Say that the batch in flight is committed in every store; `reached`: "topic:partition" -> next offset."""
        with self._lock:
            self._in_flight = None
            self._reached.update(reached)
            self._last_batch_at = datetime.now(UTC)

    def start(self) -> None:
        """Start beating."""
        held = self.health.db.stream_health.find_one({"_id": DRIVER}) or {}
        self._reached = {entry["partition"]: entry["offset"] for entry in held.get("reached", [])}
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop beating; returns when the last beat is done."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def _run(self) -> None:
        settings = StreamSettings()
        consumer = Consumer(
            {
                **kafka.client_settings("stream", self.paths),
                "group.id": "lethe-stream-lag",
                "enable.auto.commit": False,
            }
        )
        try:
            while not self._stopping.is_set() and not self.fenced.is_set():
                self._beat(consumer)
                self._stopping.wait(settings.heartbeat_seconds)
        finally:
            consumer.close()

    def _beat(self, consumer: Consumer) -> None:
        try:
            self._measure_lag(consumer)
            version, epoch = suppression.version(self.health.db), self._key_store.epoch()
            with self._lock:
                in_flight, last_batch_at = self._in_flight, self._last_batch_at
                reached = [{"partition": name, "offset": Int64(n)} for name, n in self._reached.items()]
            ours = self.health.say(
                ledger_version=Int64(version),
                batch_in_flight=in_flight[0] if in_flight else None,
                batch_ledger_version=Int64(in_flight[1]) if in_flight else None,
                key_epoch=Int64(epoch),
                batch_key_epoch=Int64(in_flight[2]) if in_flight else None,
                last_batch_at=last_batch_at,
                reached=reached,
                lag=self.lag,
                lag_at=datetime.now(UTC),
            )
        except (PyMongoError, KeyStateError) as error:
            # The next beat tries again; a stale heartbeat is what others see meanwhile.
            LOG.warning("no heartbeat", extra={"error_class": type(error).__name__})
            return
        if not ours:
            self.fenced.set()

    def _measure_lag(self, consumer: Consumer) -> None:
        """Messages that the broker holds and no finished batch has taken; unknown while Kafka doesn't answer."""
        try:
            lag = 0
            for topic in kafka.TOPICS:
                found = consumer.list_topics(topic, timeout=OFFSETS_TIMEOUT_SECONDS).topics[topic]
                for partition in found.partitions:
                    low, high = consumer.get_watermark_offsets(
                        TopicPartition(topic, partition), timeout=OFFSETS_TIMEOUT_SECONDS
                    )
                    lag += max(high - max(self._reached.get(f"{topic}:{partition}", 0), low), 0)
        except KafkaException as error:
            LOG.warning("lag unknown", extra={"error_class": type(error).__name__})
            self.lag = None
        else:
            self.lag = lag
