"""The fence in Cassandra: each lease number writes as a role of its own, which a takeover revokes.

Rights are cached by every node for `permissions_validity` (one second on the embedded stack), so that revoking
alone proves nothing: a takeover tries to write as the old role, at each node, until it is refused.
"""

import re
import secrets

from cassandra import InvalidRequest, Unauthorized
from cassandra.cluster import Session
from cassandra.pool import Host
from tenacity import (
    RetryError,
    Retrying,
    retry_if_exception_type,
    retry_if_result,
    stop_after_delay,
    wait_fixed,
)

from lethe.errors import StoreError
from lethe.settings import CassandraSettings, Paths
from lethe.stores import cassandra

ROLE = re.compile(r"stream_([0-9]+)")
REFUSAL_SECONDS = 30.0
# The right to write is tried on a row that no subject can have, at a time before all others.
PROBE = f"DELETE FROM {cassandra.TABLE} USING TIMESTAMP 1 WHERE subject_id = 'fence'"  # noqa: S608


def role_of(number: int) -> str:
    """The name of the Cassandra role that lease `number` writes as."""
    return f"stream_{number}"


def admit(session: Session, number: int) -> str:
    """Make the role of a new lease, with the right to write profiles; returns its password."""
    password = secrets.token_urlsafe(24)
    role = role_of(number)
    keyspace = session.keyspace
    session.execute(f"CREATE ROLE IF NOT EXISTS {role} WITH PASSWORD = '{password}' AND LOGIN = true")
    session.execute(f"ALTER ROLE {role} WITH PASSWORD = '{password}'")
    for right in ("SELECT", "MODIFY"):
        session.execute(f"GRANT {right} ON TABLE {keyspace}.{cassandra.TABLE} TO {role}")
    return password


def shut_out(session: Session, below: int, settings: CassandraSettings, paths: Paths) -> list[str]:
    """Take the right to write from every role of a lease below `below`, see each refused, and drop it.

    Returns the roles. Raises StoreError when one of them is still not refused after REFUSAL_SECONDS.
    """
    names = [row.role for row in session.execute("LIST ROLES")]
    old = [name for name in names if (found := ROLE.fullmatch(name)) and int(found[1]) < below]
    for role in old:
        _revoke(session, role)
        password = secrets.token_urlsafe(24)
        session.execute(f"ALTER ROLE {role} WITH PASSWORD = '{password}'")
        _see_refused(role, password, settings, paths)
        session.execute(f"DROP ROLE IF EXISTS {role}")
    return old


def _revoke(session: Session, role: str) -> None:
    for right in ("SELECT", "MODIFY"):
        try:
            session.execute(f"REVOKE {right} ON TABLE {session.keyspace}.{cassandra.TABLE} FROM {role}")
        except InvalidRequest as error:
            if "was not granted" not in str(error):
                raise


def _see_refused(role: str, password: str, settings: CassandraSettings, paths: Paths) -> None:
    """Try to write as the role at every node until each refuses."""
    login = Retrying(
        retry=retry_if_exception_type(StoreError),  # the node may still hold the password before this one
        stop=stop_after_delay(REFUSAL_SECONDS),
        wait=wait_fixed(0.2),
        reraise=True,
    )
    probe = login(cassandra.connect, role, paths, settings, password)
    refusal = Retrying(
        retry=retry_if_result(lambda accepted: accepted is True),
        stop=stop_after_delay(REFUSAL_SECONDS),
        wait=wait_fixed(0.2),
    )
    try:
        for host in probe.cluster.metadata.all_hosts():
            refusal(_is_accepted, probe, host)
    except RetryError as error:
        raise StoreError(
            f"cassandra still lets {role} write {REFUSAL_SECONDS:.0f} s after its rights were revoked"
        ) from error
    finally:
        probe.cluster.shutdown()


def _is_accepted(probe: Session, host: Host) -> bool:
    try:
        probe.execute(PROBE, host=host)
    except Unauthorized:
        return False
    return True
