"""Who may do what in Airflow, asked of its own API server with our auth manager: every route, as every role."""

import json
from pathlib import Path
from typing import Any

import pytest

from lethe.stack.airflow_rights import METHODS, OPEN_DAGS, PARTS, ROLES, may_on_dag, may_on_resource
from tests.dags.scripts import told_by

REFUSED = 403
# What everybody may do, of themselves: log in, stay logged in, mark a DAG as a favourite of their own.
OWN = {"POST /auth/token", "POST /auth/token/cli", "POST /ui/auth/token"}
FAVOURITES = {f"POST /api/v2/dags/{{dag_id}}/{word}" for word in ("favorite", "unfavorite")}
NOTHING_THERE = 404  # of a backfill or a file that does not exist, Airflow says so before it asks who may


@pytest.fixture(scope="session")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What every role was answered; the erasure that is asked for names one person."""
    return told_by("access.py", tmp_path_factory.mktemp("access"), seconds=400)


def test_an_erasure_is_started_by_the_controller_and_not_by_dpo_or_viewer(answers: dict[str, Any]) -> None:
    started = {role: told["erase_subject"] for role, told in answers["triggered"].items()}
    assert started == {"controller": 200, "dpo": REFUSED, "viewer": REFUSED}


def test_no_route_names_the_person_to_a_viewer(answers: dict[str, Any]) -> None:
    naming = {role: [place for place, _, names in told if names] for role, told in answers["read"].items()}
    assert naming["viewer"] == []
    # The same walk finds the person where the dpo looks, so it would have found them for the viewer.
    for place in ("GET /api/v2/dags/~/dagRuns", "POST /api/v2/dags/~/dagRuns/list"):
        assert place in naming["dpo"]


def test_the_event_log_names_the_person_to_nobody(answers: dict[str, Any]) -> None:
    told = {place: (status, names) for place, status, names in answers["read"]["dpo"]}
    assert told["GET /api/v2/eventLogs"] == (200, False)


def test_a_viewer_sees_the_dags_that_are_about_nobody(answers: dict[str, Any]) -> None:
    told = {place: status for place, status, _ in answers["read"]["viewer"]}
    assert told["GET /api/v2/dags/supervise_stream/dagRuns"] == 200
    assert told["GET /api/v2/dags/erase_subject/dagRuns"] == REFUSED
    assert told["GET /api/v2/dags/erase_subject"] == REFUSED
    assert told["GET /api/v2/eventLogs"] == REFUSED


@pytest.mark.parametrize("role", ["dpo", "viewer"])
def test_who_advises_or_looks_on_changes_nothing(answers: dict[str, Any], role: str) -> None:
    told = answers["changed"][role]
    assert len(told) > 40
    done = {route for route, status in told.items() if status not in (REFUSED, NOTHING_THERE)}
    assert done <= OWN | FAVOURITES


def test_only_the_admin_deletes_the_run_of_an_erasure(answers: dict[str, Any]) -> None:
    deleted = {role: told["erase_subject"] for role, told in answers["deleted"].items()}
    assert deleted == {"dpo": REFUSED, "viewer": REFUSED, "controller": REFUSED, "admin": 204}


def test_the_controller_deletes_runs_of_supervision(answers: dict[str, Any]) -> None:
    assert answers["deleted"]["controller"]["supervise_stream"] == 204


def test_the_menu_offers_nothing_that_would_be_refused(answers: dict[str, Any]) -> None:
    hidden = {
        role: {"Audit Log", "Connections", "Variables"} - {*items} for role, items in answers["menus"].items()
    }
    assert hidden == {
        "admin": set(),
        "controller": {"Connections", "Variables"},
        "dpo": {"Connections", "Variables"},
        "viewer": {"Audit Log", "Connections", "Variables"},
    }


@pytest.mark.parametrize("role", [None, "", "op", "user", "ADMIN", "nobody"])
def test_a_role_that_is_not_ours_may_do_nothing(role: str | None) -> None:
    assert not any(may_on_dag(role, method, part, "supervise_stream") for method in METHODS for part in PARTS)
    assert not any(may_on_resource(role, method, "pool") for method in METHODS)


def test_every_open_dag_exists_and_asks_for_no_person() -> None:
    shape = json.loads(Path(__file__).with_name("shape.json").read_text())["dags"]
    for dag_id in OPEN_DAGS:
        assert "gdpr" not in shape[dag_id]["tags"]
        assert not {"user_id", "subject_id"} & {*shape[dag_id]["params"]}


def test_each_role_is_a_user() -> None:
    from lethe.stack.airflow import USERS

    assert USERS == ROLES
