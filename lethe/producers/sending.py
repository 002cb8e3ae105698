"""Messages to Kafka, acknowledged by every replica, at a chosen pace."""

import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from confluent_kafka import KafkaException, Producer

from lethe.errors import StoreError
from lethe.profiles.contract import PROFILES_TOPIC

REACH_SECONDS = 10.0  # for a broker to answer at all
DELIVERY_SECONDS = 30.0  # for one message to be acknowledged
FULL_SECONDS = 0.2  # between two looks at a full queue
BY_KEY, NOW = -1, 0  # the client's words: a partition that the key's hash names, and the time of sending
_GENERAL = {"_FATAL", "_TRANSPORT"}
_PURGED = {"_PURGE_QUEUE", "_PURGE_INFLIGHT"}  # of messages that we gave up after another had failed

# Without it librdkafka prints to stderr; what matters comes back as an error.
_LOG = logging.getLogger("lethe.kafka.client")
_FATAL = re.compile(r"Fatal error: (Broker: [^:]*|[^:]*)")
_LOG.addHandler(logging.NullHandler())
_LOG.propagate = False


class Pace:
    """Lets so many messages a second through, evenly from the first on; all at once where that is 0."""

    def __init__(self, rate: float, stop: threading.Event) -> None:
        """`stop` ends a wait at once."""
        self._rate, self._stop = rate, stop
        self._let_through = 0
        self._start = time.monotonic()

    def wait(self) -> None:
        """Return when the next message is due."""
        if self._rate:
            due = self._start + self._let_through / self._rate
            if (seconds := due - time.monotonic()) > 0:
                self._stop.wait(seconds)
        self._let_through += 1


class _Log:
    """Passes the client's lines on, and keeps what the last fatal error was."""

    def __init__(self) -> None:
        self.fatal = ""

    def log(self, level: int, message: str, *parts: object) -> None:
        """As the client calls a logger's."""
        _LOG.log(level, message, *parts)
        found = _FATAL.search(message % parts if parts else message)
        if found is not None:
            self.fatal = found[1]


class Sender:
    """Sends to one topic; leaving it waits until all is acknowledged.

    Raises StoreError when Kafka is out of reach or has no such topic, and as soon as a message was not
    acknowledged; each within half a minute.
    """

    def __init__(self, config: dict[str, Any], topic: str = PROFILES_TOPIC) -> None:
        """`config`: librdkafka's settings to log in, as `client_settings` gives them."""
        self.acknowledged = 0
        self._topic, self._address = topic, config["bootstrap.servers"]
        self._failed: Counter[str] = Counter()  # by the error's name
        self._trouble, self._log = "", _Log()
        self._producer = Producer(
            {
                **config,
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 10,
                "message.timeout.ms": int(DELIVERY_SECONDS * 1000),
                "error_cb": self._note_trouble,
            },
            logger=self._log,
        )
        self._reach()

    def __enter__(self) -> Self:
        """Nothing more than the object."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        """Wait for what is under way; what went wrong before stands."""
        if kind is None:
            self.flush()

    def send(
        self, key: bytes | None, value: bytes | None, *, partition: int = BY_KEY, timestamp_ms: int = NOW
    ) -> None:
        """Hand one message over; where the queue is full, wait for room."""
        with self._telling("a message was not taken"):
            self._hand_over(key, value, partition, timestamp_ms)
        if self._failed:
            self._producer.purge()  # the rest would wait for its own half a minute
            self.flush()

    def _hand_over(self, key: bytes | None, value: bytes | None, partition: int, timestamp_ms: int) -> None:
        while True:
            try:
                self._producer.produce(
                    self._topic,
                    value,
                    key,
                    partition=partition,
                    timestamp=timestamp_ms,
                    on_delivery=self._delivered,
                )
            except BufferError:
                self._producer.poll(FULL_SECONDS)
            else:
                break
        self._producer.poll(0)

    def flush(self) -> int:
        """Wait until all is acknowledged; returns how many messages are. Raises StoreError where one is not."""
        with self._telling("messages were not acknowledged"):
            left = self._producer.flush(DELIVERY_SECONDS + 5)
        lost = self._failed.total() + left
        if lost:
            names = ", ".join(sorted(self._failed.keys() - _PURGED)) or "no answer"
            raise StoreError(
                f"kafka: {lost} messages were not acknowledged ({names}), {self.acknowledged} were; see `lethe status`"
            )
        return self.acknowledged

    def _reach(self) -> None:
        with self._telling(f"{self._address} not reached"):
            topic = self._producer.list_topics(self._topic, timeout=REACH_SECONDS).topics[self._topic]
        if topic.error is not None:
            raise StoreError(f"kafka: topic {self._topic} can't be written: {topic.error.name()}")

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        """Kafka's errors as one line."""
        try:
            yield
        except KafkaException as error:
            raise self._store_error(what, error) from error
        except SystemError as error:
            # So the client raises where a delivery's report follows a fatal error; sometimes without saying of which.
            cause = error.__cause__
            reason = self._reason(cause) if isinstance(cause, KafkaException) else self._met()
            if not reason:
                raise
            raise StoreError(f"kafka: {what} ({reason}); see `lethe status`") from error

    def _store_error(self, what: str, error: KafkaException) -> StoreError:
        return StoreError(f"kafka: {what} ({self._reason(error)}); see `lethe status`")

    def _reason(self, error: KafkaException) -> str:
        """The error's name; of a general one, that of what the client itself has met, such as a refused login."""
        name = str(error.args[0].name())
        return (self._met() or name) if name in _GENERAL else name

    def _met(self) -> str:
        """What the client itself has met last; nothing where all went well."""
        try:
            self._producer.poll(0)
        except KafkaException as fatal:
            return str(fatal.args[0].name())
        return self._trouble or self._log.fatal

    def _note_trouble(self, error: Any) -> None:
        self._trouble = str(error.name())

    def _delivered(self, error: Any, _message: Any) -> None:
        if error is None:
            self.acknowledged += 1
        else:
            self._failed[error.name()] += 1
