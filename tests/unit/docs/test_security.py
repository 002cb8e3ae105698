"""The tables of docs/security.md are the code's: credentials, rights, ports."""

from pathlib import Path

import pytest

from lethe.settings import PORT_OFFSETS, Paths
from lethe.stack import airflow, credentials
from lethe.stack.provision import cassandra, kafka, mongodb_rights
from tests.unit.docs.pages import codes, page

PAGE = page("docs/security.md")
ACTIONS = {"F": "find", "I": "insert", "U": "update", "R": "remove"}


def test_every_credential_is_listed() -> None:
    listed = [name for row in PAGE.table("Credentials") for name in codes(row["file"])]
    made = [*credentials.PASSWORDS, *credentials.SIGNING_SECRETS, credentials.FERNET_KEY]
    assert sorted(listed) == sorted(made)


def test_the_rights_in_kafka_are_the_code_s() -> None:
    rows = PAGE.table("Kafka")
    topics = {codes(row["user"])[0]: set(row["on both topics"].split(", ")) for row in rows}
    groups = {codes(row["user"])[0]: codes(row["consumer groups that begin with"]) for row in rows}
    assert topics == {role: {each.name for each in rights} for role, rights in kafka.ON_TOPICS.items()}
    assert {role: names[0] for role, names in groups.items() if names} == kafka.ON_GROUPS


def test_the_rights_in_cassandra_are_the_code_s() -> None:
    columns = {
        "`lethe.profiles`": "data/lethe/profiles",
        "`lethe.consents`": "data/lethe/consents",
        "all roles": "roles",
    }
    listed = {
        codes(row["role"])[0]: {
            resource: frozenset(row[column].split(", "))
            for column, resource in columns.items()
            if row[column]
        }
        for row in PAGE.table("Cassandra")
    }
    assert listed == cassandra.rights("lethe")


def test_the_rights_in_mongodb_are_the_code_s() -> None:
    listed: dict[str, dict[str, tuple[str, ...]]] = {}
    for row in PAGE.table("MongoDB"):
        collection = codes(row.pop("collection"))[0]
        for role, letters in row.items():
            if letters:
                listed.setdefault(role, {})[collection] = tuple(ACTIONS[letter] for letter in letters)
    assert listed == mongodb_rights.RIGHTS


def test_the_users_of_airflow_are_the_code_s() -> None:
    rows = PAGE.table("Airflow")
    assert {codes(row["user"])[0]: codes(row["Airflow's role"])[0] for row in rows} == airflow.USERS


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """An installation that has its credentials."""
    made = Paths(home=tmp_path / "home", keys_dir=tmp_path / "keys")
    credentials.create(made)
    return made


def test_each_connection_of_airflow_has_the_credential_that_the_page_says(paths: Paths) -> None:
    listed = {
        codes(row["connection"])[0]: next(iter(codes(row["credential"])), None)
        for row in PAGE.table("Airflow", number=1)
    }
    by_password = {(paths.secrets / name).read_text().strip(): name for name in credentials.PASSWORDS}
    held = {
        name: next((by_password[text] for text in by_password if text in str(connection)), None)
        for name, connection in airflow.connections(paths).items()
    }
    assert listed == held


def test_every_port_is_listed() -> None:
    listed = {codes(row["name"])[0]: int(row["port"]) - 19000 for row in PAGE.table("Ports")}
    assert listed == PORT_OFFSETS
