"""The stores as Airflow's connections: the providers' hooks make the sessions, the domain gets only those."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from airflow.providers.apache.cassandra.hooks.cassandra import CassandraHook
from airflow.providers.mongo.hooks.mongo import MongoHook
from airflow.sdk import BaseHook
from cassandra import ConsistencyLevel
from cassandra.cluster import Session
from pymongo.database import Database

from lethe.requests import case_store
from lethe.requests.cases import Case
from lethe.requests.record import Erasure
from lethe.stores.kafka import end_offsets
from lethe.stores.mongodb import Client, Document, database
from lethe.stores.suppression import Ends

ERASER = "eraser"
AUDITOR = "auditor"
SUPERVISION = "supervision"
ROTATOR = "rotator"
INTAKE = "intake"

_CASSANDRA = {ERASER: "lethe_cassandra", AUDITOR: "lethe_cassandra_auditor"}
_MONGO = {
    ERASER: "lethe_mongo",
    AUDITOR: "lethe_mongo_auditor",
    SUPERVISION: "lethe_mongo_supervision",
    ROTATOR: "lethe_mongo_rotator",
    INTAKE: "lethe_mongo_intake",
}


@contextmanager
def cassandra_session(role: str = ERASER) -> Iterator[Session]:
    """A session of its own, closed at the end; reads and writes are of a quorum."""
    hook = CassandraHook(_CASSANDRA[role])
    try:
        session = hook.get_conn()
        session.default_consistency_level = ConsistencyLevel.LOCAL_QUORUM
        yield session
    finally:
        hook.shutdown_cluster()


@contextmanager
def mongo_client(role: str = ERASER) -> Iterator[Client]:
    """A client of its own, closed at the end."""
    with MongoHook(_MONGO[role]) as hook:
        yield hook.get_conn()


def kafka_config() -> dict[str, Any]:
    """librdkafka's settings of the eraser."""
    config: dict[str, Any] = BaseHook.get_connection("lethe_kafka").extra_dejson
    return config


def topic_ends() -> Ends:
    """The end offsets of our topics now."""
    return end_offsets(kafka_config())


@contextmanager
def auditor() -> Iterator[tuple[Session, Database[Document]]]:
    """Connections that can only read, and that no other step uses."""
    with cassandra_session(AUDITOR) as session, mongo_client(AUDITOR) as client:
        yield session, database(client)


@contextmanager
def erasure(case_id: str) -> Iterator[tuple[Erasure, Case]]:
    """The erasure that a case asks for, and the case."""
    with mongo_client() as client:
        case = case_store.load(database(client), case_id)
        yield Erasure(client, database(client), case_id, case.subject_id), case
