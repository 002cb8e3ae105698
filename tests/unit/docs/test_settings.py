"""Every setting is documented with its default, and no variable is named that nothing reads."""

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from lethe import settings
from lethe.settings import PROJECT
from tests.unit.docs.pages import NAMES, codes, page

# `LETHE_TOPIC_…` stands for several, and is left out.
VARIABLE = re.compile(r"\bLETHE_[A-Z]+(?:_[A-Z]+)*\b(?!_)")


def _classes() -> list[type[BaseSettings]]:
    found = [each for each in vars(settings).values() if isinstance(each, type)]
    return [each for each in found if issubclass(each, BaseSettings) and each is not BaseSettings]


def _defaults() -> Iterator[tuple[str, str]]:
    for each in _classes():
        for name, field in each.model_fields.items():
            variable = f"{each.model_config.get('env_prefix', '')}{name}".upper()
            yield variable, _as_written(field.get_default(call_default_factory=True, validated_data={}))


def _as_written(default: object) -> str:
    """A default as a reader can use it: paths from the project or the home, the checkout's own folder left open."""
    if default is None:
        return "none"
    if not isinstance(default, Path):
        return str(default)
    if default.is_relative_to(PROJECT):
        return str(default.relative_to(PROJECT))
    text = f"~/{default.relative_to(Path.home())}"
    return re.sub(r"/[0-9a-f]{12}$", "/…", text)


@pytest.fixture
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("LETHE_")]:
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("_no_settings")
def test_every_setting_stands_in_the_table_with_its_default() -> None:
    rows = page("docs/operations.md").table("Settings")
    documented = {codes(row["variable"])[0]: row["default"].strip("`") for row in rows}
    assert documented == dict(_defaults())


def _read_by_the_code() -> set[str]:
    """Variables that stand as a text of their own in the package: read from the environment, or put out."""
    found: set[str] = set()
    for file in (PROJECT / "lethe").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.update(VARIABLE.findall(node.value) if VARIABLE.fullmatch(node.value) else ())
    return found


@pytest.mark.parametrize("name", NAMES)
def test_no_variable_is_named_that_does_not_exist(name: str) -> None:
    known = {variable for variable, _ in _defaults()} | _read_by_the_code()
    named = set(VARIABLE.findall(page(name).file.read_text(encoding="utf-8")))
    assert named - known == set()
