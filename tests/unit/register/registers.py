"""Registers to test with: the shipped one, and copies of it with an edit."""

from pathlib import Path

import pytest

from lethe.errors import RegisterError
from lethe.register.load import load
from lethe.settings import PROJECT

SHIPPED = PROJECT / "register.yaml"

NEW_FIELD = """\
  preferences.language:
    category: area
    protection: plain
    purposes: [account, analytics]
    recipients: [analysts]
    stores: [kafka.user_profiles, cassandra.profiles, mongodb.contributions]
    retention: profile
    column: preferred_language
"""


def edited(folder: Path, *edits: tuple[str, str]) -> Path:
    """A copy of the shipped register in which each first text, which stands there once, is the second."""
    text = SHIPPED.read_text(encoding="utf-8")
    for before, after in edits:
        assert text.count(before) == 1, f"{before!r} stands {text.count(before)} times"
        text = text.replace(before, after)
    file = folder / "register.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def with_new_field(folder: Path) -> Path:
    """A copy with one more field."""
    return edited(folder, ("fields:\n  login.uuid:\n", f"fields:\n{NEW_FIELD}  login.uuid:\n"))


def line_of(file: Path, text: str) -> int:
    """The line, from 1, on which a text stands that stands once."""
    lines = file.read_text(encoding="utf-8").splitlines()
    (number,) = [number for number, line in enumerate(lines, 1) if text in line]
    return number


def problems(file: Path) -> list[str]:
    """What `load` says of a register, without the file's name."""
    with pytest.raises(RegisterError) as caught:
        load(file)
    told = str(caught.value).splitlines()
    assert all(line.startswith(f"{file}:") for line in told)
    return [line.removeprefix(f"{file}:") for line in told]
