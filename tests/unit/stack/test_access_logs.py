"""What the servers' logs of access keep, and what people typed that they leave out."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lethe.stack import cassandra_audit, credentials, mongod_log
from lethe.stack.cassandra_audit import LEFT_OUT
from lethe.stack.provision import cassandra, mongodb_rights
from tests.dashboard.servers import wait_until

HEAD = "user:null|host:127.0.0.1:1|source:/127.0.0.1|port:4|timestamp:1|"
FAILED = f"{HEAD}type:LOGIN_ERROR|category:AUTH|operation:LOGIN FAILURE; "
REFUSED = f"{HEAD}type:UNAUTHORIZED_ATTEMPT|category:AUTH|ks:lethe|scope:profiles|operation:"
TYPED = ("eve@mail.example", "5f2b9e0c-7d1a-4c3e-9b8f-0a1b2c3d4e5f", "hunter2", "admins", "stream_1x", "")


def audited(message: str) -> str:
    """A message as logback writes it: Java's expressions and replacements mean the same to Python but for `$1`."""
    for pattern, replacement in LEFT_OUT:
        message = re.sub(pattern, replacement.replace("$1", r"\1"), message)
    return message


@pytest.mark.parametrize("name", ["admin", "analyst", "fence", "stream_12"])
def test_cassandra_says_which_role_of_ours_failed_to_log_in(name: str) -> None:
    message = f"{FAILED}Provided username {name} and/or password *******"
    assert audited(message) == message


@pytest.mark.parametrize("name", [*TYPED, "admin\nhunter2", "x and/or password *******\nadmin"])
def test_cassandra_keeps_no_other_name_that_was_typed(name: str) -> None:
    told = audited(f"{FAILED}Provided username {name} and/or password *******")
    assert told == f"{FAILED}name left out"


@pytest.mark.parametrize(
    ("statement", "kept"),
    [
        ("SELECT * FROM profiles WHERE subject_id = 'eve'", "SELECT"),
        ("DELETE FROM profiles WHERE subject_id = 'eve'", "DELETE FROM"),
        ("ALTER ROLE x WITH PASSWORD = 'eve'\nAND LOGIN = true", "ALTER ROLE"),
    ],
)
def test_cassandra_keeps_of_a_refused_statement_its_first_words(statement: str, kept: str) -> None:
    assert audited(f"{REFUSED}{statement}; User x has no SELECT permission") == f"{REFUSED}{kept}"


def test_a_line_of_cassandras_stays_one_line() -> None:
    assert "\n" not in audited(f"{HEAD}type:CREATE_ROLE|category:DCL|operation:CREATE ROLE 'a\nb'")


def test_every_role_of_ours_is_known_by_name_to_both_logs() -> None:
    assert set(credentials.CASSANDRA_ROLES) == set(cassandra.rights("lethe"))
    assert set(credentials.MONGO_ROLES) == {"admin", *mongodb_rights.RIGHTS}


def test_cassandra_logs_no_reads_and_no_writes() -> None:
    assert not {"QUERY", "DML", "PREPARE"} & set(cassandra_audit.OPTIONS["included_categories"].split(","))


def line(number: int, attributes: dict[str, Any], component: str = "ACCESS") -> str:
    return json.dumps(
        {"s": "I", "c": component, "id": number, "ctx": "conn8", "msg": "said", "attr": attributes}
    )


def kept(text: str) -> dict[str, Any]:
    told = mongod_log.kept(text, {"admin", "analyst"})
    assert told is not None
    attributes: dict[str, Any] = json.loads(told)["attr"]
    return attributes


@pytest.mark.parametrize("name", TYPED)
def test_mongodb_keeps_no_other_name_that_was_typed(name: str) -> None:
    failed = {
        "principalName": name,
        "authenticationDatabase": name,
        "remote": "127.0.0.1:1",
        "mechanism": "S",
    }
    failed["error"] = f'UserNotFound: Could not find user "{name}" for db "lethe"'
    told = kept(line(20249, failed))
    assert told == {
        "mechanism": "S",
        "remote": "127.0.0.1:1",
        "principalName": "left out",
        "error": "UserNotFound",
    }
    asked = kept(line(20251, {"user": {"user": name, "db": "lethe"}}))
    assert asked == {"user": "left out"}


def test_mongodb_says_which_user_of_ours_logged_in_or_failed_to() -> None:
    assert kept(line(20250, {"principalName": "analyst"})) == {"principalName": "analyst"}
    failed = {"principalName": "admin", "error": "AuthenticationFailed: storedKey mismatch"}
    assert kept(line(20249, failed)) == {"principalName": "admin", "error": "AuthenticationFailed"}


@pytest.mark.parametrize("value", ["eve@mail.example", '"}, x: {', "\\"])
def test_mongodb_keeps_of_a_refused_command_its_name_and_collection(value: str) -> None:
    text = f'not authorized on lethe to execute command {{ find: "contributions", filter: {{ _id: "{value}" }} }}'
    told = kept(line(20436, {"error": {"code": 13, "codeName": "Unauthorized", "errmsg": text}}))
    refused = {"code": 13, "codeName": "Unauthorized", "db": "lethe", "command": "find"}
    assert told == refused | {"collection": "contributions"}


def test_mongodbs_other_lines_pass_and_those_of_connections_do_not() -> None:
    other = line(20320, {"namespace": "lethe.contributions"}, "STORAGE")
    assert mongod_log.kept(other, set()) == other
    assert mongod_log.kept("BadValue: no such option", set()) == "BadValue: no such option"
    assert mongod_log.kept(line(22943, {"remote": "127.0.0.1:1"}, "NETWORK"), set()) is None


PRETENDS = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: (print("ending", flush=True), sys.exit(7)))
print('{"c":"ACCESS","id":20249,"attr":{"principalName":"hunter2"}}', flush=True)
print("up", file=sys.stderr, flush=True)
while True: signal.pause()
"""


def test_the_process_becomes_mongod_and_its_last_words_are_kept(tmp_path: Path) -> None:
    mongod, log = tmp_path / "mongod", tmp_path / "log"
    mongod.write_text(f"#!{sys.executable}\n{PRETENDS}")
    mongod.chmod(0o700)
    command = [sys.executable, "-m", "lethe.stack.mongod_log", "admin", str(mongod), "--config", "x"]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True)
    wait_until(lambda: "up" in log.read_text(), "mongod's first words", 20)
    os.killpg(process.pid, signal.SIGTERM)  # as the supervisor does
    assert process.wait(timeout=20) == 7
    wait_until(lambda: "ending" in log.read_text(), "mongod's last words", 20)
    assert "hunter2" not in log.read_text()
