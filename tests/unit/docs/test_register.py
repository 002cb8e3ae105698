"""docs/register.md: its example can be added, its errors are the real ones, its tables name every key."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lethe.errors import RegisterError
from lethe.register import entries
from lethe.register.load import load
from lethe.register.model import PROFILES, Register
from lethe.register.schema import cassandra_statements, mongodb_ttls
from lethe.register.terms import Protection
from tests.unit.docs.pages import codes, page
from tests.unit.register.registers import SHIPPED

PAGE = page("docs/register.md")
(EXAMPLE,) = [block.text for block in PAGE.blocks if block.language == "yaml"]


def with_text(folder: Path, text: str) -> Path:
    """A copy of the shipped register that ends with a text."""
    file = folder / "register.yaml"
    file.write_text(SHIPPED.read_text(encoding="utf-8") + text, encoding="utf-8")
    return file


def told(file: Path) -> list[str]:
    with pytest.raises(RegisterError) as caught:
        load(file)
    return [line.removeprefix(f"{file.parent}/") for line in str(caught.value).splitlines()]


def test_the_example_can_be_added_as_it_stands(tmp_path: Path) -> None:
    register = load(with_text(tmp_path, EXAMPLE))
    assert "location.county" in register.known_paths() - load(SHIPPED).known_paths()
    assert "county" in [column.name for column in register.stored_columns(PROFILES)]
    (statement,) = [
        code for row in PAGE.table("Add a field") for code in codes(row["becomes"]) if "ALTER" in code
    ]
    assert statement in cassandra_statements(register, "lethe", {"class": "SimpleStrategy"})


CHANGES = {
    tuple(codes(row["change"])): codes(row["what `lethe register check` says, after file and line"])[0]
    for row in PAGE.table("What is wrong is told with its line")
}


@pytest.mark.parametrize("change", CHANGES, ids=" -> ".join)
def test_a_change_that_the_page_shows_is_refused_in_these_words(
    tmp_path: Path, change: tuple[str, str]
) -> None:
    before, after = change
    assert EXAMPLE.count(before) == 1
    lines = told(with_text(tmp_path, EXAMPLE.replace(before, after)))
    assert CHANGES[change].strip() in [re.sub(r"^register\.yaml:\d+: ", "", line) for line in lines]


def test_the_shown_errors_are_the_real_ones(tmp_path: Path) -> None:
    """But for the line numbers, which move with the register above the example."""
    (shown,) = [block.text for block in PAGE.blocks if block.text.startswith("register.yaml:")]
    edited = EXAMPLE.replace("[account]", "[curiosity]").replace("retention: profile", "retention: ages")
    real = told(with_text(tmp_path, edited))
    numbers = re.compile(r":(\d+):")
    assert [numbers.sub(":", line) for line in shown.splitlines()] == [
        numbers.sub(":", line) for line in real
    ]
    first, second = (int(number) for number in numbers.findall(shown))
    assert second - first == int(numbers.findall(real[1])[0]) - int(numbers.findall(real[0])[0])


SECTIONS: dict[str, list[type[BaseModel]]] = {
    "purposes": [entries.Purpose],
    "policy_versions": [entries.PolicyVersion],
    "recipients": [entries.Recipient],
    "transfers": [entries.Transfer],
    "categories": [entries.Category],
    "retentions": [entries.Retention],
    "backups": [entries.Backups],
    "measures": [entries.Measure],
    "stores": [entries.Store, entries.OwnField],
    "fields": [entries.RegisterField],
}


def _keys(fields: dict[str, FieldInfo]) -> dict[str, bool]:
    """Key as YAML has it -> whether it must be there."""
    return {field.alias or name: field.is_required() for name, field in fields.items()}


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_of_a_section_is_explained(section: str) -> None:
    for number, entry in enumerate(SECTIONS[section]):
        rows = PAGE.table(section, number)
        listed = {codes(row["key"])[0]: row["key"].startswith("**") for row in rows}
        assert listed == _keys(entry.model_fields)


def test_every_section_is_explained() -> None:
    rows = PAGE.table("Who is responsible")
    listed = {codes(row["key"])[0]: row["key"].startswith("**") for row in rows}
    assert listed | dict.fromkeys(SECTIONS, True) == _keys(Register.model_fields)


def test_every_collection_that_expires_is_named() -> None:
    text = PAGE.file.read_text(encoding="utf-8")
    expiring = mongodb_ttls(load(SHIPPED))
    assert [name for name, (field, _) in expiring.items() if f"`{name}` (`{field}`" not in text] == []


def test_every_protection_is_explained() -> None:
    rows = PAGE.table("fields", number=1)
    assert [codes(row["protection"])[0] for row in rows] == list(Protection)
