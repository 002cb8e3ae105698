"""The servers tell who logged in, who failed to, and what was refused; and keep nothing that somebody typed."""

import json
import stat
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from cassandra import Unauthorized
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster, NoHostAvailable
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from lethe.settings import Ports
from lethe.stack.program import log_file
from lethe.stores import cassandra, mongodb
from tests.integration.live import LiveStack, wait_until

pytestmark = pytest.mark.usefixtures("stack")


def audit(stack: LiveStack) -> str:
    return log_file(stack.paths, "cassandra-audit").read_text()


def told(stack: LiveStack, *words: str) -> None:
    """Wait for a line with all these words in the audit log."""

    def lines() -> bool:
        return any(all(word in line for word in words) for line in audit(stack).splitlines())

    wait_until(lines, f"a line with {words}", seconds=20)


def fail_to_log_in(user: str, password: str) -> None:
    provider = PlainTextAuthProvider(user, password)
    cluster = Cluster(["127.0.0.1"], port=Ports()["cassandra"], auth_provider=provider, protocol_version=5)
    try:
        with pytest.raises(NoHostAvailable):
            cluster.connect()
    finally:
        cluster.shutdown()


def test_cassandra_tells_who_logged_in_and_who_of_ours_failed_to(stack: LiveStack) -> None:
    session = cassandra.connect("analyst")
    session.cluster.shutdown()
    told(stack, "user:analyst", "LOGIN_SUCCESS")
    fail_to_log_in("analyst", "wrong")
    told(stack, "LOGIN_ERROR", "Provided username analyst and/or password **")


def test_cassandra_keeps_no_name_that_is_nobody_s(stack: LiveStack) -> None:
    typed = str(uuid.uuid4())
    before = audit(stack).count("name left out")
    fail_to_log_in(typed, "wrong")
    wait_until(lambda: audit(stack).count("name left out") > before, "the failed login")
    assert typed not in audit(stack)
    assert typed not in log_file(stack.paths, "cassandra").read_text()


def test_cassandra_tells_what_was_refused_without_its_values(stack: LiveStack) -> None:
    typed = str(uuid.uuid4())
    with pytest.raises(Unauthorized):
        stack.cassandra("auditor").execute("DELETE FROM profiles WHERE subject_id = %s", (typed,))
    told(stack, "user:auditor", "UNAUTHORIZED_ATTEMPT", "ks:lethe", "operation:DELETE FROM")
    with pytest.raises(Unauthorized):
        stack.cassandra("analyst").execute("SELECT salted_hash FROM system_auth.roles")
    told(stack, "user:analyst", "UNAUTHORIZED_ATTEMPT", "operation:SELECT")
    assert typed not in audit(stack)


def test_cassandra_tells_of_schema_and_rights_without_passwords(stack: LiveStack) -> None:
    name, password = f"tried_{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
    admin = stack.cassandra("admin")
    admin.execute(f"CREATE ROLE {name} WITH PASSWORD = '{password}'")
    admin.execute(f"GRANT SELECT ON TABLE lethe.profiles TO {name}")
    admin.execute(f"DROP ROLE {name}")
    admin.execute(f"CREATE TABLE lethe.{name} (x text PRIMARY KEY)")
    admin.execute(f"DROP TABLE lethe.{name}")
    for kind in ("CREATE_ROLE", "GRANT", "DROP_ROLE", "CREATE_TABLE", "DROP_TABLE"):
        told(stack, "user:admin", f"type:{kind}", name)
    assert password not in audit(stack)


def test_cassandra_does_not_log_reads_and_writes(stack: LiveStack) -> None:
    stack.cassandra("auditor").execute("SELECT event_time FROM profiles LIMIT 1")
    assert "type:SELECT" not in audit(stack)
    assert "category:DML" not in audit(stack)


@pytest.mark.parametrize("name", ["cassandra-audit", "mongodb"])
def test_the_logs_are_their_owner_s_alone(stack: LiveStack, name: str) -> None:
    assert stat.S_IMODE(log_file(stack.paths, name).stat().st_mode) == 0o600


@pytest.fixture
def mongod_log(stack: LiveStack) -> Callable[[], list[dict[str, Any]]]:
    """What mongod has said since the test began."""
    file = log_file(stack.paths, "mongodb")
    start = file.stat().st_size

    def lines() -> list[dict[str, Any]]:
        with file.open("rb") as log:
            log.seek(start)
            found = []
            for line in log.read().splitlines():
                with suppress(ValueError):  # the last one may not be whole yet
                    found.append(json.loads(line))
            return found

    return lines


def access(lines: list[dict[str, Any]], **held: object) -> bool:
    return any(line.get("c") == "ACCESS" and held.items() <= line.get("attr", {}).items() for line in lines)


def test_mongodb_tells_who_logged_in(
    stack: LiveStack, mongod_log: Callable[[], list[dict[str, Any]]]
) -> None:
    with mongodb.connect("analyst") as client:
        mongodb.database(client).average_age.find_one()
    who = wait_until(
        lambda: access(mongod_log(), principalName="analyst") or access(mongod_log(), user="analyst"),
        "the login",
        seconds=20,
    )
    assert who


def test_mongodb_keeps_no_name_that_is_nobody_s(
    stack: LiveStack, mongod_log: Callable[[], list[dict[str, Any]]]
) -> None:
    typed = str(uuid.uuid4())
    client: MongoClient[dict[str, Any]] = MongoClient(
        "127.0.0.1",
        Ports()["mongodb"],
        directConnection=True,
        username=typed,
        password="wrong",
        authSource="lethe",
    )
    with client, pytest.raises(OperationFailure):
        client.lethe.contributions.find_one()
    wait_until(
        lambda: access(mongod_log(), principalName="left out") or access(mongod_log(), user="left out"),
        "the failed login",
        seconds=20,
    )
    assert typed not in log_file(stack.paths, "mongodb").read_text()


def test_mongodb_tells_what_was_refused_without_its_values(
    stack: LiveStack, mongod_log: Callable[[], list[dict[str, Any]]]
) -> None:
    typed = str(uuid.uuid4())
    with pytest.raises(OperationFailure):
        stack.db("analyst").contributions.find_one({"_id": typed})
    wait_until(
        lambda: access(mongod_log(), command="find", collection="contributions"), "the refusal", seconds=20
    )
    assert typed not in log_file(stack.paths, "mongodb").read_text()
