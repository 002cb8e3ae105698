"""`erase_subject` as it is used: a case, its run, the certificate; and nothing of who it is about left in Airflow."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from lethe.protection.pseudonym import load_pepper, subject_id
from lethe.requests import case_store
from lethe.requests.case_keys import CaseKeys
from lethe.requests.case_terms import State
from lethe.requests.cases import USER_ID, Case
from lethe.stack.airflow_api import AirflowApi
from tests.integration.live import LiveStack, wait_until
from tests.integration.live_stream import LiveStream
from tests.integration.messages import profile, sendable

DAG = "erase_subject"
ENDED = ("success", "failed")


@pytest.fixture
def person(running: LiveStream) -> str:
    """Somebody whom the stores hold."""
    user_id = str(uuid.uuid4())
    running.send([sendable(profile(user_id))])
    running.check()
    return user_id


def case_of(stack: LiveStack, user_id: str) -> Case:
    (case,) = case_store.find(stack.db("auditor"), subject_id=subject_id(load_pepper(), user_id))
    return case


def run_to_end(stack: LiveStack, run_id: str) -> dict[str, Any]:
    api = AirflowApi("controller", stack.paths)

    def ended() -> Any:
        run = api.get(f"/dags/{DAG}/dagRuns/{run_id}")
        return run if run["state"] in ENDED else None

    found: dict[str, Any] = wait_until(ended, "the run has ended", 240)
    return found


def files_of_airflow_with(stack: LiveStack, text: str) -> list[str]:
    folders = [stack.home / "airflow", stack.paths.logs]
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    assert any(file.name == "airflow.db" for file in files)
    return [file.name for file in files if text.encode() in file.read_bytes()]


def test_an_erasure_ends_in_a_certificate_that_anybody_can_check(
    running: LiveStream, person: str, tmp_path: Path
) -> None:
    stack = running.stack
    (told,) = json.loads(stack.lethe("erase", person, "--wait", "--json").stdout)
    assert (told["state"], told["outcome"]) == ("success", "erased")
    assert told["found"]["cassandra.profiles"] == told["erased"]["cassandra.profiles"] == 1
    public = tmp_path / "public.pem"
    public.write_text(stack.lethe("certificate", "key").stdout)
    verified = stack.lethe("certificate", "verify", told["certificate"], "--key", str(public))
    assert verified.returncode == 0
    document = json.loads(Path(told["certificate"]).read_text())
    assert document["case"]["id"] == told["case_id"]
    states = {level["level"]: level["state"] for level in document["levels"]}
    assert states == {"L1": "reached", "L2": "reached", "L3": "pending", "L4": "pending"}
    text = Path(told["certificate"]).read_text()
    assert person not in text
    assert running.model.subject_id(person) not in text
    case = case_of(stack, person)
    assert (case.case_id, case.state) == (told["case_id"], State.FULFILLED)
    assert CaseKeys(stack.paths).unseal(case.case_id, USER_ID, case.sealed[USER_ID]) == person
    trail = stack.db("auditor").audit_trail
    moves = [each["result"].get("move") for each in trail.find({"case_id": case.case_id}).sort("_id", 1)]
    assert [move for move in moves if move] == ["start", "fulfil", "tombstone"]
    running.check()


@pytest.mark.parametrize("way", ["api", "command line"])
def test_a_user_id_that_is_typed_into_airflow_is_nowhere_in_it_afterwards(
    running: LiveStream, person: str, way: str
) -> None:
    stack = running.stack
    typed = person.upper()
    if way == "api":
        run_id = AirflowApi("controller", stack.paths).trigger(DAG, {"user_id": typed})
    else:
        run_id = f"typed__{uuid.uuid4()}"
        conf = json.dumps({"user_id": typed})
        stack.lethe("airflow", "dags", "trigger", DAG, "--run-id", run_id, "--conf", conf)
    run = run_to_end(stack, run_id)
    assert run["state"] == "success"
    case = case_of(stack, person)
    assert run["conf"] == {"case_id": case.case_id}
    assert case.state is State.FULFILLED
    for text in (typed, person):
        assert files_of_airflow_with(stack, text) == []


def test_what_was_typed_for_a_run_that_never_started_is_taken_in_by_the_sweep(
    running: LiveStream, person: str
) -> None:
    stack, admin = running.stack, AirflowApi("admin", running.stack.paths)
    admin.patch(f"/dags/{DAG}", {"is_paused": True})
    try:
        run_id = AirflowApi("controller", stack.paths).trigger(DAG, {"user_id": person})
        assert files_of_airflow_with(stack, person), "a search that finds nothing before proves nothing"

        def is_taken_in() -> bool:
            """By one sweep after another: the first may come too early for the run to be given up."""
            admin.trigger("take_in_requests", {})
            return bool(admin.get(f"/dags/{DAG}/dagRuns/{run_id}")["conf"].get("case_id"))

        wait_until(is_taken_in, "the sweep has taken it in", 240, every=8)
        wait_until(lambda: files_of_airflow_with(stack, person) == [], "nothing of it is left", 60)
        assert case_of(stack, person).state is State.OPEN
    finally:
        admin.patch(f"/dags/{DAG}", {"is_paused": False})
    assert run_to_end(stack, run_id)["state"] == "success"
    assert case_of(stack, person).state is State.FULFILLED


def test_a_hold_stops_an_erasure_until_the_controller_has_decided(running: LiveStream, person: str) -> None:
    stack = running.stack
    stack.lethe("case", "hold", "-", "--exemption", "e", "--reason", "a claim is pending", text=person)
    (held,) = json.loads(stack.lethe("erase", person, "--json").stdout)

    def state() -> State:
        return case_store.load(stack.db("auditor"), held["case_id"]).state

    wait_until(lambda: state() is State.HELD, "the case is held", 120)
    assert running.contribution(running.model.subject_id(person)) is not None
    reason = ["--reason", "the claim is settled"]
    stack.lethe("case", "advise", held["case_id"], "--ruling", "erase", *reason, "--as", "dpo")
    stack.lethe("case", "decide", held["case_id"], "--ruling", "erase", *reason)
    assert run_to_end(stack, f"lethe__{held['case_id']}")["state"] == "success"
    assert state() is State.FULFILLED
    running.check()
