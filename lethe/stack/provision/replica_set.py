"""MongoDB's replica set and its first user.

Before there is a user, the server takes commands from the loopback address without one (the localhost exception),
and only those that make the set and the first user. A server that is reached from elsewhere, in a container or on
another machine, must have been given its first user where it runs: `admin`, in the database `admin`, as `root`.
"""

from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from lethe.errors import StackError
from lethe.settings import MongoSettings, Paths, secret
from lethe.stores.mongodb import Document

ADMIN = "admin"
PRIMARY_SECONDS = 30.0
# Codes of the server's errors (its error_codes.yml).
UNAUTHORIZED, AUTHENTICATION_FAILED, ALREADY_INITIATED = 13, 18, 23


def initiate(paths: Paths, settings: MongoSettings) -> None:
    """Make the replica set and its first user, or take over a set whose port has moved.

    Raises StackError when no node becomes primary, or the administrator's credential is not the server's.
    """
    with _direct(settings) as client:
        hello = client.admin.command("hello")
        if not _is_member(hello):
            _initiate_or_move(paths, settings, client)
        _await_primary(client)
        if not _lets_in(paths, settings):
            _make_admin(paths, client)


def admin_login(paths: Paths) -> dict[str, Any]:
    """How the first user logs in; others are in Lethe's own database."""
    return {"username": ADMIN, "password": secret("mongo-admin", paths), "authSource": "admin"}


def admin_client(paths: Paths, settings: MongoSettings) -> MongoClient[Document]:
    """A client of the whole set as its first user."""
    return MongoClient(
        settings.hosts.split(","),
        replicaSet=settings.replica_set,
        serverSelectionTimeoutMS=10_000,
        w="majority",
        **admin_login(paths),
    )


def _first_host(settings: MongoSettings) -> str:
    return settings.hosts.split(",")[0].strip()


def _direct(settings: MongoSettings, **credential: Any) -> MongoClient[Document]:
    return MongoClient(
        _first_host(settings), directConnection=True, serverSelectionTimeoutMS=10_000, **credential
    )


def _is_member(hello: Document) -> bool:
    return "setName" in hello


def _config(settings: MongoSettings) -> Document:
    hosts = [host.strip() for host in settings.hosts.split(",")]
    return {
        "_id": settings.replica_set,
        "members": [{"_id": number, "host": host} for number, host in enumerate(hosts)],
    }


def _initiate_or_move(paths: Paths, settings: MongoSettings, client: MongoClient[Document]) -> None:
    """A node that knows no set is given one; one whose set names another address is told its own."""
    if _initiated(settings, client):
        return
    with _direct(settings, **admin_login(paths)) as admin:
        if not _initiated(settings, admin):
            held = admin.admin.command("replSetGetConfig")["config"]
            moved = held | {"version": held["version"] + 1, "members": _moved(held["members"], settings)}
            admin.admin.command("replSetReconfig", moved, force=True)


def _initiated(settings: MongoSettings, client: MongoClient[Document]) -> bool:
    """Make the set; False where there is one, or where this client may not."""
    try:
        client.admin.command("replSetInitiate", _config(settings))
    except OperationFailure as error:
        if error.code not in (UNAUTHORIZED, ALREADY_INITIATED):
            raise
        return False
    return True


def _moved(members: list[Document], settings: MongoSettings) -> list[Document]:
    hosts = _config(settings)["members"]
    return [member | {"host": here["host"]} for member, here in zip(members, hosts, strict=True)]


def _await_primary(client: MongoClient[Document]) -> None:
    try:
        Retrying(
            retry=retry_if_result(lambda there_is: not there_is),
            stop=stop_after_delay(PRIMARY_SECONDS),
            wait=wait_fixed(0.1),
        )(lambda: _has_primary(client.admin.command("hello")))
    except RetryError as error:
        raise StackError(f"mongodb: no primary after {PRIMARY_SECONDS:.0f} s; read its log") from error


def _has_primary(hello: Document) -> bool:
    """Whether this node takes writes, or knows of another that does."""
    return bool(hello.get("isWritablePrimary")) or hello.get("primary") not in (None, hello.get("me"))


def _lets_in(paths: Paths, settings: MongoSettings) -> bool:
    try:
        with _direct(settings, **admin_login(paths)) as client:
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
            f"{paths.secrets / 'mongo-admin'}, or it has no first user yet"
        ) from error
