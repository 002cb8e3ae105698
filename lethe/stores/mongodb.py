"""MongoDB: one client a role, and transactions that are retried a bounded number of times."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from pymongo import MongoClient, ReadPreference, WriteConcern
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from tenacity import retry, retry_if_exception, stop_after_delay, wait_random_exponential

from lethe.errors import StoreError
from lethe.settings import MongoSettings, Paths, secret

Document = dict[str, Any]
Client = MongoClient[Document]
Result = TypeVar("Result")

CONNECT_TIMEOUT_MS = 10_000
# A commit that outlives this is given up by the driver and retried by us; the server's own bound on a
# transaction's life is transactionLifetimeLimitSeconds.
RETRY_SECONDS = 60.0


def connect(role: str, paths: Paths | None = None, settings: MongoSettings | None = None) -> Client:
    """A client with the credential `mongo-<role>`; majority writes, so that what is acknowledged stays.

    Raises ConfigurationError when the credential is missing. The connection is made at first use.
    """
    settings = settings or MongoSettings()
    return MongoClient(
        [host.strip() for host in settings.hosts.split(",")],
        username=role,
        password=secret(f"mongo-{role}", paths),
        authSource="admin" if role == "admin" else settings.database,
        authMechanism="SCRAM-SHA-256",
        replicaSet=settings.replica_set,
        serverSelectionTimeoutMS=CONNECT_TIMEOUT_MS,
        connectTimeoutMS=CONNECT_TIMEOUT_MS,
        w="majority",
        journal=True,
        readConcernLevel="majority",
        appname=f"lethe-{role}",
        tz_aware=True,
    )


def told(error: PyMongoError) -> str:
    """What may be told of an error: its class and code, since its text quotes documents."""
    return f"{type(error).__name__}, code {getattr(error, 'code', None)}"


@contextmanager
def asked(role: str, what: str) -> Iterator[Client]:
    """A client for one command; raises StoreError where `what` could not be asked, by the error's class alone."""
    with connect(role) as client:
        try:
            yield client
        except PyMongoError as error:
            raise StoreError(
                f"mongodb: {what} could not be asked ({told(error)}); see `lethe status`"
            ) from None


def _is_transient(error: BaseException) -> bool:
    """True for what the server marks as safe to run again from the start."""
    return isinstance(error, PyMongoError) and error.has_error_label("TransientTransactionError")


def in_transaction(client: Client, work: Callable[[ClientSession], Result]) -> Result:
    """Run `work(session)` in one snapshot transaction and commit it.

    A conflict with another transaction runs `work` again, from a fresh snapshot, after a random wait that
    grows (AWS, "Exponential backoff and jitter"), for at most a minute; `work` must therefore have no effect
    outside of the session. Any other error leaves nothing behind and is raised.
    """

    @retry(
        retry=retry_if_exception(_is_transient),
        wait=wait_random_exponential(multiplier=0.01, max=1.0),
        stop=stop_after_delay(RETRY_SECONDS),
        reraise=True,
    )
    def attempt() -> Result:
        with (
            client.start_session() as session,
            session.start_transaction(
                read_concern=ReadConcern("snapshot"),
                write_concern=WriteConcern("majority", j=True),
                read_preference=ReadPreference.PRIMARY,
            ),
        ):
            return work(session)

    return attempt()


def database(client: Client, settings: MongoSettings | None = None) -> Database[Document]:
    """The database that holds every collection of Lethe."""
    return client[(settings or MongoSettings()).database]
