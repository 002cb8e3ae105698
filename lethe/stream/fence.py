"""The fence in Cassandra: each lease number writes as a role of its own, which a takeover revokes.

Rights are cached by every node for `permissions_validity` (one second on the embedded stack), so that revoking
alone proves nothing: a takeover tries to write as the old role, at each node, until it is refused.

Several takeovers may be at work at once, so a role is made by one statement and never changed: Cassandra has no
conditions on roles, and to change one that another takeover has just dropped would leave half a role behind, of
which every later list of roles dies. Passwords are therefore derived, not drawn.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator
from contextlib import contextmanager

from cassandra import DriverException, InvalidRequest, Unauthorized
from cassandra.cluster import NoHostAvailable, Session
from cassandra.pool import Host
from tenacity import (
    RetryError,
    Retrying,
    retry_if_exception,
    retry_if_result,
    stop_after_delay,
    wait_fixed,
)

from lethe.errors import StoreError
from lethe.settings import CassandraSettings, Paths, secret
from lethe.stores import cassandra

ROLE = re.compile(r"stream_([0-9]+)")
REFUSAL_SECONDS = 30.0
# What a lease's role may do with each table. UNMASK: the profiles' subject_id is a masked column, and only who sees it
# may ask for a row by it.
RIGHTS = {
    cassandra.TABLE: ("SELECT", "MODIFY", "UNMASK"),
    cassandra.CONSENTS: ("SELECT", "MODIFY"),
    cassandra.EMAIL_INDEX: ("MODIFY",),
}
_PAIRS = [(table, right) for table, rights in RIGHTS.items() for right in rights]
# The right to write is tried on a row that no subject can have, at a time before all others.
PROBES = [f"DELETE FROM {table} USING TIMESTAMP 1 WHERE subject_id = 'fence'" for table in cassandra.TABLES]  # noqa: S608


def role_of(number: int) -> str:
    """The name of the Cassandra role that lease `number` writes as."""
    return f"stream_{number}"


def _password(role: str, paths: Paths | None) -> str:
    """A role's password, which whoever may take over can derive (RFC 2104)."""
    return hmac.new(secret("cassandra-fence", paths).encode(), role.encode(), hashlib.sha256).hexdigest()


def admit(session: Session, number: int, paths: Paths | None = None) -> str:
    """Make the role of a new lease, with the right to write; returns its password.

    Raises StoreError when Cassandra does not do so, as when a later takeover has dropped the role already.
    """
    role, password = role_of(number), _password(role_of(number), paths)
    with _told():
        session.execute(f"CREATE ROLE IF NOT EXISTS {role} WITH PASSWORD = '{password}' AND LOGIN = true")
        for table, right in _PAIRS:
            session.execute(f"GRANT {right} ON TABLE {session.keyspace}.{table} TO {role}")
    return password


def withdraw(session: Session, number: int) -> None:
    """Drop the role of a lease that was taken over before its driver started."""
    with _told():
        session.execute(f"DROP ROLE IF EXISTS {role_of(number)}")


def shut_out(session: Session, below: int, settings: CassandraSettings, paths: Paths) -> list[str]:
    """Take the right to write from every role of a lease below `below`, see each refused, and drop it.

    Returns the roles. What another takeover drops at the same time, it has seen refused. Raises StoreError when
    one of them is still not refused after REFUSAL_SECONDS.
    """
    with _told():
        old = [role for role in _roles(session) if (number := _number(role)) and number < below]
        for role in old:
            try:
                _see_refused(session, role, settings, paths)
                session.execute(f"DROP ROLE IF EXISTS {role}")
            except (DriverException, StoreError):
                if role in _roles(session):
                    raise
    return old


def _roles(session: Session) -> list[str]:
    return [row.role for row in session.execute("LIST ROLES")]


def _number(role: str) -> int | None:
    found = ROLE.fullmatch(role)
    return int(found[1]) if found else None


@contextmanager
def _told() -> Iterator[None]:
    """The driver's errors as one of ours."""
    try:
        yield
    except (DriverException, NoHostAvailable) as error:
        raise StoreError(f"cassandra: no takeover: {type(error).__name__}") from error


def _see_refused(session: Session, role: str, settings: CassandraSettings, paths: Paths) -> None:
    """Revoke the role's rights and try to write as it, at every node, until each refuses."""
    probe = _log_in(session, role, settings, paths)
    refusal = Retrying(
        retry=retry_if_result(lambda refused: not refused),
        stop=stop_after_delay(REFUSAL_SECONDS),
        wait=wait_fixed(0.2),
    )
    try:
        for host in probe.cluster.metadata.all_hosts():
            refusal(_is_refused, session, probe, role, host)
    except RetryError as error:
        raise StoreError(
            f"cassandra still lets {role} write {REFUSAL_SECONDS:.0f} s after its rights were revoked"
        ) from error
    finally:
        probe.cluster.shutdown()


def _log_in(session: Session, role: str, settings: CassandraSettings, paths: Paths) -> Session:
    """A session as an old role; its password is set anew only where it is not the one that we derive."""
    password = _password(role, paths)
    try:
        return cassandra.connect(role, paths, settings, password)
    except StoreError:
        if role not in _roles(session):
            raise
        session.execute(f"ALTER ROLE {role} WITH PASSWORD = '{password}'")
    login = Retrying(
        # The node may still hold the password before this one.
        retry=retry_if_exception(lambda error: isinstance(error, StoreError) and role in _roles(session)),
        stop=stop_after_delay(REFUSAL_SECONDS),
        wait=wait_fixed(0.2),
        reraise=True,
    )
    return login(cassandra.connect, role, paths, settings, password)


def _is_refused(session: Session, probe: Session, role: str, host: Host) -> bool:
    _revoke(session, role)  # each time: its own takeover may have granted them only now
    return all(_refuses(probe, statement, host) for statement in PROBES)


def _refuses(probe: Session, statement: str, host: Host) -> bool:
    try:
        probe.execute(statement, host=host)
    except Unauthorized:
        return True
    return False


def _revoke(session: Session, role: str) -> None:
    for table, right in _PAIRS:
        try:
            session.execute(f"REVOKE {right} ON TABLE {session.keyspace}.{table} FROM {role}")
        except InvalidRequest as error:
            if "was not granted" not in str(error):
                raise
