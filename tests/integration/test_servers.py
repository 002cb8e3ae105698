"""The three servers as they really run: who gets in at all; what each role may do is in test_rights.py."""

import socket
import ssl

import pytest
from cassandra import Unauthorized
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from lethe.settings import CassandraSettings, Paths, Ports
from lethe.stores import cassandra
from lethe.stores.kafka import client_settings
from lethe.stream import fence

pytestmark = pytest.mark.usefixtures("stack")

SUBJECT = "0" * 64
SECONDS = 20.0


def test_a_topic_is_not_made_by_writing_to_it() -> None:
    outcome: list[KafkaError | None] = []
    settings = {**client_settings("producer"), "message.timeout.ms": int(SECONDS * 1000), "log_level": 0}
    producer = Producer(settings)
    producer.produce("not_a_topic", value=b"", on_delivery=lambda error, _: outcome.append(error))
    producer.flush(SECONDS)
    assert outcome[0] is not None


def test_kafka_refuses_a_wrong_password() -> None:
    settings = {**client_settings("producer"), "sasl.password": "wrong", "log_level": 0}
    failures: list[KafkaError] = []
    consumer = Consumer({**settings, "group.id": "lethe-test", "error_cb": failures.append})
    with pytest.raises(KafkaException):
        consumer.list_topics(timeout=3)
    consumer.close()
    assert KafkaError._AUTHENTICATION in {failure.code() for failure in failures}


def test_the_fence_makes_a_writer_and_shuts_it_out() -> None:
    session = cassandra.connect("fence")
    number = 900_000_000
    try:
        password = fence.admit(session, number)
        writer = cassandra.connect(fence.role_of(number), password=password)
        for probe in fence.PROBES:
            writer.execute(probe)
        assert fence.role_of(number) in fence.shut_out(session, number + 1, CassandraSettings(), Paths())
        with pytest.raises(Unauthorized):
            writer.execute(fence.PROBES[1])
        writer.cluster.shutdown()
    finally:
        session.cluster.shutdown()


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
