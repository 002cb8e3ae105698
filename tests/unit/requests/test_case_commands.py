"""`lethe case …` as a user types it, as far as it goes without servers: every mistake is one line."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result

from lethe.errors import AccessError, ConfigurationError, InputError, LetheError, StackError
from lethe.register.load import load
from lethe.requests import case_printing
from lethe.requests.case_acts import allowed_for, complaint_route
from lethe.requests.case_moves import move
from lethe.requests.case_rules import Facts
from lethe.requests.case_terms import Channel, Exemption, Kind, Move, Role, Ruling
from lethe.requests.cases import By, Case, opened
from lethe.requests.clock import clock_of
from lethe.requests.holds import placed
from lethe.settings import ClockSettings
from lethe.stack import airflow_api
from lethe.stack.provision.mongodb_rights import RIGHTS
from tests.unit import commands
from tests.unit.commands import assert_one_known_error, leave_alone

CASE, HOLD = "0" * 32, "1" * 32
USER_ID = "0190a1b2-0000-4000-8000-00000000002a"
SUBJECT = "cd" * 32
NOW = datetime(2026, 6, 1, 10, tzinfo=UTC)
CLOCK = clock_of(ClockSettings(country="NL", time_zone="Europe/Amsterdam"))
WHY = ("--reason", "because")


def run(*arguments: str, text: str | None = None) -> Result:
    return commands.run("case", *arguments, text=text)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials, and ports of loopback on which nobody listens."""
    leave_alone(monkeypatch, tmp_path, "airflow-controller", "airflow-dpo", "mongo-casework")


MISTAKES: list[tuple[tuple[str, ...], type[LetheError], str]] = [
    (("list", "--as", "nobody"), InputError, "--as: one of"),
    (("list", "--as", "viewer"), AccessError, "viewer may not read: that takes admin or controller or dpo"),
    (("list", "--as", "admin"), ConfigurationError, "credential airflow-admin"),
    (("show", "nonsense"), InputError, "CASE is not a case_id"),
    (("show", USER_ID), InputError, "CASE is not a case_id"),
    (("reveal", CASE, "--as", "dpo"), AccessError, "dpo may not reveal: that takes controller"),
    (("reveal", CASE, "--as", "admin"), AccessError, "admin may not reveal"),
    (("hold", CASE, "--exemption", "e", *WHY, "--as", "dpo"), AccessError, "dpo may not place hold"),
    (("hold", USER_ID, "--exemption", "e", *WHY), InputError, "CASE is not a case_id"),
    (("hold", CASE, "--exemption", "e", "--reason", "a@b.example"), InputError, "a reason names nobody"),
    (("lift", HOLD, *WHY, "--as", "dpo"), AccessError, "dpo may not lift hold"),
    (("lift", "nonsense", *WHY), InputError, "HOLD is not a hold's id"),
    (("advise", CASE, "--ruling", "erase", *WHY, "--as", "controller"), AccessError, "that takes dpo"),
    (("decide", CASE, "--ruling", "erase", *WHY, "--as", "dpo"), AccessError, "that takes controller"),
    (("decide", CASE, "--ruling", "erase", *WHY, "--as", "admin"), AccessError, "that takes controller"),
    (("decide", CASE, "--ruling", "erase", *WHY, "--departure", " "), InputError, "a reason has 1 to 1000"),
    (("extend", CASE, "--cause", "number", *WHY, "--as", "dpo"), AccessError, "that takes controller"),
    (("refuse", CASE, "--ground", "unfounded", "--reason", USER_ID), InputError, "a reason names nobody"),
    (("identity", CASE), InputError, "say either"),
    (("identity", CASE, "--ask", "login", "--outcome", "confirmed"), InputError, "say either"),
    (("answer", CASE, "--as", "dpo"), AccessError, "that takes controller"),
    (("list",), StackError, "airflow does not answer"),
    (("reveal", CASE), StackError, "airflow does not answer"),
    (("answer", CASE), StackError, "airflow does not answer"),
    (("advise", CASE, "--ruling", "refuse", *WHY), StackError, "airflow does not answer"),
]


@pytest.mark.parametrize(
    ("arguments", "kind", "words"), MISTAKES, ids=[" ".join(each[0]) for each in MISTAKES]
)
def test_a_mistake_is_one_known_error(arguments: tuple[str, ...], kind: type[LetheError], words: str) -> None:
    result = run(*arguments)
    assert_one_known_error(result, kind, words)
    assert USER_ID not in str(result.exception)
    assert result.output == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no user id given"),
        (f"{USER_ID}\n{'1' + USER_ID[1:]}\n", "one subject"),
        ("x\n", "line 1: not a UUID"),
    ],
)
def test_a_hold_is_on_one_user_id_from_standard_input(text: str, words: str) -> None:
    result = run("hold", "-", "--exemption", "e", *WHY, text=text)
    assert isinstance(result.exception, InputError)
    assert words in str(result.exception)
    assert USER_ID not in str(result.exception)


@pytest.mark.parametrize(
    "arguments",
    [
        ("lst",),
        ("show",),
        ("list", "--state", "done"),
        ("hold", CASE, *WHY),
        ("refuse", CASE, "--ground", "e", *WHY),
    ],
)
def test_words_that_do_not_exist_are_told_as_usage(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_a_country_that_nobody_knows_is_told_before_anything_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LETHE_COUNTRY", "XX")
    assert "LETHE_COUNTRY 'XX'" in str(run("list").exception)


def test_without_mongodb_there_is_one_line_and_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_api.AirflowApi, "log_in", lambda _self: None)
    monkeypatch.setattr("lethe.stores.mongodb.CONNECT_TIMEOUT_MS", 200)
    for arguments in (("list",), ("show", CASE), ("reveal", CASE), ("answer", CASE), ("holds",)):
        result = run(*arguments)
        assert isinstance(result.exception, LetheError)
        assert str(result.exception).startswith(
            "mongodb: cases could not be asked (ServerSelectionTimeoutError"
        )
        assert result.exception.__suppress_context__


def test_each_move_of_a_person_is_for_the_controller_but_the_advice() -> None:
    people = [Move.DECIDE, Move.EXTEND, Move.REFUSE, Move.ASK_IDENTITY, Move.SETTLE_IDENTITY, Move.ANSWER]
    assert {tuple(allowed_for(what)) for what in people} == {("controller",)}
    assert tuple(allowed_for(Move.ADVISE)) == ("dpo",)


def held() -> Case:
    case = opened(SUBJECT, Kind.ERASURE, Channel.SUBJECT, NOW)
    case = move(case, Move.HOLD, By(Role.SYSTEM, "run", "ops"), NOW, Facts(holds=(HOLD,)))
    dpo = By(Role.DPO, "dpo", "ops")
    return move(case, Move.ADVISE, dpo, NOW, Facts(ruling=Ruling.REFUSE, reason="it stands"))


def test_what_is_shown_never_says_whom_it_is_about() -> None:
    case = held()
    hold = placed(SUBJECT, Exemption.LEGAL_CLAIMS, "a claim", By(Role.CONTROLLER, "controller", "ops"), NOW)
    shown = [
        json.dumps(case_printing.document(case, CLOCK, NOW)),
        case_printing.text(case, CLOCK, NOW),
        " ".join(case_printing.line(case, CLOCK, NOW)),
        json.dumps(case_printing.hold_document(hold)),
        " ".join(case_printing.hold_line(hold, CLOCK)),
    ]
    assert not [text for text in shown if SUBJECT in text or "sealed" in text or "reply_to" in text]


def test_a_case_is_told_with_its_clock_to_people_and_to_machines() -> None:
    case, late = held(), NOW + timedelta(days=40)
    assert case_printing.line(case, CLOCK, late)[1:] == [
        "erasure",
        "held",
        "2026-06-01",
        "2026-07-01",
        "overdue",
    ]
    told = case_printing.document(case, CLOCK, NOW)
    assert (told["due"], told["overdue"], told["suspended"]) == ("2026-07-01", False, False)
    assert told["advice"][0]["ruling"] == "refuse"
    lines = case_printing.text(case, CLOCK, NOW).splitlines()
    assert {"state: held", "due: 2026-07-01", "advice of dpo: refuse, it stands"} <= set(lines)


def test_where_to_complain_is_the_registers_authority() -> None:
    authority = load().supervisory_authority
    assert complaint_route().startswith(f"{authority.name}, {authority.address}, {authority.email}")


def test_who_opens_a_case_and_who_erases_never_holds_and_nobody_removes() -> None:
    assert RIGHTS["intake"]["cases"] == ("find", "insert", "update")
    assert set(RIGHTS["intake"]) == {"cases", "audit_trail", "audit_head"}
    assert set(RIGHTS["casework"]) == {"cases", "holds", "audit_trail", "audit_head"}
    assert RIGHTS["eraser"]["holds"] == ("find",)
    writers = {role for role, held in RIGHTS.items() if {"insert", "update"} & set(held.get("holds", ()))}
    assert writers == {"casework"}
    assert not [role for role, held in RIGHTS.items() if "remove" in held.get("cases", ())]
