"""`lethe case …` on the running system, as people type it: from the hold to the answer, and who sees whom."""

from collections.abc import Iterator

import pytest

from tests.integration.case_house import ADDRESS, House
from tests.integration.live import LiveStack


@pytest.fixture
def house(stack: LiveStack) -> Iterator[House]:
    made = House(stack)
    made.empty()
    yield made
    made.empty()


def test_the_commands_from_the_hold_to_the_answer(house: House) -> None:
    request = house.request()
    case = house.open(request)
    lethe = house.stack.lethe
    placed_on = lethe(
        "case", "hold", "-", "--exemption", "e", "--reason", "a claim", text=request.user_id + "\n"
    )
    hold_id = placed_on.stdout.split()[1]
    assert placed_on.stdout == f"hold {hold_id} stands\ncase {case.case_id} is held\n"
    lethe("case", "advise", case.case_id, "--ruling", "refuse", "--reason", "the claim stands")
    unexplained = lethe(
        *("case", "decide", case.case_id, "--ruling", "erase", "--reason", "it is void"), check=False
    )
    assert (unexplained.returncode, unexplained.stdout) == (1, "")
    assert unexplained.stderr.splitlines() == [
        f"lethe: case {case.case_id}: the dpo advised to refuse; say why it is decided so all the same"
    ]
    refused = lethe("case", "decide", case.case_id, "--ruling", "refuse", "--reason", "the claim stands")
    assert refused.stdout == f"case {case.case_id} is refused\n"
    assert lethe("case", "answer", case.case_id).stdout == f"case {case.case_id} is answered\n"
    assert lethe("case", "lift", hold_id, "--reason", "settled").stdout == f"hold {hold_id} is lifted\n"


def test_what_the_commands_show_names_nobody_and_reveal_is_on_record(house: House) -> None:
    request = house.request()
    case = house.open(request)
    lethe, log = house.stack.lethe, house.stack.db("auditor").audit_trail
    shown = [
        lethe("case", *words, "--as", user).stdout
        for words in (("list",), ("list", "--json"), ("show", case.case_id), ("show", case.case_id, "--json"))
        for user in ("controller", "dpo", "admin")
    ]
    assert all(case.case_id in text for text in shown)
    assert not [text for text in shown if request.user_id in text or ADDRESS in text]
    for user in ("dpo", "admin", "viewer"):
        told = lethe("case", "reveal", case.case_id, "--as", user, check=False)
        assert (told.returncode, told.stdout) == (1, "")
    looks = {"case_id": case.case_id, "action": "case_reveal"}
    assert log.count_documents(looks) == 0
    assert (
        lethe("case", "reveal", case.case_id).stdout == f"reply_to: {ADDRESS}\nuser_id: {request.user_id}\n"
    )
    assert log.count_documents(looks | {"role": "controller"}) == 1
