"""Users, rights and schemas on running servers: idempotent, and resumable after a kill at any point.

Every step asks for a state, not for a change: it is made where it is missing and corrected where it differs.
"""

from collections.abc import Callable
from typing import Any

from lethe.settings import Paths, Ports
from lethe.stack import cassandra as cassandra_server
from lethe.stack import kafka as kafka_server
from lethe.stack import mongodb as mongodb_server
from lethe.stack.provision import cassandra, kafka, mongodb


def provision(paths: Paths, ports: Ports, register: Any, progress: Callable[[str], None]) -> None:
    """Bring the three running embedded servers to the users, rights and schemas that Lethe needs.

    `progress` is called with a line before each step. Raises StackError.
    """
    from lethe.register.schema import cassandra_statements

    mongodb.provision(paths, mongodb_server.embedded_settings(ports), progress)
    kafka.provision(paths, kafka_server.embedded_settings(ports), progress)
    statements = cassandra_statements(register)
    cassandra.provision(paths, cassandra_server.embedded_settings(ports), statements, progress)
