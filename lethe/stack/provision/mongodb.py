"""MongoDB: the replica set, users with a role each, collections, indexes and views."""

from collections.abc import Callable
from typing import Any

from pymongo import IndexModel, MongoClient
from pymongo.database import Database
from pymongo.errors import CollectionInvalid, DuplicateKeyError, OperationFailure
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from lethe.errors import StackError
from lethe.settings import MongoSettings, Paths, StreamSettings, secret
from lethe.stack.provision.mongodb_rights import COLLECTIONS, RIGHTS, VIEWS, privileges
from lethe.stores.figures import (
    AVERAGE_AGE,
    BY_NATIONALITY,
    SOURCE,
    average_age_pipeline,
    users_by_nationality_pipeline,
)
from lethe.stores.mongodb import Document
from lethe.stream.lease import LEASE, shard_id

ADMIN = "admin"
PRIMARY_SECONDS = 30.0
DAY_SECONDS = 86_400
NOT_INITIATED, UNKNOWN_USER, UNKNOWN_ROLE, NAMESPACE_EXISTS = 94, 11, 31, 48
UNAUTHORIZED, AUTHENTICATION_FAILED = 13, 18

INDEXES: dict[str, list[IndexModel]] = {
    "suppression": [IndexModel("version", name="version", unique=True)],
    "erasures": [IndexModel("subject_id", name="subject_id")],
    "quarantine": [
        IndexModel("at", name="expiry", expireAfterSeconds=7 * DAY_SECONDS),
        IndexModel(
            "subject_id", name="subject_id", partialFilterExpression={"subject_id": {"$exists": True}}
        ),
    ],
    # Only what tells of one batch expires: the driver's state, its totals and the supervision's memory stay.
    "stream_health": [
        IndexModel(
            "at",
            name="expiry",
            expireAfterSeconds=DAY_SECONDS,
            partialFilterExpression={"batch_id": {"$exists": True}},
        )
    ],
}


def provision(paths: Paths, settings: MongoSettings, progress: Callable[[str], None]) -> None:
    """Bring a running server to what Lethe needs of it.

    Raises StackError when the server refuses the administrator.
    """
    progress("mongodb: replica set")
    _initiate(paths, settings)
    with _admin(paths, settings) as client:
        database = client[settings.database]
        progress("mongodb: collections, indexes and views")
        _make_collections(database)
        _make_views(database)
        _seed(database)
        progress("mongodb: users")
        _make_users(paths, database)


def _first_host(settings: MongoSettings) -> str:
    return settings.hosts.split(",")[0].strip()


def _direct(settings: MongoSettings, **credential: Any) -> MongoClient[Document]:
    return MongoClient(
        _first_host(settings), directConnection=True, serverSelectionTimeoutMS=10_000, **credential
    )


def _admin_login(paths: Paths) -> dict[str, Any]:
    return {"username": ADMIN, "password": secret("mongo-admin", paths), "authSource": "admin"}


def _admin(paths: Paths, settings: MongoSettings) -> MongoClient[Document]:
    return MongoClient(
        settings.hosts.split(","),
        replicaSet=settings.replica_set,
        serverSelectionTimeoutMS=10_000,
        w="majority",
        **_admin_login(paths),
    )


def _initiate(paths: Paths, settings: MongoSettings) -> None:
    """Make the replica set and its first user, or take over a set whose port has moved."""
    with _direct(settings) as client:
        hello = client.admin.command("hello")
        if not _is_member(hello):
            _initiate_or_move(paths, settings, client)
        _await_primary(client)
        if not _lets_in(paths, settings):
            _make_admin(paths, client)


def _is_member(hello: Document) -> bool:
    return "setName" in hello


def _config(settings: MongoSettings) -> Document:
    hosts = [host.strip() for host in settings.hosts.split(",")]
    return {
        "_id": settings.replica_set,
        "members": [{"_id": number, "host": host} for number, host in enumerate(hosts)],
    }


def _initiate_or_move(paths: Paths, settings: MongoSettings, client: MongoClient[Document]) -> None:
    """A node that knows no set is given one; one whose set names another address is told its own.

    Before there is a user the server takes this from the loopback address only (the localhost exception).
    """
    try:
        client.admin.command("replSetInitiate", _config(settings))
    except OperationFailure as error:
        if error.code not in (UNAUTHORIZED, 23):  # 23: AlreadyInitialized
            raise
        with _direct(settings, **_admin_login(paths)) as admin:
            held = admin.admin.command("replSetGetConfig")["config"]
            moved = held | {"version": held["version"] + 1, "members": _moved(held["members"], settings)}
            admin.admin.command("replSetReconfig", moved, force=True)


def _moved(members: list[Document], settings: MongoSettings) -> list[Document]:
    hosts = _config(settings)["members"]
    return [member | {"host": here["host"]} for member, here in zip(members, hosts, strict=True)]


def _await_primary(client: MongoClient[Document]) -> None:
    try:
        Retrying(
            retry=retry_if_result(lambda primary: not primary),
            stop=stop_after_delay(PRIMARY_SECONDS),
            wait=wait_fixed(0.1),
        )(lambda: client.admin.command("hello").get("isWritablePrimary"))
    except RetryError as error:
        raise StackError(f"mongodb: no primary after {PRIMARY_SECONDS:.0f} s; read its log") from error


def _lets_in(paths: Paths, settings: MongoSettings) -> bool:
    try:
        with _direct(settings, **_admin_login(paths)) as client:
            client.admin.command("ping")
    except OperationFailure as error:
        if error.code != AUTHENTICATION_FAILED:
            raise
        return False
    return True


def _make_admin(paths: Paths, client: MongoClient[Document]) -> None:
    """The first user, by the localhost exception, which ends with it."""
    try:
        client.admin.command(
            "createUser",
            ADMIN,
            pwd=secret("mongo-admin", paths),
            roles=["root"],
            mechanisms=["SCRAM-SHA-256"],
        )
    except OperationFailure as error:
        if error.code != UNAUTHORIZED:
            raise
        raise StackError(
            "mongodb refuses the login of admin: its data was made with another credential than "
            f"{paths.secrets / 'mongo-admin'}"
        ) from error


def _make_collections(database: Database[Document]) -> None:
    for name in COLLECTIONS:
        try:
            database.create_collection(name, check_exists=False)
        except CollectionInvalid:
            continue
        except OperationFailure as error:
            if error.code != NAMESPACE_EXISTS:
                raise
    for name, indexes in INDEXES.items():
        database[name].create_indexes(indexes)


def _make_views(database: Database[Document]) -> None:
    pipelines = {
        BY_NATIONALITY: users_by_nationality_pipeline(),
        AVERAGE_AGE: average_age_pipeline(),
    }
    for name in VIEWS:
        view: dict[str, Any] = {"viewOn": SOURCE, "pipeline": pipelines[name]}
        try:
            database.command("create", name, **view)
        except OperationFailure as error:
            if error.code != NAMESPACE_EXISTS:
                raise
            database.command("collMod", name, **view)


def _seed(database: Database[Document]) -> None:
    """The lease before the first driver, and a copy a counter shard."""
    shards = StreamSettings().counter_shards
    for key in [LEASE, *(shard_id(shard) for shard in range(shards))]:
        try:
            database.lease.update_one({"_id": key}, {"$setOnInsert": {"number": 0}}, upsert=True)
        except DuplicateKeyError:
            continue  # a driver has made it meanwhile


def _make_users(paths: Paths, database: Database[Document]) -> None:
    """A user and a role of the same name each, with exactly these rights."""
    for name in RIGHTS:
        rights = privileges(name, database.name)
        try:
            database.command("updateRole", name, privileges=rights, roles=[])
        except OperationFailure as error:
            if error.code != UNKNOWN_ROLE:
                raise
            database.command("createRole", name, privileges=rights, roles=[])
        login: dict[str, Any] = {
            "pwd": secret(f"mongo-{name}", paths),
            "roles": [name],
            "mechanisms": ["SCRAM-SHA-256"],
        }
        try:
            database.command("updateUser", name, **login)
        except OperationFailure as error:
            if error.code != UNKNOWN_USER:
                raise
            database.command("createUser", name, **login)
