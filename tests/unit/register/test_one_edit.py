"""Adding a field is one edit in the register: everything that is derived from it then has the field."""

from dataclasses import replace
from pathlib import Path

import pytest

from lethe.profiles.contract import Profile
from lethe.profiles.enrichment import enricher
from lethe.profiles.parsing import unknown_fields
from lethe.profiles.rules import Rules
from lethe.profiles.validation import validate
from lethe.register.load import load
from lethe.register.model import CONTRIBUTIONS, PROFILES, Register
from lethe.register.schema import cassandra_statements, mongodb_validators
from spark_apps.transforms import Person, Protection, Row, protect
from tests.unit.profiles.examples import NOW_MS, document, message
from tests.unit.register.registers import SHIPPED, with_new_field

PATH, COLUMN = "preferences.language", "preferred_language"
DOCUMENT: dict[str, object] = {"preferences": {"language": "nl"}}


@pytest.fixture
def before() -> Register:
    return load(SHIPPED)


@pytest.fixture
def after(tmp_path: Path) -> Register:
    return load(with_new_field(tmp_path))


def test_cassandra_gets_the_column(before: Register, after: Register) -> None:
    old, new = (
        cassandra_statements(register, "lethe", {"class": "SimpleStrategy", "replication_factor": 1})
        for register in (before, after)
    )
    assert f"ALTER TABLE lethe.profiles ADD IF NOT EXISTS {COLUMN} text" in set(new) - set(old)


def test_mongodb_lets_the_column_in(before: Register, after: Register) -> None:
    def columns(register: Register) -> set[str]:
        counted = mongodb_validators(register)["contributions"]["$jsonSchema"]["oneOf"][0]
        return set(counted["properties"])

    assert columns(after) - columns(before) == {COLUMN}


def test_a_contribution_has_one_more_figure(before: Register, after: Register) -> None:
    assert set(after.contribution_fields()) - set(before.contribution_fields()) == {COLUMN}


def test_the_field_is_no_longer_unknown(before: Register, after: Register) -> None:
    assert unknown_fields(DOCUMENT, Rules.from_register(before).known_paths) == ["preferences"]
    assert unknown_fields(DOCUMENT, Rules.from_register(after).known_paths) == []


def test_its_value_reaches_the_row_while_a_purpose_of_it_stands(after: Register) -> None:
    body = document(**DOCUMENT)
    profile = validate(body, message(body), NOW_MS, Rules.from_register(after))
    assert isinstance(profile, Profile)
    by = replace(Protection.from_register(after), groups=())
    for unconditional, stands in ((frozenset({"account"}), "nl"), (frozenset[str](), None)):
        person = Person("0" * 64, 0, None, [Row(message(body), body, profile=profile)])
        person.columns = enricher(after.stored_columns(PROFILES))(profile)
        nothing = frozenset([frozenset[str]()])
        protect([person], [nothing], replace(by, unconditional=unconditional))
        assert person.columns[COLUMN] == stands


def test_encrypted_it_is_in_the_ciphertext_and_nowhere_else(tmp_path: Path) -> None:
    file = with_new_field(tmp_path)
    text = file.read_text()
    start = text.index(f"  {PATH}:")
    plain = text[start : text.index("retention:", start)]
    sealed = plain.replace("protection: plain", "protection: encrypt").replace(f", {CONTRIBUTIONS}", "")
    file.write_text(text.replace(plain, sealed))
    register = load(file)
    (group,) = register.groups(PROFILES)
    assert COLUMN in [column.name for column in group.columns]
    statements = cassandra_statements(register, "lethe", {"class": "SimpleStrategy", "replication_factor": 1})
    assert not any(COLUMN in statement for statement in statements)


def test_the_register_s_version_tells_that_it_changed(before: Register, after: Register) -> None:
    assert before.version != after.version


def test_no_other_store_gets_it(after: Register) -> None:
    holding = [
        name for name in after.stores if COLUMN in [column.name for column in after.stored_columns(name)]
    ]
    assert sorted(holding) == sorted(["kafka.user_profiles", PROFILES, CONTRIBUTIONS])
