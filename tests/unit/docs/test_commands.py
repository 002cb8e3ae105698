"""Every command that the documents show exists, with its options."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from lethe.cli import app
from lethe.settings import PROJECT
from lethe.stack.status import ORDER
from tests.unit.docs.pages import PAGES, Page

SHELL = ("sh", "bash", "shell", "console")
SUBSTITUTION = re.compile(r"\$\(([^)]*)\)")


def _lines() -> Iterator[tuple[str, str]]:
    """Page and line, of all code that a reader may type."""
    for file in PAGES:
        if not file.exists():
            continue
        name = str(file.relative_to(PROJECT))
        for block in Page(file).blocks:
            if block.language in SHELL or not block.language:
                yield from ((name, line) for line in block.text.splitlines())
        yield from ((name, span) for span in Page(file).spans)


def _commands(program: str) -> list[tuple[str, ...]]:
    """The arguments of every shown call of a program, with the page first; each once."""
    found: dict[tuple[str, ...], None] = {}
    for name, line in _lines():
        for text in (*SUBSTITUTION.findall(line), SUBSTITUTION.sub("", line)):
            words = _words(text)
            if words and Path(words[0]).name == program and "…" not in words:
                found.setdefault((name, *words[1:]))
    return list(found)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text.removeprefix("$ "), comments=True)
    except ValueError:  # a quote alone: no command
        return []


def _shown(command: tuple[str, ...]) -> str:
    return " ".join(command)


LETHE = _commands("lethe")
MAKE = _commands("make")
SUPERVISORCTL = _commands("supervisorctl")


@pytest.mark.parametrize("command", LETHE, ids=_shown)
def test_a_shown_lethe_command_can_be_given(command: tuple[str, ...]) -> None:
    _parse(command[1:])


def _parse(arguments: tuple[str, ...]) -> None:
    """Find the command and read its arguments, as Typer would; raises where it would refuse them."""
    command, left = typer.main.get_command(app), list(arguments)
    while (commands := getattr(command, "commands", {})) and left and not left[0].startswith("-"):
        command = commands[left.pop(0)]
    if command.context_settings.get("ignore_unknown_options"):
        return  # Airflow's own arguments: below
    context = command.context_class(command, info_name=command.name)
    values, rest, _ = command.make_parser(context).parse_args([*left])
    assert not rest, f"one argument too many: {rest[0]}"
    needed = [each.name for each in command.params if each.required and not values.get(str(each.name))]
    assert not needed or not left, f"{needed[0]} is missing"


@pytest.mark.parametrize(
    "arguments",
    [("upp",), ("register", "chek"), ("erase", "ID", "--now"), ("status", "all"), ("erase", "--wait")],
)
def test_a_command_that_is_not_there_is_found(arguments: tuple[str, ...]) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the command line raises
        _parse(arguments)


def test_the_shown_airflow_commands_exist(tmp_path: Path) -> None:
    """Airflow's parser is asked in a process of its own: importing Airflow sets up logging and its home."""
    commands = [list(command[2:]) for command in LETHE if command[1:2] == ("airflow",)]
    assert commands
    code = (
        "from airflow.cli.cli_parser import get_parser; [get_parser().parse_args(each) for each in COMMANDS]"
    )
    asked = subprocess.run(
        [sys.executable, "-c", f"COMMANDS = {commands!r}; {code}"],
        env=os.environ | {"AIRFLOW_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert asked.returncode == 0, asked.stderr


@pytest.mark.parametrize("command", MAKE, ids=_shown)
def test_a_shown_make_target_exists(command: tuple[str, ...]) -> None:
    made = re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    targets = [word for word in command[1:] if not word.startswith("-") and "=" not in word]
    assert [target for target in targets if target not in made] == []


@pytest.mark.parametrize("command", SUPERVISORCTL, ids=_shown)
def test_a_program_that_is_to_be_restarted_exists(command: tuple[str, ...]) -> None:
    assert command[-1] in ORDER


def test_there_is_something_to_check() -> None:
    assert ("README.md", "erase", "USER_ID", "--wait") in LETHE
    assert ("README.md", "up") in MAKE
