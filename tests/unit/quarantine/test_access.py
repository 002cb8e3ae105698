"""Who may do what with quarantine, and what is written down of it first."""

import os
import pwd
from typing import Any

import pytest

from lethe.acting import Actor
from lethe.errors import AccessError, ConfigurationError, InputError
from lethe.quarantine.access import Action, act_as, record
from lethe.quarantine.selection import Selection
from lethe.stack.airflow import USERS
from lethe.stack.provision.mongodb_rights import COLLECTIONS, RIGHTS

MAY = {
    "viewer": {"list"},
    "dpo": {"list"},
    "controller": {"list", "show", "replay"},
    "admin": {"list", "show", "replay"},
}


class Airflow:
    """Takes note of who logs in, and refuses where told to."""

    def __init__(self, *refused: str) -> None:
        self.refused, self.asked = refused, list[str]()

    def __call__(self, user: str) -> "Airflow":
        self.asked.append(user)
        return self

    def log_in(self) -> None:
        if self.asked[-1] in self.refused:
            raise ConfigurationError("airflow refuses the login")


@pytest.mark.parametrize("user", sorted(USERS))
@pytest.mark.parametrize("action", [Action.LIST, Action.SHOW, Action.REPLAY])
def test_each_user_may_what_the_table_says(user: str, action: Action) -> None:
    airflow = Airflow()
    if action in MAY[user]:
        assert act_as(user, action, airflow) == Actor(user, pwd.getpwuid(os.getuid()).pw_name)
        assert airflow.asked == [user]
    else:
        with pytest.raises(AccessError, match=f"{user} may list .*; {action} takes admin or controller"):
            act_as(user, action, airflow)
        assert airflow.asked == []


@pytest.mark.parametrize("user", ["", "root", "../airflow-admin", "Admin"])
def test_who_airflow_does_not_know_is_nobody(user: str) -> None:
    airflow = Airflow()
    with pytest.raises(InputError, match="--as: one of admin, controller, dpo, viewer"):
        act_as(user, Action.LIST, airflow)
    assert airflow.asked == []


def test_without_a_login_that_airflow_takes_nothing_is_done() -> None:
    with pytest.raises(ConfigurationError):
        act_as("controller", Action.SHOW, Airflow("controller"))


def test_the_account_is_the_systems_word_and_not_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "somebody-else")
    monkeypatch.setenv("USER", "somebody-else")
    assert act_as("admin", Action.LIST, Airflow()).account == pwd.getpwuid(os.getuid()).pw_name


class Log:
    """A database that has an access log and nothing else."""

    def __init__(self) -> None:
        self.access_log, self.entries = self, list[dict[str, Any]]()

    def insert_one(self, entry: dict[str, Any]) -> None:
        self.entries.append(entry)


def test_an_entry_says_who_what_which_and_how_many() -> None:
    log: Any = Log()
    record(log, Actor("controller", "ops"), Action.SHOW, Selection(places=("user_profiles:0:1",)), 1)
    record(log, Actor("admin", "ops"), Action.REPLAY, Selection(("bad_email",)), 12)
    for entry in log.entries:
        del entry["_id"], entry["at"]
    assert log.entries == [
        {
            "user": "controller",
            "account": "ops",
            "action": "show",
            "count": 1,
            "places": ["user_profiles:0:1"],
        },
        {
            "user": "admin",
            "account": "ops",
            "action": "replay",
            "count": 12,
            "filter": {"reasons": ["bad_email"]},
        },
    ]


def test_nobody_can_change_or_remove_what_is_in_the_access_log() -> None:
    held = {role: set(rights.get("access_log", ())) for role, rights in RIGHTS.items()}
    assert not any({"update", "remove"} & actions for actions in held.values())
    assert {role for role, actions in held.items() if "insert" in actions} == {
        "quarantine",
        "casework",
        "intake",
    }


def test_the_commands_role_has_what_they_need_and_no_more() -> None:
    assert RIGHTS["quarantine"] == {"quarantine": ("find", "remove"), "access_log": ("insert",)}
    assert {"quarantine", "access_log"} <= set(COLLECTIONS)
