"""Cassandra: the administrator in place of the default superuser, keyspace, tables, and roles with their rights.

Where each row stands on several nodes, so do the roles: else a node that is down would shut everybody out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from cassandra import DriverException
from cassandra.cluster import NoHostAvailable, Session

from lethe.errors import StackError
from lethe.settings import CassandraSettings, IntakeSettings, Paths, secret
from lethe.stack.cassandra import ADMIN, DEFAULT_SUPERUSER, lets_in, login
from lethe.stack.provision.rights_notes import Note
from lethe.stores.cassandra import CONSENTS, EMAIL_INDEX, TABLE

ALL_ROLES = "roles"
ROLES_KEYSPACE = "system_auth"
SIMPLE = "SimpleStrategy"  # which Cassandra gives to the roles' keyspace, with one copy

Rights = dict[str, frozenset[str]]


def rights(keyspace: str) -> dict[str, Rights]:
    """What each role may do, by resource as Cassandra names it (`data/<keyspace>/<table>`, `roles`).

    `fence` gives rights on the tables to the role of each new lease: Cassandra lets a role grant what it holds
    itself, and AUTHORIZE. A role that makes another may alter and drop that one, so CREATE is enough. DESCRIBE
    lets it list the roles of older leases. Without UNMASK a role sees what `lethe.register.masks` leaves, and can't
    ask for a row by a masked column, so by no `subject_id`.
    """
    profiles, consents, index = (f"data/{keyspace}/{table}" for table in (TABLE, CONSENTS, EMAIL_INDEX))
    reading = {profiles: frozenset({"SELECT", "UNMASK"}), consents: frozenset({"SELECT"})}
    writing = {place: rights | {"MODIFY"} for place, rights in reading.items()}
    writing_all = {**writing, index: frozenset({"MODIFY"})}
    return {
        "fence": {
            **{place: rights | {"AUTHORIZE"} for place, rights in writing_all.items()},
            ALL_ROLES: frozenset({"CREATE", "DESCRIBE"}),
        },
        "eraser": writing_all,
        # That an entry of the index is there, not what it says: its values are masked.
        "auditor": {**reading, index: frozenset({"SELECT"})},
        # It looks for personal data where nobody has declared any, so also in tables that are not ours yet.
        "scanner": {f"data/{keyspace}": frozenset({"SELECT"}), profiles: frozenset({"UNMASK"})},
        # Asks for rows by a masked column, and alone may.
        "intake": {profiles: reading[profiles], index: frozenset({"SELECT", "SELECT_MASKED"})},
        # Of tables beside the profiles it reads which subjects they are about.
        "rotator": {profiles: writing[profiles], consents: reading[consents], index: frozenset({"SELECT"})},
        "operator": reading,
        "analyst": {profiles: frozenset({"SELECT"})},
    }


def replication(settings: CassandraSettings) -> dict[str, str | int]:
    """How often each row stands in the ring, as CQL says it."""
    return {"class": "NetworkTopologyStrategy", settings.datacenter: settings.replication}


def provision(
    paths: Paths,
    settings: CassandraSettings,
    statements: Sequence[str],
    masks: Sequence[str],
    *,
    note: Note,
    progress: Callable[[str], None],
) -> None:
    """Bring a running node to what Lethe needs of it; `statements` make keyspace and tables, `masks` mask columns.

    `note` is told of changes of rights before they are made.

    Columns are masked when every role that reads them has its right to, so that no reader is shut out meanwhile;
    what is new holds nothing yet.

    Raises StackError when the node refuses the administrator, or something that it was asked.
    """
    try:
        progress("cassandra: administrator")
        session = _administrator(paths, settings)
        try:
            progress("cassandra: keyspace and tables")
            for statement in statements:
                session.execute(statement)
            _set_replication(session, settings, progress)
            empty_index(session, settings, IntakeSettings(), progress)
            progress("cassandra: roles")
            for role in rights(settings.keyspace):
                _make_role(session, settings, role, secret(f"cassandra-{role}", paths))
            _set_rights(session, rights(settings.keyspace), note)
            for statement in masks:
                session.execute(statement)
        finally:
            session.cluster.shutdown()
    except (DriverException, NoHostAvailable) as error:
        raise StackError(f"cassandra: provisioning failed: {type(error).__name__}; read its log") from error


def empty_index(
    session: Session, settings: CassandraSettings, intake: IntakeSettings, progress: Callable[[str], None]
) -> None:
    """Nothing is kept in an e-mail index that is off."""
    table = f"{settings.keyspace}.{EMAIL_INDEX}"
    held = session.execute(f"SELECT subject_id FROM {table} LIMIT 1").one()  # noqa: S608
    if held is not None and not intake.email_index:
        progress("cassandra: the e-mail index is off; it is emptied")
        session.execute(f"TRUNCATE {table}", timeout=120)


def _administrator(paths: Paths, settings: CassandraSettings) -> Session:
    """A session as administrator, made on a new node with the default superuser, which then can't log in."""
    password = secret(f"cassandra-{ADMIN}", paths)
    default, default_password = DEFAULT_SUPERUSER
    try:
        session = login(settings, ADMIN, password)
    except StackError as refused:
        try:
            first = login(settings, default, default_password)
        except StackError:
            raise refused from None
        _replicate_roles(first, settings)
        _make_role(first, settings, ADMIN, password, superuser=True)
        first.cluster.shutdown()
        session = login(settings, ADMIN, password)
    session.execute(f"ALTER ROLE {default} WITH SUPERUSER = false AND LOGIN = false")
    return session


def _held_replication(session: Session, keyspace: str) -> dict[str, str]:
    query = "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = %s"
    row: Any = session.execute(query, (keyspace,)).one()
    return {key: value.rpartition(".")[2] for key, value in row.replication.items()}


def _replicate(session: Session, settings: CassandraSettings, keyspace: str) -> None:
    options = ", ".join(f"'{name}': '{value}'" for name, value in replication(settings).items())
    session.execute(f"ALTER KEYSPACE {keyspace} WITH replication = {{{options}}}")


def _replicate_roles(session: Session, settings: CassandraSettings) -> None:
    """Before any role of ours is made; a ring whose operator has seen to it is left alone."""
    if settings.replication > 1 and _held_replication(session, ROLES_KEYSPACE)["class"] == SIMPLE:
        _replicate(session, settings, ROLES_KEYSPACE)


def _set_replication(session: Session, settings: CassandraSettings, progress: Callable[[str], None]) -> None:
    """Correct the keyspace's copies; those that are new hold nothing yet, which only a repair changes."""
    wanted = {name: str(value) for name, value in replication(settings).items()}
    if _held_replication(session, settings.keyspace) == wanted:
        return
    _replicate(session, settings, settings.keyspace)
    progress(
        f"cassandra: each row of {settings.keyspace} stands {settings.replication} times from now on; run "
        f"`nodetool repair --full {settings.keyspace}` on each node"
    )


def _make_role(
    session: Session, settings: CassandraSettings, role: str, password: str, *, superuser: bool = False
) -> None:
    """A role that can log in with this password; the password of one that already can is left alone.

    Cassandra refuses to change a password again within a few seconds.
    """
    given = f"PASSWORD = '{password}'"
    may = f"LOGIN = true AND SUPERUSER = {str(superuser).lower()}"
    is_new = session.execute("SELECT role FROM system_auth.roles WHERE role = %s", (role,)).one() is None
    if is_new:
        session.execute(f"CREATE ROLE IF NOT EXISTS {role} WITH {given} AND {may}")
        return
    session.execute(f"ALTER ROLE {role} WITH {may}")
    if not lets_in(settings, role, password):
        session.execute(f"ALTER ROLE {role} WITH {given}")


class Change(NamedTuple):
    """One right on a resource, of a role."""

    role: str
    right: str
    resource: str

    def __str__(self) -> str:
        """As the audit trail says it."""
        return f"{self.role}: {self.right} {self.resource}"


def _set_rights(session: Session, wanted: Mapping[str, Rights], note: Note) -> None:
    """Grant what is missing and revoke what is too much, but for rights on roles that a role has made."""
    needed = {each for role, rights in wanted.items() for each in _changes(role, rights)}
    held = {each for role in wanted for each in _changes(role, _held(session, role))}
    missing, surplus = sorted(needed - held), sorted(held - needed)
    for each in (*missing, *surplus):
        _named(each.resource)  # one that is not ours is told before anything is changed
    note("cassandra", [str(each) for each in missing], [str(each) for each in surplus])
    for role, right, resource in missing:
        session.execute(f"GRANT {right} ON {_named(resource)} TO {role}")
    for role, right, resource in surplus:
        session.execute(f"REVOKE {right} ON {_named(resource)} FROM {role}")


def _changes(role: str, rights: Mapping[str, Iterable[str]]) -> Iterator[Change]:
    for resource, held in rights.items():
        yield from (Change(role, right, resource) for right in held)


def _held(session: Session, role: str) -> dict[str, set[str]]:
    query = "SELECT resource, permissions FROM system_auth.role_permissions WHERE role = %s"
    found: Any = session.execute(query, (role,))
    return {
        row.resource: set(row.permissions) for row in found if not row.resource.startswith(f"{ALL_ROLES}/")
    }


def _named(resource: str) -> str:
    """A resource in CQL: `data/lethe/profiles` is TABLE lethe.profiles."""
    kind, *names = resource.split("/")
    if kind == ALL_ROLES:
        return "ALL ROLES"
    if kind != "data":
        raise StackError(f"cassandra: a right on {resource} is not one of ours; revoke it")
    if not names:
        return "ALL KEYSPACES"
    return f"KEYSPACE {names[0]}" if len(names) == 1 else f"TABLE {'.'.join(names)}"
