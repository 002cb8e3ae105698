"""docs/messages.md says what is so: its examples are loaded, its tables compared with register and rules."""

import json
import re
import shlex
from datetime import datetime
from itertools import takewhile
from pathlib import Path

import orjson
import typer
from typer.testing import CliRunner

from lethe.producers import commands
from lethe.producers.loading import judge
from lethe.producers.people import locales
from lethe.profiles.consent_messages import FIELDS, parse_consent
from lethe.profiles.contract import (
    CONSENTS_TOPIC,
    MAX_MESSAGE_BYTES,
    MAX_POLICY_VERSION,
    ConsentMessage,
    Message,
    Profile,
)
from lethe.profiles.parsing import unknown_fields
from lethe.profiles.reasons import Reason
from lethe.register.load import current
from lethe.register.model import PROFILES
from lethe.settings import PROJECT
from tests.unit.producers.topic import RULES

PAGE = (PROJECT / "docs" / "messages.md").read_text(encoding="utf-8")
APP = typer.Typer()
APP.command()(commands.simulate)
APP.command()(commands.load)


def block(language: str, containing: str = "") -> str:
    """The first fenced block in a language that contains a text."""
    found = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return next(text for text in found if containing in text)


def table(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head."""
    section = PAGE.partition(f"\n## {heading}\n")[2]
    below = section.partition("|---")[2].splitlines()[1:]
    rows = takewhile(lambda line: line.startswith("|"), below)
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_the_example_is_valid_and_has_every_field() -> None:
    example = json.loads(block("json"))
    now_ms = int(datetime.fromisoformat(example["event_time"]).timestamp() * 1000) + 3_600_000
    found = judge(orjson.dumps(example), now_ms, RULES)
    assert isinstance(found, Profile)
    assert unknown_fields(example, RULES.known_paths) == []
    for path in RULES.known_paths - {"consents.by_guardian"}:
        assert path.split(".")[0] in example, path
        assert f'"{path.rsplit(".", maxsplit=1)[-1]}"' in block("json"), path


def test_the_example_of_a_consent_is_valid_and_has_every_field() -> None:
    example = json.loads(block("json", "user_id"))
    at_ms = int(datetime.fromisoformat(example["at"]).timestamp() * 1000)
    record = Message(CONSENTS_TOPIC, 0, 0, at_ms, example["user_id"].encode(), orjson.dumps(example))
    found = parse_consent(record, at_ms, RULES)
    assert isinstance(found, ConsentMessage)
    assert example.keys() == FIELDS
    assert found.unknown_fields == ()


def test_columns_said_to_stand_by_consent_alone_are_those() -> None:
    register = current()
    found = {
        column.name
        for column in register.stored_columns(PROFILES)
        if set(column.purposes) <= register.consent_purposes()
    }
    (sentence,) = re.findall(r"serve `analytics` alone:\s+([^.]+)\.", PAGE)
    assert set(re.findall("`([^`]+)`", sentence)) == found


def test_the_table_of_fields_is_the_register() -> None:
    register = current()
    rows = {cells[0].strip("`"): cells for cells in table("A profile")}
    assert rows.keys() == register.known_paths()
    for path, (_, what, protection, stored) in rows.items():
        field = register.fields[path]
        assert protection == field.protection, path
        assert ("required" in what) is field.required, path
        if not path.startswith("consents.") and path != "event_time":
            assert re.findall("`([^`]+)`", stored) == stored_as(path), path


def stored_as(path: str) -> list[str]:
    """The columns in Cassandra that come of this field first of all."""
    fields = current().fields
    return [
        field.column_name(name)
        for name, field in fields.items()
        if "cassandra.profiles" in field.stores and (name == path or field.sources[:1] == (path,))
    ]


def test_the_table_of_reasons_is_the_rules_in_their_order() -> None:
    assert [cells[0].strip("`") for cells in table("Refused messages")] == [reason.value for reason in Reason]
    assert f"{MAX_MESSAGE_BYTES:,} bytes" in PAGE


def test_the_csv_example_loads(tmp_path: Path) -> None:
    (tmp_path / "members.csv").write_text(block("csv"), encoding="utf-8")
    _, command, name, *options = shlex.split(block("sh", "lethe load"))
    result = CliRunner().invoke(APP, [command, str(tmp_path / name), *options, "--dry-run"])
    assert (result.exit_code, result.stdout, result.stderr) == (0, "would send 2, refused 0\n", "")


def test_the_options_shown_are_those_that_there_are() -> None:
    shown = [cells[0].strip("`") for cells in table("Made-up people")]
    assert set(re.findall("--[a-z-]+", block("sh", "lethe simulate"))) <= set(shown)
    names = {
        option
        for command in (APP.registered_commands)
        if command.callback is commands.simulate
        for option in (
            f"--{name.replace('_', '-')}" for name in commands.simulate.__annotations__ if name != "return"
        )
    }
    assert set(shown) == names


def test_numbers_said_in_words_are_right() -> None:
    assert f"in {len(locales())} countries" in PAGE
    assert f"once there are {len(Reason)} of them, without consent changes {len(Reason) - 1}" in PAGE
    assert f"at most {MAX_POLICY_VERSION} characters" in PAGE
