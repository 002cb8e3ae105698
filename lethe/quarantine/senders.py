"""Messages out of quarantine to Kafka, as a producer sends them."""

from lethe.producers.sending import Sender
from lethe.protection.payloads import Content
from lethe.settings import Paths
from lethe.stores.kafka import client_settings


class TopicSenders:
    """A sender a topic, made at its first message, with the producers' own login."""

    def __init__(self, paths: Paths | None = None) -> None:
        self._paths = paths
        self._senders: dict[str, Sender] = {}

    def send(self, topic: str, partition: int, content: Content) -> None:
        """Hand one message over, with its own timestamp, to its own partition: a subject's messages stay in one.

        Raises StoreError when Kafka does not take it.
        """
        if topic not in self._senders:
            self._senders[topic] = Sender(client_settings("producer", self._paths), topic)
        # The client takes 0 for now; a millisecond after the beginning of 1970 is as long ago.
        timestamp_ms = content.timestamp_ms or 1
        self._senders[topic].send(content.key, content.value, partition=partition, timestamp_ms=timestamp_ms)

    def flush(self) -> None:
        """Return when all are acknowledged; raises StoreError where one is not."""
        for sender in self._senders.values():
            sender.flush()
