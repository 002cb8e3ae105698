"""Commands as a user types them, where no server answers; and what a user's mistake must be."""

from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from lethe.cli import app
from lethe.errors import LetheError


def run(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=text)


def leave_alone(monkeypatch: pytest.MonkeyPatch, folder: Path, *credentials: str) -> None:
    """These credentials, and ports of loopback on which nobody listens."""
    for name in credentials:
        file = folder / name
        file.touch(mode=0o600)
        file.write_text("x")
    monkeypatch.setenv("LETHE_SECRETS_DIR", str(folder))
    monkeypatch.setenv("LETHE_HOME", str(folder / "home"))
    monkeypatch.setenv("LETHE_KEYS_DIR", str(folder / "keys"))
    monkeypatch.setenv("LETHE_AIRFLOW_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("LETHE_MONGO_HOSTS", "127.0.0.1:1")


def assert_one_known_error(result: Result, kind: type[LetheError], words: str) -> None:
    """A mistake is told by one line, of a kind that the command line shows without a traceback."""
    assert isinstance(result.exception, kind)
    assert words in str(result.exception)
    assert "\n" not in str(result.exception)
