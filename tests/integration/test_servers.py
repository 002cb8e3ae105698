"""The three servers as they really run: who gets in, what each role may do, and what each is refused."""

import socket
import ssl
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from cassandra import AuthenticationFailed, Unauthorized
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster, NoHostAvailable, Session
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from lethe.errors import StoreError
from lethe.settings import CassandraSettings, Paths, Ports
from lethe.stores import cassandra, mongodb
from lethe.stores.kafka import client_settings
from lethe.stream import fence

pytestmark = pytest.mark.usefixtures("stack")

SUBJECT = "0" * 64
SECONDS = 20.0


def send(role: str, topic: str = "user_profiles") -> KafkaError | None:
    """Produce one of Lethe's control records; the error that the broker answers with."""
    outcome: list[KafkaError | None] = []
    producer = Producer({**client_settings(role), "message.timeout.ms": int(SECONDS * 1000), "log_level": 0})
    producer.produce(
        topic,
        key=str(uuid.uuid4()),
        value=None,
        headers=[("lethe", b"control")],
        on_delivery=lambda error, _: outcome.append(error),
    )
    producer.flush(SECONDS)
    return outcome[0]


def read(role: str) -> KafkaError | None:
    """Fetch from the first partition's start; the error instead of a record or the partition's end."""
    consumer = Consumer(
        {**client_settings(role), "group.id": f"lethe-{role}", "enable.partition.eof": True, "log_level": 0}
    )
    try:
        consumer.assign([TopicPartition("user_profiles", 0, 0)])
        for message in iter(lambda: consumer.poll(SECONDS), None):
            error = message.error()
            if error is None or error.code() == KafkaError._PARTITION_EOF:
                return None
            if error.code() != KafkaError.GROUP_AUTHORIZATION_FAILED:  # reading by offset needs no group
                return error
    finally:
        consumer.close()
    raise AssertionError("Kafka did not answer")


@pytest.mark.parametrize("role", ["producer", "eraser"])
def test_who_writes_to_the_topics_may(role: str) -> None:
    assert send(role) is None
    assert send(role, "user_consents") is None


@pytest.mark.parametrize("role", ["stream", "auditor"])
def test_who_only_reads_the_topics_cannot_write(role: str) -> None:
    error = send(role)
    assert error is not None
    assert error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


@pytest.mark.parametrize("role", ["stream", "auditor", "eraser"])
def test_who_reads_the_topics_may(role: str) -> None:
    assert read(role) is None


def test_a_producer_cannot_read_what_others_sent() -> None:
    error = read("producer")
    assert error is not None
    assert error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_a_topic_is_not_made_by_writing_to_it() -> None:
    error = send("producer", "not_a_topic")
    assert error is not None


def test_kafka_refuses_a_wrong_password() -> None:
    settings = {**client_settings("producer"), "sasl.password": "wrong", "log_level": 0}
    failures: list[KafkaError] = []
    consumer = Consumer({**settings, "group.id": "lethe-test", "error_cb": failures.append})
    with pytest.raises(KafkaException):
        consumer.list_topics(timeout=3)
    consumer.close()
    assert KafkaError._AUTHENTICATION in {failure.code() for failure in failures}


@pytest.fixture(params=["eraser", "auditor", "operator"])
def reader(request: pytest.FixtureRequest) -> Iterator[Session]:
    session = cassandra.connect(request.param)
    yield session
    session.cluster.shutdown()


def test_every_cassandra_role_reads_profiles(reader: Session) -> None:
    assert cassandra.read_profile(reader, SUBJECT) is None


@pytest.mark.parametrize("role", ["auditor", "operator"])
def test_a_reader_cannot_delete_a_profile(role: str) -> None:
    session = cassandra.connect(role)
    try:
        with pytest.raises(StoreError, match="Unauthorized"):
            cassandra.delete_profile(session, SUBJECT, 1)
    finally:
        session.cluster.shutdown()


def test_the_eraser_deletes_profiles_and_makes_no_table() -> None:
    session = cassandra.connect("eraser")
    try:
        cassandra.delete_profile(session, SUBJECT, 1)
        with pytest.raises(Unauthorized):
            session.execute("CREATE TABLE copies (subject_id text PRIMARY KEY)")
    finally:
        session.cluster.shutdown()


def test_the_fence_makes_a_writer_and_shuts_it_out() -> None:
    session = cassandra.connect("fence")
    number = 900_000_000
    try:
        password = fence.admit(session, number)
        writer = cassandra.connect(fence.role_of(number), password=password)
        writer.execute(fence.PROBE)
        assert fence.role_of(number) in fence.shut_out(session, number + 1, CassandraSettings(), Paths())
        with pytest.raises(Unauthorized):
            writer.execute(fence.PROBE)
        writer.cluster.shutdown()
    finally:
        session.cluster.shutdown()


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER ROLE admin WITH PASSWORD = 'taken'",
        "ALTER ROLE eraser WITH PASSWORD = 'taken'",
        "CREATE ROLE stream_0 WITH SUPERUSER = true",
        "GRANT SELECT ON KEYSPACE system_auth TO fence",
        "DROP TABLE profiles",
    ],
)
def test_the_fence_cannot_do_more(statement: str) -> None:
    session = cassandra.connect("fence")
    try:
        with pytest.raises(Unauthorized):
            session.execute(statement)
    finally:
        session.cluster.shutdown()


@pytest.mark.parametrize(("user", "password"), [("cassandra", "cassandra"), ("eraser", "wrong")])
def test_cassandra_refuses_its_default_superuser_and_wrong_passwords(user: str, password: str) -> None:
    cluster = Cluster(
        ["127.0.0.1"],
        port=Ports()["cassandra"],
        auth_provider=PlainTextAuthProvider(user, password),
        protocol_version=5,
    )
    try:
        with pytest.raises(NoHostAvailable) as refused:
            cluster.connect()
        assert all(isinstance(error, AuthenticationFailed) for error in refused.value.errors.values())
    finally:
        cluster.shutdown()


def test_a_node_without_the_certificate_is_not_let_in() -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    port = Ports()["cassandra_internode"]
    with (
        socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as raw,
        context.wrap_socket(raw) as connection,
        pytest.raises(ssl.SSLError, match=r"CERTIFICATE_REQUIRED|certificate required"),
    ):
        connection.recv(1)  # in TLS 1.3 the refusal comes with the first read


def test_cassandra_without_tls_between_nodes_gets_no_answer() -> None:
    with socket.create_connection(("127.0.0.1", Ports()["cassandra_internode"]), timeout=SECONDS) as raw:
        raw.sendall(
            b"\xca\x55\x2d\xfa" + bytes(16)
        )  # how a node without TLS begins (its protocol's magic number)
        assert raw.recv(64) == b""


def act(collection: Collection[dict[str, Any]], action: str) -> None:
    """One action that changes nothing of anybody's."""
    match action:
        case "find":
            collection.find_one({"_id": "nobody"})
        case "update":
            collection.update_one({"_id": "nobody"}, {"$set": {"x": 1}})
        case "remove":
            collection.delete_one({"_id": "nobody"})


@pytest.mark.parametrize(
    ("role", "collection", "action"),
    [
        ("stream", "contributions", "update"),
        ("stream", "aggregate_shards", "update"),
        ("stream", "lease", "update"),
        ("stream", "suppression", "find"),
        ("stream", "stream_health", "update"),
        ("fence", "lease", "update"),
        ("fence", "stream_health", "find"),
        ("eraser", "contributions", "remove"),
        ("eraser", "suppression", "update"),
        ("eraser", "counters", "update"),
        ("eraser", "erasures", "update"),
        ("eraser", "stream_health", "find"),
        ("auditor", "contributions", "find"),
        ("auditor", "lease", "find"),
        ("publisher", "users_by_nationality", "find"),
        ("publisher", "average_age", "find"),
        ("publisher", "published_average_age", "update"),
        ("dashboard", "published_users_by_nationality", "find"),
        ("dashboard", "stream_health", "find"),
        ("operator", "users_by_nationality", "find"),
        ("operator", "quarantine", "find"),
        ("supervision", "stream_health", "update"),
        ("quarantine", "quarantine", "find"),
        ("quarantine", "quarantine", "remove"),
    ],
)
def test_a_mongodb_role_may(role: str, collection: str, action: str) -> None:
    with mongodb.connect(role) as client:
        act(mongodb.database(client)[collection], action)


@pytest.mark.parametrize(
    ("role", "collection", "action"),
    [
        ("stream", "suppression", "update"),
        ("stream", "erasures", "find"),
        ("stream", "lease", "remove"),
        ("stream", "published_average_age", "find"),
        ("fence", "contributions", "find"),
        ("fence", "lease", "remove"),
        ("eraser", "published_average_age", "update"),
        ("eraser", "stream_health", "update"),
        ("auditor", "contributions", "update"),
        ("auditor", "lease", "update"),
        ("publisher", "contributions", "find"),
        ("publisher", "aggregate_shards", "update"),
        ("dashboard", "users_by_nationality", "find"),
        ("dashboard", "aggregate_shards", "find"),
        ("dashboard", "contributions", "find"),
        ("dashboard", "published_average_age", "update"),
        ("supervision", "contributions", "find"),
        ("quarantine", "quarantine", "update"),
        ("quarantine", "contributions", "find"),
        ("quarantine", "erasures", "find"),
        *(("quarantine", "access_log", action) for action in ("find", "update", "remove")),
        *((role, "access_log", "update") for role in ("stream", "eraser", "auditor", "operator")),
        *((role, "access_log", "remove") for role in ("stream", "eraser", "auditor", "operator")),
        ("operator", "contributions", "update"),
        ("operator", "stream_health", "update"),
        ("operator", "suppression", "remove"),
    ],
)
def test_a_mongodb_role_is_refused(role: str, collection: str, action: str) -> None:
    with mongodb.connect(role) as client, pytest.raises(OperationFailure) as refused:
        act(mongodb.database(client)[collection], action)
    assert refused.value.code == 13  # Unauthorized


def test_mongodb_answers_nothing_to_who_has_not_logged_in() -> None:
    with (
        MongoClient("127.0.0.1", Ports()["mongodb"], directConnection=True) as client,
        pytest.raises(OperationFailure) as refused,
    ):
        client.lethe.contributions.find_one()
    assert refused.value.code == 13


def test_mongodb_does_not_speak_zlib() -> None:
    with MongoClient("127.0.0.1", Ports()["mongodb"], directConnection=True) as client:
        hello = client.admin.command("hello", compression=["zlib", "snappy", "zstd"])
    assert set(hello.get("compression", [])) == {"snappy", "zstd"}
