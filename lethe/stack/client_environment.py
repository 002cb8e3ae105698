"""`lethe env`: how any client reaches the running stack, as shell-safe `export` lines."""

import shlex

from lethe.settings import (
    AirflowSettings,
    CassandraSettings,
    DashboardSettings,
    KafkaSettings,
    Paths,
    secret,
)
from lethe.stack import airflow
from lethe.stack.programs import installation


def variables(paths: Paths) -> dict[str, str]:
    """Name -> value: a producer's Kafka login, an operator's Cassandra and MongoDB logins, and the URLs.

    The operator reads exact figures and profiles, and writes nothing. Raises ConfigurationError before the first
    `make up`.
    """
    kafka, cassandra = KafkaSettings(), CassandraSettings()
    return {
        **installation(paths),
        **airflow.environment(paths),
        "LETHE_KAFKA_BOOTSTRAP": kafka.bootstrap,
        "LETHE_KAFKA_SECURITY_PROTOCOL": kafka.security_protocol,
        "LETHE_KAFKA_SASL_MECHANISM": kafka.sasl_mechanism,
        "LETHE_KAFKA_SASL_USERNAME": "producer",
        "LETHE_KAFKA_SASL_PASSWORD": secret("kafka-producer", paths),
        "LETHE_CASSANDRA_HOST": cassandra.host,
        "LETHE_CASSANDRA_PORT": str(cassandra.port),
        "LETHE_CASSANDRA_USERNAME": "operator",
        "LETHE_CASSANDRA_PASSWORD": secret("cassandra-operator", paths),
        "LETHE_CASSANDRA_KEYSPACE": cassandra.keyspace,
        "LETHE_MONGO_URI": airflow.operator_uri(paths),
        "LETHE_AIRFLOW_URL": AirflowSettings().url,
        "LETHE_DASHBOARD_URL": DashboardSettings().url,
    }


def exports(paths: Paths) -> str:
    """`export NAME=value` lines, each value quoted for a POSIX shell."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables(paths).items())
