"""`lethe audit …` as a user types it, as far as it goes without servers: every mistake is one line."""

from pathlib import Path

import pytest
from click.testing import Result

from lethe.errors import (
    AccessError,
    ConfigurationError,
    InputError,
    LetheError,
    SignatureError,
    StackError,
    StoreError,
)
from lethe.evidence.signing import create_key
from lethe.settings import Paths
from lethe.stack import airflow_api
from tests.unit import commands
from tests.unit.commands import assert_one_known_error, leave_alone

NOT_MINE = "3f0c9a52-6e3c-4a5e-9b62-0d7d1c1f2a11"


def run(*arguments: str) -> Result:
    return commands.run("audit", *arguments)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials and a signing key, and ports of loopback on which nobody listens."""
    leave_alone(
        monkeypatch, tmp_path, "airflow-controller", "airflow-dpo", "mongo-auditor", "mongo-archivist"
    )
    monkeypatch.setattr("lethe.stores.mongodb.CONNECT_TIMEOUT_MS", 200)
    create_key(Paths())


MISTAKES: list[tuple[tuple[str, ...], type[LetheError], str]] = [
    (("verify", "--against", "nowhere.json"), InputError, "checkpoint nowhere.json: can't be read"),
    (("verify", "--public-key", "nowhere.pem"), InputError, "--public-key: can't be read"),
    (("verify", "--public-key", "pyproject.toml"), SignatureError, "--public-key: not a public key"),
    (("verify",), StoreError, "mongodb: the audit trail could not be asked (ServerSelectionTimeoutError"),
    (("checkpoint",), StoreError, "mongodb: the audit trail could not be asked"),
    (("list", "--as", "nobody"), InputError, "--as: one of"),
    (
        ("list", "--as", "viewer"),
        AccessError,
        "viewer may not read the audit trail; that takes admin or contr",
    ),
    (("list", "--as", "admin"), ConfigurationError, "credential airflow-admin"),
    (("list", "--since", "noon"), InputError, "--since: not a time"),
    (("list", "--since", "2026-11-25", "--until", "2026-11-24"), InputError, "--until is earlier"),
    (("list", "--audit-ref", NOT_MINE), InputError, "--audit-ref: 64 hex digits"),
    (("list",), StackError, "airflow does not answer"),
    (("drop", "--as", "dpo"), AccessError, "dpo may not end entries of the audit trail"),
    (("drop",), StackError, "airflow does not answer"),
]


@pytest.mark.parametrize(
    ("arguments", "kind", "words"), MISTAKES, ids=[" ".join(each[0]) for each in MISTAKES]
)
def test_a_mistake_is_one_known_error(arguments: tuple[str, ...], kind: type[LetheError], words: str) -> None:
    result = run(*arguments)
    assert_one_known_error(result, kind, words)
    assert NOT_MINE not in str(result.exception)


def test_without_mongodb_nothing_is_listed_or_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_api.AirflowApi, "log_in", lambda _self: None)
    for arguments in (("list",), ("drop", "--yes")):
        result = run(*arguments)
        assert isinstance(result.exception, StoreError)
        assert result.exception.__suppress_context__


def test_without_the_signing_key_it_is_said_what_makes_one() -> None:
    (Paths().keys_dir / "signing-key").unlink()
    for arguments in (("verify",), ("checkpoint",), ("drop",)):
        assert "`lethe up` makes one" in str(run(*arguments).exception)


@pytest.mark.parametrize(
    "arguments", [("list", "--action", "nonsense"), ("list", "--limit", "-1"), ("vrfy",)]
)
def test_words_that_do_not_exist_are_told_as_usage(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2
