"""MongoDB: the replica set, users with a role each, collections, indexes and views."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pymongo import IndexModel
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError

from lethe.audit import trail
from lethe.audit.entry import Action
from lethe.errors import StackError
from lethe.settings import MongoSettings, Paths, StreamSettings, secret
from lethe.stack.provision import replica_set, rights_notes
from lethe.stack.provision.mongodb_rights import COLLECTIONS, RIGHTS, VIEWS, privileges
from lethe.stack.provision.replica_set import ADMIN, admin_client
from lethe.stores.figures import (
    AVERAGE_AGE,
    BY_NATIONALITY,
    SOURCE,
    average_age_pipeline,
    users_by_nationality_pipeline,
)
from lethe.stores.mongodb import Document
from lethe.stream.lease import LEASE, shard_id

# Codes of the server's errors (its error_codes.yml).
UNKNOWN_USER, UNKNOWN_ROLE, NAMESPACE_EXISTS = 11, 31, 48
INDEX_OPTIONS_DIFFER = (85, 86)

INDEXES: dict[str, list[IndexModel]] = {
    "suppression": [IndexModel("version", name="version", unique=True)],
    "erasures": [IndexModel("subject_id", name="subject_id")],
    "cases": [
        # One open case a subject and kind: who asks again joins it, also of two at once.
        IndexModel(
            [("subject_id", 1), ("kind", 1)],
            name="open_case",
            unique=True,
            partialFilterExpression={"open": {"$exists": True}},
        ),
        IndexModel("subject_id", name="subject_id"),
        IndexModel([("state", 1), ("received_at", 1)], name="state"),
    ],
    "holds": [IndexModel("subject_id", name="subject_id")],
    "audit_trail": [
        IndexModel("key", name="key", unique=True),
        IndexModel("case_id", name="case_id", partialFilterExpression={"case_id": {"$exists": True}}),
        IndexModel("audit_ref", name="audit_ref", partialFilterExpression={"audit_ref": {"$exists": True}}),
        # Verification begins with these.
        IndexModel("action", name="acts", partialFilterExpression={"action": Action.TRAIL_DROP.value}),
    ],
    "rotations": [
        IndexModel(
            "open", name="one_at_work", unique=True, partialFilterExpression={"open": {"$exists": True}}
        )
    ],
    "quarantine": [
        IndexModel(
            "subject_ids", name="subject_ids", partialFilterExpression={"subject_ids": {"$exists": True}}
        ),
        IndexModel([("topic", 1), ("partition", 1), ("offset", 1)], name="place"),
    ],
}
# Only what tells of one batch expires: the driver's state and what supervision remembers stay.
EXPIRING_PART: dict[str, Document] = {"stream_health": {"batch_id": {"$exists": True}}}


@dataclass(frozen=True, slots=True)
class Schema:
    """What the register says of the collections: validators, and how long (s) after which date field they last."""

    validators: Mapping[str, Document]
    expiries: Mapping[str, tuple[str, int]]


def provision(paths: Paths, settings: MongoSettings, schema: Schema, progress: Callable[[str], None]) -> None:
    """Bring a running server to what Lethe needs of it.

    Raises StackError when the server refuses the administrator, or something that it was asked.
    """
    try:
        _provision(paths, settings, schema, progress)
    except PyMongoError as error:
        detail = error.details if isinstance(error, OperationFailure) else None
        reason = (detail or {}).get("codeName") or type(error).__name__
        raise StackError(f"mongodb: provisioning failed: {reason}; read its log") from error


def _provision(
    paths: Paths, settings: MongoSettings, schema: Schema, progress: Callable[[str], None]
) -> None:
    progress("mongodb: replica set")
    replica_set.initiate(paths, settings)
    with admin_client(paths, settings) as client:
        database = client[settings.database]
        progress("mongodb: collections, indexes and views")
        _make_collections(database, schema)
        _make_views(database)
        _seed(database)
        progress("mongodb: users")
        _make_users(paths, database)


def _make_collections(database: Database[Document], schema: Schema) -> None:
    for name in COLLECTIONS:
        _create_or_change(database, name, {"validator": schema.validators.get(name, {})})
    for name, indexes in INDEXES.items():
        database[name].create_indexes(indexes)
    for name, (field, seconds) in schema.expiries.items():
        options: dict[str, Any] = {"expireAfterSeconds": seconds}
        if name in EXPIRING_PART:
            options["partialFilterExpression"] = EXPIRING_PART[name]
        _set_index(database, name, IndexModel(field, name="expiry", **options))


def _create_or_change(database: Database[Document], name: str, options: Document) -> None:
    try:
        database.command("create", name, **options)
    except OperationFailure as error:
        if error.code != NAMESPACE_EXISTS:
            raise
        database.command("collMod", name, **options)


def _set_index(database: Database[Document], collection: str, index: IndexModel) -> None:
    """Make an index, in place of one of the same name with other options."""
    try:
        database[collection].create_indexes([index])
    except OperationFailure as error:
        if error.code not in INDEX_OPTIONS_DIFFER:
            raise
        database[collection].drop_index(index.document["name"])
        database[collection].create_indexes([index])


def _make_views(database: Database[Document]) -> None:
    pipelines = {
        BY_NATIONALITY: users_by_nationality_pipeline(),
        AVERAGE_AGE: average_age_pipeline(),
    }
    for name in VIEWS:
        _create_or_change(database, name, {"viewOn": SOURCE, "pipeline": pipelines[name]})


def _seed(database: Database[Document]) -> None:
    """The lease before the first driver, and a copy a counter shard; the head of the audit trail."""
    shards = StreamSettings().counter_shards
    for key in [LEASE, *(shard_id(shard) for shard in range(shards))]:
        try:
            database.lease.update_one({"_id": key}, {"$setOnInsert": {"number": 0}}, upsert=True)
        except DuplicateKeyError:
            continue  # a driver has made it meanwhile
    trail.seed(database)


def _make_users(paths: Paths, database: Database[Document]) -> None:
    """A user and a role of the same name each, with exactly these rights.

    The administrator is in this database too, so that every role logs in the same way.
    """
    rights_notes.note(database, "mongodb", *_changes(database))
    for name in RIGHTS:
        _make_role(database, name)
        _make_user(paths, database, name, [name])
    _make_user(paths, database, ADMIN, [{"role": "root", "db": "admin"}])


def _changes(database: Database[Document]) -> tuple[list[str], list[str]]:
    """What the roles lack of their rights, and have beyond them."""
    found = database.command("rolesInfo", list(RIGHTS), showPrivileges=True)["roles"]
    held = {right for role in found for right in _said(role["role"], role["privileges"])}
    wanted = {right for name in RIGHTS for right in _said(name, privileges(name, database.name))}
    return sorted(wanted - held), sorted(held - wanted)


def _said(role: str, held: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for each in held:
        place = each["resource"].get("collection") or "every collection"
        yield from (f"{role}: {action} {place}" for action in each["actions"])


def _make_role(database: Database[Document], name: str) -> None:
    rights = privileges(name, database.name)
    try:
        database.command("updateRole", name, privileges=rights, roles=[])
    except OperationFailure as error:
        if error.code != UNKNOWN_ROLE:
            raise
        database.command("createRole", name, privileges=rights, roles=[])


def _make_user(paths: Paths, database: Database[Document], name: str, roles: list[Any]) -> None:
    login: dict[str, Any] = {
        "pwd": secret(f"mongo-{name}", paths),
        "roles": roles,
        "mechanisms": ["SCRAM-SHA-256"],
    }
    try:
        database.command("updateUser", name, **login)
    except OperationFailure as error:
        if error.code != UNKNOWN_USER:
            raise
        database.command("createUser", name, **login)
