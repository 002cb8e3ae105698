"""`lethe quarantine …` as a user types it, as far as it goes without servers: every mistake is one line."""

from pathlib import Path

import pytest
from click.testing import Result

from lethe.errors import AccessError, ConfigurationError, InputError, LetheError, StackError
from lethe.stack import airflow_api
from tests.unit import commands
from tests.unit.commands import assert_one_known_error, leave_alone

PLACE = "user_profiles:0:1"


def run(*arguments: str) -> Result:
    return commands.run("quarantine", *arguments)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials, and ports of loopback on which nobody listens."""
    leave_alone(monkeypatch, tmp_path, "airflow-controller", "airflow-viewer", "mongo-quarantine")


MISTAKES: list[tuple[tuple[str, ...], type[LetheError], str]] = [
    (("list", "--as", "nobody"), InputError, "--as: one of"),
    (("list", "--as", "admin"), ConfigurationError, "credential airflow-admin"),
    (("list", "--since", "noon"), InputError, "--since: not a time"),
    (("list", "--until", "noon"), InputError, "--until: not a time"),
    (("list", "--since", "2026-11-25", "--until", "2026-11-24"), InputError, "--until is earlier"),
    (("list", "--topic", "other"), InputError, "--topic: one of"),
    (("list", "--first-offset", "5", "--last-offset", "4"), InputError, "--last-offset is smaller"),
    (("show", "nonsense"), InputError, "place 1: not TOPIC:PARTITION:OFFSET"),
    (("show", PLACE, "--as", "viewer"), AccessError, "viewer may list"),
    (("show", PLACE, "--as", "dpo"), AccessError, "dpo may list"),
    (("replay", PLACE, "--as", "dpo"), AccessError, "dpo may list"),
    (("replay",), InputError, "say what to replay"),
    (("replay", "--all", "--reason", "bad_email"), InputError, "say what to replay"),
    (("replay", PLACE, "--all"), InputError, "not both"),
    (("replay", PLACE, "--reason", "bad_email"), InputError, "not both"),
    (("replay", "nonsense"), InputError, "place 1"),
    (("list",), StackError, "airflow does not answer"),
    (("list", "--as", "viewer"), StackError, "airflow does not answer"),
    (("show", PLACE), StackError, "airflow does not answer"),
    (("replay", "--all"), StackError, "airflow does not answer"),
]


@pytest.mark.parametrize(
    ("arguments", "kind", "words"), MISTAKES, ids=[" ".join(each[0]) for each in MISTAKES]
)
def test_a_mistake_is_one_known_error(arguments: tuple[str, ...], kind: type[LetheError], words: str) -> None:
    result = run(*arguments)
    assert_one_known_error(result, kind, words)
    assert result.output == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--reason", "nonsense"),
        ("list", "--first-offset", "-1"),
        ("list", "--limit", "0"),
        ("show",),
        ("lst",),
    ],
)
def test_words_that_do_not_exist_are_told_as_usage(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_without_mongodb_nothing_is_shown_and_no_trace_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_api.AirflowApi, "log_in", lambda _self: None)
    monkeypatch.setattr("lethe.stores.mongodb.CONNECT_TIMEOUT_MS", 200)
    result = run("list")
    assert isinstance(result.exception, LetheError)
    assert str(result.exception).startswith(
        "mongodb: quarantine could not be asked (ServerSelectionTimeoutError"
    )
    assert result.exception.__suppress_context__


def test_without_keys_nothing_is_asked_of_mongodb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_api.AirflowApi, "log_in", lambda _self: None)
    for arguments in (("show", PLACE), ("replay", PLACE)):
        assert isinstance(run(*arguments).exception, LetheError)
