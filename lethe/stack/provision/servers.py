"""Which three servers are provisioned: the embedded ones, or those that the settings name."""

from dataclasses import dataclass

from lethe.settings import CassandraSettings, KafkaSettings, MongoSettings, Ports
from lethe.stack import cassandra, kafka, mongodb


@dataclass(frozen=True, slots=True)
class Servers:
    """How each of the three is reached."""

    mongodb: MongoSettings
    kafka: KafkaSettings
    cassandra: CassandraSettings


def embedded(ports: Ports) -> Servers:
    """Those of this machine, whatever the settings may say."""
    return Servers(
        mongodb.embedded_settings(ports), kafka.embedded_settings(ports), cassandra.embedded_settings(ports)
    )


def configured() -> Servers:
    """Those that `LETHE_MONGO_…`, `LETHE_KAFKA_…` and `LETHE_CASSANDRA_…` name: containers, clusters."""
    return Servers(MongoSettings(), KafkaSettings(), CassandraSettings())
