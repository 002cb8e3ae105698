"""Finding a subject by e-mail address: kept by the stream, read by intake alone, gone with the subject."""

import json
import os
import subprocess
import uuid

import pytest
from cassandra import Unauthorized

from lethe.protection.blind_index import BlindIndex
from lethe.settings import CassandraSettings, IntakeSettings
from lethe.stack.provision import cassandra as provisioning
from tests.integration.live import LETHE
from tests.integration.live_stream import LiveStream
from tests.integration.messages import bytes_of, profile, sendable, simulated

ADDRESS = "Somebody.Else@Mail.Example.org"


@pytest.fixture(scope="module")
def two(running: LiveStream) -> list[str]:
    """Two people with one address among many with others."""
    people = [str(uuid.uuid4()) for _ in range(2)]
    running.send(bytes_of(simulated(60, seed=7, changes=0.5)))
    running.send(sendable(profile(user_id, email=ADDRESS)) for user_id in people)
    running.check()
    return people


def find(address: str, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [LETHE, "find", *arguments],
        input=address + "\n",
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def index_of(running: LiveStream) -> dict[str, str]:
    rows = running.stack.cassandra("admin").execute("SELECT subject_id, mac FROM email_index")
    return {row.subject_id: row.mac for row in rows}


def test_whoever_has_an_address_is_found_by_it_however_it_is_written(
    running: LiveStream, two: list[str]
) -> None:
    told = find(ADDRESS.upper(), "--json")
    assert told.returncode == 0, told.stderr
    assert {each["user_id"] for each in json.loads(told.stdout)} == {*two}
    assert sorted(find(ADDRESS).stdout.split()) == sorted(two)


def test_nobody_is_found_by_an_address_that_nobody_has(running: LiveStream, two: list[str]) -> None:
    told = find("nobody@mail.example.org")
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr.startswith("nobody has this address")


def test_a_look_is_on_record_before_it_is_one_and_names_no_address(
    running: LiveStream, two: list[str]
) -> None:
    log = running.stack.db("auditor").audit_trail
    looks = {"action": "blind_index"}
    before = log.count_documents(looks)
    find(ADDRESS)
    entries = list(log.find(looks).sort("_id", 1))[before:]
    assert [(each["result"], each["role"]) for each in entries] == [
        ({"look": "asked"}, "controller"),
        ({"look": "found", "count": 2}, "controller"),
    ]
    assert "mail.example.org" not in str(entries).lower()


def test_who_has_looked_too_often_is_refused_and_that_is_on_record(
    running: LiveStream, two: list[str]
) -> None:
    told = find(ADDRESS, LETHE_INTAKE_LOOKUPS_PER_HOUR="1")
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr.strip().endswith("has looked 1 times within the last hour; try again later")
    (last,) = running.stack.db("auditor").audit_trail.find({"action": "blind_index"}).sort("_id", -1).limit(1)
    assert last["result"] == {"look": "refused"}


@pytest.mark.parametrize("user", ["viewer", "dpo"])
def test_only_who_decides_may_look(running: LiveStream, two: list[str], user: str) -> None:
    told = find(ADDRESS, "--as", user)
    assert (told.returncode, told.stdout) == (1, "")
    assert "may not look people up; that takes admin or controller" in told.stderr


def test_what_is_no_address_is_refused_without_being_repeated(running: LiveStream, two: list[str]) -> None:
    told = find("my-secret-text")
    assert told.returncode == 1
    assert told.stderr.strip() == "lethe: standard input: not an e-mail address"


def test_without_an_index_the_command_says_so(running: LiveStream) -> None:
    told = find(ADDRESS, LETHE_INTAKE_EMAIL_INDEX="false")
    assert told.returncode == 1
    assert "LETHE_INTAKE_EMAIL_INDEX is off" in told.stderr


@pytest.mark.parametrize("role", ["auditor", "scanner"])
def test_others_see_that_an_entry_is_there_and_not_what_it_says(
    running: LiveStream, two: list[str], role: str
) -> None:
    session = running.stack.cassandra(role)
    rows = list(session.execute("SELECT subject_id, mac FROM email_index"))
    assert len(rows) == len(running.model.standing())
    assert {row.mac for row in rows} == {None}
    with pytest.raises(Unauthorized):
        session.execute("SELECT subject_id FROM email_index WHERE mac = %s", (BlindIndex().value(ADDRESS),))


def test_an_address_that_has_changed_finds_its_new_owner_alone(running: LiveStream, two: list[str]) -> None:
    running.send([sendable(profile(two[0], hours_ago=0.5, email="new@mail.example.org"))])
    running.check()
    assert find(ADDRESS).stdout.split() == [two[1]]
    assert find("new@mail.example.org").stdout.split() == [two[0]]


def test_an_entry_ends_with_a_row_that_ends(running: LiveStream) -> None:
    """A child whose age an update shows, with nobody's consent."""
    child = str(uuid.uuid4())
    running.send([sendable(profile(child, email="child@mail.example.org"))])
    running.check()
    assert running.model.subject_id(child) in index_of(running)
    running.send(
        [sendable(profile(child, 0.5, email="child@mail.example.org", dob={"date": "2015-01-01T00:00:00Z"}))]
    )
    running.check()
    assert running.model.subject_id(child) not in index_of(running)


def test_an_erased_subject_is_found_no_more(running: LiveStream, two: list[str]) -> None:
    assert running.model.subject_id(two[1]) in index_of(running)
    told = running.erase(two[1])
    assert told["before"]["cassandra.email_index"] == 1
    assert told["after"]["cassandra.email_index"] == 0
    assert running.model.subject_id(two[1]) not in index_of(running)
    assert find(ADDRESS).returncode == 1
    running.check()


def test_an_index_that_is_turned_off_is_emptied(
    running: LiveStream, two: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    running.stop()
    settings, said = CassandraSettings(), list[str]()
    provisioning.empty_index(running.stack.cassandra("admin"), settings, IntakeSettings(), said.append)
    assert (said, len(index_of(running)) > 0) == ([], True)
    monkeypatch.setenv("LETHE_INTAKE_EMAIL_INDEX", "false")
    provisioning.empty_index(running.stack.cassandra("admin"), settings, IntakeSettings(), said.append)
    assert said == ["cassandra: the e-mail index is off; it is emptied"]
    assert index_of(running) == {}
