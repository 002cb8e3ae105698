"""Every cell of the tables of rights, on the running servers: what is a no is tried, and refused by the server.

The cases are made from what the code grants (`lethe.stack.rights_tables`), as are the tables in docs/security.md.
"""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from cassandra import Unauthorized
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster, Session
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from pymongo.errors import OperationFailure

from lethe.register.load import load
from lethe.register.masks import shown_columns
from lethe.register.schema import cassandra_columns
from lethe.settings import CassandraSettings, MongoSettings, Ports
from lethe.stack import rights_tables
from lethe.stack.provision import kafka, mongodb_rights
from lethe.stack.rights_tables import LEASE_ROLE, Right
from lethe.stores import cassandra
from lethe.stores.kafka import TOPICS, client_settings
from lethe.stores.mongodb import Document
from lethe.stream import fence
from tests.integration.live import LiveStack, assert_lets_nobody_in

pytestmark = pytest.mark.usefixtures("stack")

KEYSPACE = CassandraSettings.model_fields["keyspace"].default
DATABASE = MongoSettings.model_fields["database"].default
NOBODY = "nobody"
UNAUTHORIZED = 13
SECONDS = 20.0
LEASE = 900_000_001


def named(case: Any) -> str:
    return "-".join(case) if isinstance(case, tuple) else str(case)


def send(role: str, topic: str) -> KafkaError | None:
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


def read(role: str, topic: str) -> KafkaError | None:
    """Fetch from the first partition's start; the error instead of a record or the partition's end."""
    consumer = Consumer(
        {**client_settings(role), "group.id": f"lethe-{role}", "enable.partition.eof": True, "log_level": 0}
    )
    try:
        consumer.assign([TopicPartition(topic, 0, 0)])
        for message in iter(lambda: consumer.poll(SECONDS), None):
            error = message.error()
            if error is None or error.code() == KafkaError._PARTITION_EOF:
                return None
            if error.code() != KafkaError.GROUP_AUTHORIZATION_FAILED:  # reading by offset needs no group
                return error
    finally:
        consumer.close()
    raise AssertionError("Kafka did not answer")


@pytest.mark.parametrize(
    ("role", "topic"),
    [(role, topic) for role, held in kafka.ON_TOPICS.items() if kafka.WRITE in held for topic in TOPICS],
)
def test_kafka_lets_who_may_write(role: str, topic: str) -> None:
    assert send(role, topic) is None


@pytest.mark.parametrize(
    ("role", "topic"),
    [(role, topic) for role, held in kafka.ON_TOPICS.items() if kafka.READ in held for topic in TOPICS],
)
def test_kafka_lets_who_may_read(role: str, topic: str) -> None:
    assert read(role, topic) is None


@pytest.mark.parametrize("right", rights_tables.refused_by_kafka(), ids=named)
def test_kafka_refuses(right: Right) -> None:
    error = (send if right.action == "WRITE" else read)(right.role, right.resource)
    assert error is not None
    assert error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


@pytest.mark.parametrize(
    ("role", "group"),
    [
        (role, f"{prefix}-tried")
        for role in kafka.ON_TOPICS
        for owner, prefix in kafka.ON_GROUPS.items()
        if owner != role
    ],
)
def test_kafka_refuses_another_users_group(role: str, group: str) -> None:
    consumer = Consumer({**client_settings(role), "group.id": group, "log_level": 0})
    try:
        consumer.subscribe(list(TOPICS))
        message = consumer.poll(SECONDS)
        assert message is not None
        error = message.error()
        assert error is not None
        assert error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED
    finally:
        consumer.close()


@pytest.fixture(scope="module")
def lease(stack: LiveStack) -> Iterator[Session]:
    """A session as the role of a lease."""
    maker = stack.cassandra("fence")
    session = cassandra.connect(fence.role_of(LEASE), password=fence.admit(maker, LEASE))
    try:
        yield session
    finally:
        session.cluster.shutdown()
        fence.withdraw(maker, LEASE)


def as_role(stack: LiveStack, role: str, lease: Session) -> Session:
    return lease if role == LEASE_ROLE else stack.cassandra(role)


PROFILES, CONSENTS, INDEX = (f"{KEYSPACE}.{table}" for table in cassandra.TABLES)
# How each right is used, by the last part of the resource; {other} is a role that is not the one that tries.
TRIES = {
    ("profiles", "SELECT"): f"SELECT event_time FROM {PROFILES} LIMIT 1",  # noqa: S608
    ("profiles", "MODIFY"): f"DELETE FROM {PROFILES} USING TIMESTAMP 1 WHERE subject_id = 'nobody'",  # noqa: S608
    ("profiles", "UNMASK"): f"SELECT event_time FROM {PROFILES} WHERE subject_id = 'nobody'",  # noqa: S608
    ("profiles", "AUTHORIZE"): f"GRANT SELECT ON TABLE {PROFILES} TO auditor",
    ("profiles", "ALTER"): f"ALTER TABLE {PROFILES} ADD tried text",
    ("profiles", "DROP"): f"DROP TABLE {PROFILES}",
    ("consents", "SELECT"): f"SELECT at FROM {CONSENTS} LIMIT 1",  # noqa: S608
    ("consents", "MODIFY"): f"DELETE FROM {CONSENTS} USING TIMESTAMP 1 WHERE subject_id = 'nobody'",  # noqa: S608
    ("consents", "AUTHORIZE"): f"GRANT SELECT ON TABLE {CONSENTS} TO auditor",
    ("consents", "ALTER"): f"ALTER TABLE {CONSENTS} ADD tried text",
    ("consents", "DROP"): f"DROP TABLE {CONSENTS}",
    ("email_index", "SELECT"): f"SELECT subject_id FROM {INDEX} LIMIT 1",  # noqa: S608
    ("email_index", "SELECT_MASKED"): f"SELECT subject_id FROM {INDEX} WHERE mac = 'none'",  # noqa: S608
    ("email_index", "MODIFY"): f"DELETE FROM {INDEX} USING TIMESTAMP 1 WHERE subject_id = 'nobody'",  # noqa: S608
    ("email_index", "AUTHORIZE"): f"GRANT SELECT ON TABLE {INDEX} TO auditor",
    ("email_index", "ALTER"): f"ALTER TABLE {INDEX} ADD tried text",
    ("email_index", "DROP"): f"DROP TABLE {INDEX}",
    (KEYSPACE, "CREATE"): f"CREATE TABLE {KEYSPACE}.tried (x text PRIMARY KEY)",
    (KEYSPACE, "ALTER"): f"ALTER KEYSPACE {KEYSPACE} WITH durable_writes = true",
    (KEYSPACE, "DROP"): f"DROP KEYSPACE {KEYSPACE}",
    ("roles", "CREATE"): "CREATE ROLE tried",
    ("roles", "ALTER"): "ALTER ROLE {other} WITH PASSWORD = 'taken'",
    ("roles", "DROP"): "DROP ROLE {other}",
    ("roles", "AUTHORIZE"): "GRANT {other} TO operator",
    ("roles", "DESCRIBE"): "LIST ROLES OF {other}",
    ("system_auth", "SELECT"): "SELECT salted_hash FROM system_auth.roles LIMIT 1",
    ("system_auth", "MODIFY"): "INSERT INTO system_auth.roles (role, can_login) VALUES ('tried', true)",
}


@pytest.mark.parametrize("right", rights_tables.refused_by_cassandra(KEYSPACE), ids=named)
def test_cassandra_refuses(stack: LiveStack, lease: Session, right: Right) -> None:
    other = "eraser" if right.role != "eraser" else "auditor"
    statement = TRIES[right.resource.rpartition("/")[2], right.action].format(other=other)
    with pytest.raises(Unauthorized):
        as_role(stack, right.role, lease).execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER ROLE admin WITH PASSWORD = 'taken'",
        "CREATE ROLE stream_0 WITH SUPERUSER = true",
        "GRANT SELECT ON KEYSPACE system_auth TO fence",
    ],
)
def test_the_fence_makes_no_role_stronger_than_a_lease(stack: LiveStack, statement: str) -> None:
    with pytest.raises(Unauthorized):
        stack.cassandra("fence").execute(statement)


@pytest.mark.parametrize(
    "role", [role for role in rights_tables.cassandra_rights(KEYSPACE) if role != "analyst"]
)
def test_cassandra_lets_a_role_ask_for_a_person(stack: LiveStack, lease: Session, role: str) -> None:
    assert cassandra.read_profile(as_role(stack, role, lease), NOBODY) is None


@pytest.mark.parametrize("role", [LEASE_ROLE, "eraser"])
def test_cassandra_lets_who_may_delete(stack: LiveStack, lease: Session, role: str) -> None:
    cassandra.delete_subject(as_role(stack, role, lease), NOBODY, 1)


@pytest.fixture
def person(stack: LiveStack) -> Iterator[str]:
    """A row with something in every column; its region is known to this test alone."""
    values = {
        "text": f"'{uuid.uuid4()}'",
        "blob": "0xabcdef",
        "map<text, text>": "{'analytics': '2026-01'}",
        "timestamp": "1700000000000",
    }
    columns = cassandra_columns(load())
    region = str(uuid.uuid4())
    row = {name: values.get(kind, "7") for name, kind in columns.items()} | {"region": f"'{region}'"}
    names, held = ", ".join(row), ", ".join(row.values())
    eraser = stack.cassandra("eraser")
    eraser.execute(f"INSERT INTO {PROFILES} ({names}) VALUES ({held}) USING TIMESTAMP 1")  # noqa: S608
    yield region
    cassandra.delete_subject(eraser, row["subject_id"].strip("'"), 2)


def rows_of(stack: LiveStack, role: str, region: str) -> list[Any]:
    statement = f"SELECT * FROM {PROFILES} WHERE region = %s ALLOW FILTERING"  # noqa: S608
    return list(stack.cassandra(role).execute(statement, (region,)))


@pytest.mark.parametrize("role", ["auditor", "scanner", "operator", "eraser"])
def test_who_may_unmask_sees_every_column(stack: LiveStack, person: str, role: str) -> None:
    (row,) = rows_of(stack, role, person)
    assert [name for name, value in row._asdict().items() if value is None] == []


def test_an_analyst_sees_figures_and_nothing_else(stack: LiveStack, person: str) -> None:
    (row,) = rows_of(stack, "analyst", person)
    assert {name for name, value in row._asdict().items() if value is not None} == shown_columns(load())


@pytest.mark.parametrize(
    "what",
    ["JSON *", "JSON birth_month, sealed", "to_json(sealed) AS a, to_json(birth_month) AS b, subject_id"],
)
def test_a_mask_holds_for_what_is_made_of_a_column_too(stack: LiveStack, person: str, what: str) -> None:
    statement = f"SELECT {what} FROM {PROFILES} WHERE region = %s ALLOW FILTERING"  # noqa: S608

    def said(role: str) -> str:
        return json.dumps([list(row) for row in stack.cassandra(role).execute(statement, (person,))])

    assert "abcdef" in said("auditor")
    assert "abcdef" not in said("analyst")


@pytest.mark.parametrize(
    "condition",
    ["subject_id = 'nobody'", "subject_id IN ('nobody')", "token(subject_id) > 0", "birth_month = '1990-01'"],
)
def test_an_analyst_cannot_ask_by_a_masked_column(stack: LiveStack, condition: str) -> None:
    with pytest.raises(Unauthorized):
        stack.cassandra("analyst").execute(f"SELECT region FROM {PROFILES} WHERE {condition} ALLOW FILTERING")  # noqa: S608


@pytest.mark.parametrize(("user", "password"), [("cassandra", "cassandra"), ("eraser", "wrong")])
def test_cassandra_refuses_its_default_superuser_and_wrong_passwords(user: str, password: str) -> None:
    cluster = Cluster(
        ["127.0.0.1"],
        port=Ports()["cassandra"],
        auth_provider=PlainTextAuthProvider(user, password),
        protocol_version=5,
    )
    assert_lets_nobody_in(cluster)


def act(stack: LiveStack, right: Right) -> None:
    """One action that changes nothing of anybody's."""
    collection = stack.db(right.role)[right.resource]
    match right.action:
        case "find":
            collection.find_one({"_id": NOBODY})
        case "insert":
            collection.insert_one({"_id": NOBODY})
        case "update":
            collection.update_one({"_id": NOBODY}, {"$set": {"x": 1}})
        case "remove":
            collection.delete_one({"_id": NOBODY})


@pytest.mark.parametrize(
    "right",
    [
        Right(role, name, action)
        for role, held in mongodb_rights.RIGHTS.items()
        for name, actions in held.items()
        for action in actions
        if action != "insert"  # which would leave something
    ],
    ids=named,
)
def test_mongodb_lets(stack: LiveStack, right: Right) -> None:
    act(stack, right)


@pytest.mark.parametrize("right", rights_tables.refused_by_mongodb(), ids=named)
def test_mongodb_refuses(stack: LiveStack, right: Right) -> None:
    with pytest.raises(OperationFailure) as refused:
        act(stack, right)
    assert refused.value.code == UNAUTHORIZED


ELSEWHERE: dict[str, tuple[str, Document]] = {
    "passwords": ("admin", {"find": "system.users", "limit": 1}),
    "the oplog": ("local", {"find": "oplog.rs", "limit": 1}),
    "users": (DATABASE, {"usersInfo": 1}),
    "more rights": (DATABASE, {"grantRolesToUser": "dashboard", "roles": ["operator"]}),
    "a collection": (DATABASE, {"create": "tried"}),
    "a drop": (DATABASE, {"drop": "stream_health"}),
    "a validator": (DATABASE, {"collMod": "contributions", "validator": {}}),
    "the log": ("admin", {"getLog": "global"}),
    "the end": ("admin", {"shutdown": 1}),
}


@pytest.mark.parametrize("what", ELSEWHERE)
@pytest.mark.parametrize("role", mongodb_rights.RIGHTS)
def test_mongodb_refuses_what_is_nobodys(stack: LiveStack, role: str, what: str) -> None:
    database, command = ELSEWHERE[what]
    with pytest.raises(OperationFailure) as refused:
        stack.mongo(role)[database].command(command)
    assert refused.value.code == UNAUTHORIZED


@pytest.mark.parametrize(
    "role", [name for name in mongodb_rights.RIGHTS if name not in mongodb_rights.BROWSES]
)
def test_mongodb_tells_what_collections_there_are_to_nobody_else(stack: LiveStack, role: str) -> None:
    with pytest.raises(OperationFailure) as refused:
        stack.db(role).command("listCollections")
    assert refused.value.code == UNAUTHORIZED


def test_the_scanner_reads_what_nobody_has_declared(stack: LiveStack) -> None:
    stack.db("admin").undeclared.insert_one({"_id": NOBODY})
    try:
        assert "undeclared" in stack.db("scanner").list_collection_names()
        assert stack.db("scanner").undeclared.find_one() == {"_id": NOBODY}
        with pytest.raises(OperationFailure):
            stack.db("auditor").undeclared.find_one()
    finally:
        stack.db("admin").undeclared.drop()
