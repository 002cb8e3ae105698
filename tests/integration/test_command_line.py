"""`lethe` as a user types it, against the running stack."""

import json
import os
import subprocess
import uuid

import httpx
import pytest

from lethe.settings import Ports, secret
from lethe.stack.airflow_api import AirflowApi
from tests.integration.live import LETHE, LiveStack

NEEDED = {
    *("LETHE_KAFKA_BOOTSTRAP", "LETHE_KAFKA_SECURITY_PROTOCOL", "LETHE_KAFKA_SASL_MECHANISM"),
    *("LETHE_KAFKA_SASL_USERNAME", "LETHE_KAFKA_SASL_PASSWORD", "LETHE_MONGO_URI"),
    *(f"LETHE_CASSANDRA_{name}" for name in ("HOST", "PORT", "USERNAME", "PASSWORD", "KEYSPACE")),
    *("LETHE_AIRFLOW_URL", "AIRFLOW_HOME", "LETHE_DASHBOARD_URL"),
}
CLIENT = """
import os
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster
from confluent_kafka import Producer
from pymongo import MongoClient
e = os.environ
login = PlainTextAuthProvider(e["LETHE_CASSANDRA_USERNAME"], e["LETHE_CASSANDRA_PASSWORD"])
cluster = Cluster([e["LETHE_CASSANDRA_HOST"]], port=int(e["LETHE_CASSANDRA_PORT"]), auth_provider=login)
cluster.connect(e["LETHE_CASSANDRA_KEYSPACE"]).execute("SELECT * FROM profiles LIMIT 1")
cluster.shutdown()
list(MongoClient(e["LETHE_MONGO_URI"]).get_default_database().users_by_nationality.find())
told = []
producer = Producer({
    "bootstrap.servers": e["LETHE_KAFKA_BOOTSTRAP"], "security.protocol": e["LETHE_KAFKA_SECURITY_PROTOCOL"],
    "sasl.mechanism": e["LETHE_KAFKA_SASL_MECHANISM"], "sasl.username": e["LETHE_KAFKA_SASL_USERNAME"],
    "sasl.password": e["LETHE_KAFKA_SASL_PASSWORD"],
})
producer.produce("user_profiles", key="k", value=None, headers=[("lethe", b"control")],
                 on_delivery=lambda error, _: told.append(error))
producer.flush(20)
assert told == [None], told
print("reached all three")
"""


def test_env_is_all_that_another_client_needs(stack: LiveStack) -> None:
    python = LETHE.with_name("python")
    script = f'eval "$({LETHE} env)" && exec {python} -W ignore -c "$CLIENT"'
    bare = {name: value for name, value in os.environ.items() if not name.startswith("LETHE_")}
    of_ours = {name: os.environ[name] for name in ("LETHE_HOME", "LETHE_KEYS_DIR", "LETHE_PORT_BASE")}
    ran = subprocess.run(
        ["sh", "-c", script],
        env=bare | of_ours | {"CLIENT": CLIENT},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.stdout.strip() == "reached all three", ran.stderr


def test_env_names_what_it_promises(stack: LiveStack) -> None:
    printed = stack.lethe("env").stdout
    assert {line.split("=")[0].removeprefix("export ") for line in printed.splitlines()} >= NEEDED


def test_status_names_every_program_and_says_by_its_code_that_all_run(stack: LiveStack) -> None:
    told = stack.lethe("status")
    for name in ("mongodb", "kafka", "cassandra", "airflow-scheduler", "stream", "publisher", "dashboard"):
        assert name in told.stdout
    assert "stream: " in told.stdout


def test_airflows_command_line_is_this_installations(stack: LiveStack) -> None:
    printed = stack.lethe("airflow", "dags", "list", "-o", "json").stdout
    listed = json.loads(printed.splitlines()[-1])  # Airflow logs to the same stream
    assert {dag["dag_id"] for dag in listed} >= {"supervise_stream", "erase_subject"}


@pytest.mark.parametrize("user_id", ["", "not-a-uuid", "3f2b8c1e-5a74-4d6b-9e0f-1c2d3e4f5a6", "{}"])
def test_a_malformed_user_id_is_refused_everywhere(stack: LiveStack, user_id: str) -> None:
    ours = stack.lethe("erase", user_id, check=False)
    assert ours.returncode == 1
    assert "Traceback" not in ours.stderr
    assert ours.stderr.startswith("lethe: ")
    assert user_id not in ours.stderr or not user_id
    login = {"username": "controller", "password": secret("airflow-controller")}
    url = f"http://127.0.0.1:{Ports()['airflow']}"
    token = httpx.post(f"{url}/auth/token", json=login).json()["access_token"]
    asked = httpx.post(
        f"{url}/api/v2/dags/erase_subject/dagRuns",
        json={"logical_date": None, "conf": {"user_id": user_id}},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert asked.status_code == 400


def test_airflows_own_command_line_refuses_a_malformed_user_id(stack: LiveStack) -> None:
    conf = json.dumps({"user_id": "not-a-uuid"})
    assert (
        stack.lethe("airflow", "dags", "trigger", "erase_subject", "--conf", conf, check=False).returncode
        != 0
    )


def test_whom_nobody_knows_is_erased_too_and_told_so(stack: LiveStack) -> None:
    told = stack.lethe("erase", str(uuid.uuid4()), "--wait", "--json")
    (erasure,) = json.loads(told.stdout)
    assert erasure["state"] == "success"
    assert erasure["outcome"] == "nothing_held"
    assert set(erasure["found"].values()) == set(erasure["erased"].values()) == {0}
    assert erasure["certificate"] is None
    assert stack.db().erasures.find_one({"_id": erasure["case_id"]})["outcome"] == "nothing_held"
    case = json.loads(stack.lethe("case", "show", erasure["case_id"], "--json").stdout)
    assert (case["kind"], case["state"]) == ("erasure", "nothing_held")


def test_ids_can_come_from_standard_input_and_a_bad_line_stops_all(stack: LiveStack) -> None:
    before = _runs()
    lines = f"{uuid.uuid4()}\n\nnonsense\n"
    refused = stack.lethe("erase", "-", text=lines, check=False)
    assert (refused.returncode, refused.stderr.strip()) == (
        1,
        "lethe: line 3: not a UUID; nothing was requested",
    )
    assert _runs() == before
    accepted = stack.lethe("erase", "-", text=f"{uuid.uuid4()}\n{uuid.uuid4()}\n")
    assert [line.split(":")[0] for line in accepted.stdout.splitlines()] == ["1", "2"]
    assert _runs() == before + 2


def _runs() -> int:
    return int(AirflowApi("controller").get("/dags/erase_subject/dagRuns", {"limit": 1})["total_entries"])


def test_an_unknown_command_or_option_shows_no_traceback(stack: LiveStack) -> None:
    for arguments in (["nonsense"], ["erase"], ["up", "--nonsense"]):
        told = stack.lethe(*arguments, check=False)
        assert told.returncode == 2
        assert "Traceback" not in told.stderr


def test_no_log_tells_whose_erasure_was_asked_for(stack: LiveStack) -> None:
    user_id = str(uuid.uuid4())
    stack.lethe("erase", user_id, "--wait")
    logs = [file for file in stack.paths.logs.rglob("*") if file.is_file()]
    assert any("erase_subject" in str(file) for file in logs), "the tasks' own logs must be among them"
    telling = [
        str(file.relative_to(stack.paths.logs)) for file in logs if user_id.encode() in file.read_bytes()
    ]
    assert telling == []
