"""Kafka: clients by role, end offsets, and the tombstones that remove a subject from the topics."""

from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from lethe.errors import StoreError
from lethe.profiles.contract import CONSENTS_TOPIC, HEADER, PROFILES_TOPIC, TOMBSTONE_HEADER_VALUE
from lethe.settings import KafkaSettings, Paths, secret

TIMEOUT_SECONDS = 20.0
TOPICS = (PROFILES_TOPIC, CONSENTS_TOPIC)


def client_settings(
    role: str, paths: Paths | None = None, settings: KafkaSettings | None = None
) -> dict[str, Any]:
    """librdkafka's settings to log in as `role`, with the credential `kafka-<role>`."""
    settings = settings or KafkaSettings()
    return {
        "bootstrap.servers": settings.bootstrap,
        "security.protocol": settings.security_protocol,
        "sasl.mechanism": settings.sasl_mechanism,
        "sasl.username": role,
        "sasl.password": secret(f"kafka-{role}", paths),
        "client.id": f"lethe-{role}",
    }


def end_offsets(config: dict[str, Any]) -> dict[str, dict[str, int]]:
    """The end offset of every partition of our topics: topic -> partition (as text) -> offset.

    Raises StoreError when Kafka does not answer, or a topic is not there.
    """
    consumer = Consumer({**config, "group.id": "lethe-offsets", "enable.auto.commit": False})
    try:
        return {topic: _topic_ends(consumer, topic) for topic in TOPICS}
    except KafkaException as error:
        raise StoreError(f"kafka: end offsets could not be read: {_code(error)}") from error
    finally:
        consumer.close()


def _topic_ends(consumer: Any, topic: str) -> dict[str, int]:
    found = consumer.list_topics(topic, timeout=TIMEOUT_SECONDS).topics[topic]
    if found.error is not None:
        raise StoreError(f"kafka: topic {topic} can't be read: {found.error.name()}")
    return {
        str(partition): consumer.get_watermark_offsets(
            TopicPartition(topic, partition), timeout=TIMEOUT_SECONDS
        )[1]
        for partition in sorted(found.partitions)
    }


def tombstone(config: dict[str, Any], user_id: str) -> dict[str, str]:
    """Write one of Lethe's tombstones under the user id's key to each topic; topic -> "partition:offset".

    Compaction then removes every earlier message of that key. Raises StoreError unless every topic's brokers
    have acknowledged it.
    """
    producer = Producer({**config, "acks": "all", "enable.idempotence": True, "linger.ms": 0})
    placed: dict[str, str] = {}
    failed: list[str] = []

    def delivered(error: Any, message: Any) -> None:
        if error is not None:
            failed.append(f"{message.topic()}: {error.name()}")
        else:
            placed[message.topic()] = f"{message.partition()}:{message.offset()}"

    headers: list[tuple[str, str | bytes | None]] = [(HEADER, TOMBSTONE_HEADER_VALUE)]
    for topic in TOPICS:
        producer.produce(
            topic,
            key=user_id.encode(),
            value=None,
            headers=headers,
            on_delivery=delivered,
        )
    left = producer.flush(TIMEOUT_SECONDS)
    if left or failed:
        raise StoreError(f"kafka: tombstones not acknowledged: {', '.join(failed) or f'{left} unanswered'}")
    return placed


def _code(error: Exception) -> str:
    return str(error.args[0].name()) if error.args else type(error).__name__
