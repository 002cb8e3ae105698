"""Who may do what with quarantine."""

import os
import pwd

import pytest

from lethe.audit.entry import Action
from lethe.audit.who import Who
from lethe.errors import AccessError, ConfigurationError, InputError
from lethe.quarantine.access import act_as
from lethe.stack.airflow import USERS
from lethe.stack.provision.mongodb_rights import RIGHTS

SHOW, REPLAY = Action.QUARANTINE_SHOW, Action.QUARANTINE_REPLAY
MAY: dict[str, set[Action | None]] = {
    "viewer": {None},
    "dpo": {None},
    "controller": {None, SHOW, REPLAY},
    "admin": {None, SHOW, REPLAY},
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
@pytest.mark.parametrize("action", [None, SHOW, REPLAY])
def test_each_user_may_what_the_table_says(user: str, action: Action | None) -> None:
    airflow = Airflow()
    if action in MAY[user]:
        assert act_as(user, action, airflow) == Who(user, pwd.getpwuid(os.getuid()).pw_name)
        assert airflow.asked == [user]
    else:
        with pytest.raises(AccessError, match=f"{user} may list .*; (show|replay) takes admin or controller"):
            act_as(user, action, airflow)
        assert airflow.asked == []


@pytest.mark.parametrize("user", ["", "root", "../airflow-admin", "Admin"])
def test_who_airflow_does_not_know_is_nobody(user: str) -> None:
    airflow = Airflow()
    with pytest.raises(InputError, match="--as: one of admin, controller, dpo, viewer"):
        act_as(user, None, airflow)
    assert airflow.asked == []


def test_without_a_login_that_airflow_takes_nothing_is_done() -> None:
    with pytest.raises(ConfigurationError):
        act_as("controller", SHOW, Airflow("controller"))


def test_nobody_can_change_an_entry_and_only_the_archivist_can_remove_one() -> None:
    held = {role: set(rights.get("audit_trail", ())) for role, rights in RIGHTS.items()}
    assert not any("update" in actions for actions in held.values())
    assert [role for role, actions in held.items() if "remove" in actions] == ["archivist"]


def test_the_commands_role_has_what_they_need_and_no_more() -> None:
    assert RIGHTS["quarantine"] == {
        "quarantine": ("find", "remove"),
        "audit_trail": ("find", "insert"),
        "audit_head": ("find", "update"),
    }
