"""Users, rights and schemas on running servers: idempotent, and resumable after a kill at any point.

Every step asks for a state, not for a change: it is made where it is missing and corrected where it differs.
"""

from collections.abc import Callable

from lethe.register.model import Register
from lethe.register.schema import cassandra_statements, mongodb_ttls, mongodb_validators
from lethe.settings import Paths, Ports
from lethe.stack import cassandra as cassandra_server
from lethe.stack import kafka as kafka_server
from lethe.stack import mongodb as mongodb_server
from lethe.stack.provision import cassandra, kafka, mongodb


def provision(paths: Paths, ports: Ports, register: Register, progress: Callable[[str], None]) -> None:
    """Bring the three running embedded servers to the users, rights and schemas that Lethe needs.

    `progress` is called with a line before each step. Raises StackError.
    """
    schema = mongodb.Schema(mongodb_validators(register), mongodb_ttls(register))
    mongodb.provision(paths, mongodb_server.embedded_settings(ports), schema, progress)
    kafka.provision(paths, kafka_server.embedded_settings(ports), progress)
    ring = cassandra_server.embedded_settings(ports)
    replication: dict[str, str | int] = {
        "class": "NetworkTopologyStrategy",
        ring.datacenter: ring.replication,
    }
    statements = cassandra_statements(register, ring.keyspace, replication)
    cassandra.provision(paths, ring, statements, progress)
