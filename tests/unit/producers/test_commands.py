"""The commands as a user types them, as far as they go without Kafka."""

import json
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from lethe.errors import ConfigurationError, InputError, StoreError
from lethe.producers import sending
from lethe.producers.commands import load, simulate
from tests.unit.profiles.examples import BOB, document

app = typer.Typer()
app.command()(simulate)
app.command()(load)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A credential, and a port of loopback on which nobody listens."""
    secret = tmp_path / "kafka-producer"
    secret.touch(mode=0o600)
    secret.write_text("x")
    monkeypatch.setenv("LETHE_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("LETHE_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    monkeypatch.setattr(sending, "REACH_SECONDS", 0.5)


def test_a_dry_run_says_what_would_be_sent_and_fails_for_a_bad_line(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(f"{json.dumps(document())}\n{json.dumps(document(login={'uuid': BOB}))}\n")
    result = run("load", file, "--dry-run")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "would send 2, refused 0\n", "")
    file.write_text(f"{json.dumps(document())}\n{json.dumps(document(nat='secret'))}\n")
    result = run("load", file, "--dry-run")
    assert result.exit_code == 1
    assert (result.stdout, result.stderr) == ("would send 1, refused 1\n", "line 2: bad_nationality\n")


def test_a_file_of_no_use_is_one_error_before_kafka_is_asked(tmp_path: Path) -> None:
    assert isinstance(run("load", tmp_path / "none.jsonl").exception, InputError)
    file = tmp_path / "a.csv"
    file.write_text("email,nat\n")
    assert isinstance(run("load", file).exception, InputError)
    file.write_bytes(b"\xff")
    assert isinstance(run("load", file).exception, InputError)


@pytest.mark.usefixtures("unreachable")
def test_without_kafka_there_is_one_line_after_a_bounded_time(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(json.dumps(document()))
    for result in (run("load", file), run("simulate")):
        assert isinstance(result.exception, StoreError)
        assert str(result.exception) == "kafka: 127.0.0.1:1 not reached (_TRANSPORT); see `lethe status`"
        assert result.output == ""


def test_without_a_credential_it_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LETHE_SECRETS_DIR", str(tmp_path))
    error = run("simulate").exception
    assert isinstance(error, ConfigurationError)
    assert "credential kafka-producer" in str(error)


def test_what_cannot_be_simulated_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    assert "locales: no XX" in str(run("simulate", "--locales", "nl,xx").exception)
    error = run("simulate", "--expect", tmp_path / "no" / "folder.json").exception
    assert isinstance(error, InputError)
    assert "can't be written" in str(error)
    for wrong in (("--profiles", 0), ("--rate", -1), ("--faulty", 0.6)):
        assert run("simulate", *wrong).exit_code == 2
