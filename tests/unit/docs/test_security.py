"""The tables of docs/security.md are the code's: credentials, rights, ports."""

from pathlib import Path

import pytest

from lethe.register.load import load
from lethe.settings import PORT_OFFSETS, Paths
from lethe.stack import airflow, credentials, rights_tables
from tests.unit.docs.pages import codes, page

PAGE = page("docs/security.md")


def test_every_credential_is_listed() -> None:
    listed = [name for row in PAGE.table("Credentials") for name in codes(row["file"])]
    made = [*credentials.PASSWORDS, *credentials.SIGNING_SECRETS, credentials.FERNET_KEY]
    assert sorted(listed) == sorted(made)


def test_the_tables_of_rights_are_what_the_code_grants() -> None:
    """To change them: `make rights`."""
    text = PAGE.file.read_text(encoding="utf-8")
    assert {block[2] for block in rights_tables.BLOCK.finditer(text)} == {*rights_tables.tables(load())}
    assert rights_tables.rewritten(text, load()) == text


def test_a_right_that_the_page_gives_is_not_among_those_that_are_tried_and_refused() -> None:
    """The tables and the cases of tests/integration/test_rights.py are each other's complement."""
    given = {
        (codes(row["collection"])[0], role, letter)
        for row in PAGE.table("MongoDB")
        for role, letters in row.items()
        if role != "collection"
        for letter in letters
    }
    refused = {
        (right.resource, right.role, rights_tables.LETTERS[right.action])
        for right in rights_tables.refused_by_mongodb()
    }
    assert not given & refused
    cells = len(PAGE.table("MongoDB")) * (len(PAGE.table("MongoDB")[0]) - 1)
    assert len(given | refused) == cells * len(rights_tables.LETTERS)


def test_the_rights_in_cassandra_and_those_refused_are_each_other_s_complement() -> None:
    refused = {
        (right.role, right.action)
        for right in rights_tables.refused_by_cassandra("lethe")
        if right.resource == "data/lethe/profiles"
    }
    given = {
        (codes(row["role"])[0], action)
        for row in PAGE.table("Cassandra")
        for column in ("`lethe.profiles`", "every table of `lethe`")
        for action in row[column].split(", ")
        if action
    }
    assert not given & refused
    actions = (*rights_tables.ON_TABLE, rights_tables.UNMASK)
    assert len(given | refused) == len(PAGE.table("Cassandra")) * len(actions)


def test_every_user_of_airflow_is_listed() -> None:
    assert tuple(codes(row["user"])[0] for row in PAGE.table("Airflow")) == airflow.USERS


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
