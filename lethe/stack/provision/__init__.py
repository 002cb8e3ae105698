"""Users, rights and schemas on running servers: idempotent, and resumable after a kill at any point.

Every step asks for a state, not for a change: it is made where it is missing and corrected where it differs.
"""

from collections.abc import Callable

from lethe.register.masks import mask_statements
from lethe.register.model import Register
from lethe.register.schema import cassandra_statements, mongodb_ttls, mongodb_validators
from lethe.settings import Paths, Ports
from lethe.stack.provision import cassandra, kafka, mongodb, rights_notes
from lethe.stack.provision.servers import Servers, embedded


def provision(paths: Paths, ports: Ports, register: Register, progress: Callable[[str], None]) -> None:
    """Bring the three running embedded servers to the users, rights and schemas that Lethe needs.

    `progress` is called with a line before each step. Raises StackError.
    """
    provision_servers(paths, embedded(ports), register, progress)


def provision_servers(
    paths: Paths, servers: Servers, register: Register, progress: Callable[[str], None]
) -> None:
    """The same for any three servers; the credentials of administrators and roles are those of `paths`."""
    schema = mongodb.Schema(mongodb_validators(register), mongodb_ttls(register))
    mongodb.provision(paths, servers.mongodb, schema, progress)
    note = rights_notes.noting(paths, servers.mongodb)
    kafka.provision(paths, servers.kafka, note, progress)
    ring = servers.cassandra
    statements = cassandra_statements(register, ring.keyspace, cassandra.replication(ring))
    masks = mask_statements(register, ring.keyspace)
    cassandra.provision(paths, ring, statements, masks, note=note, progress=progress)
