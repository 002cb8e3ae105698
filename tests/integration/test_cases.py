"""Cases and holds in MongoDB, with the rights of who works on them: joined, changed and held, by several at once."""

import os
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.client_session import ClientSession
from pymongo.errors import OperationFailure, WriteError

from lethe.audit.who import Who
from lethe.errors import CaseError, DestroyedKeyError, InputError, StoreError
from lethe.requests import case_store, hold_store
from lethe.requests.case_reading import reveal
from lethe.requests.case_rules import Facts
from lethe.requests.case_terms import (
    Channel,
    Exemption,
    ExtensionCause,
    IdentityMethod,
    IdentityOutcome,
    Kind,
    Move,
    RefusalGround,
    Ruling,
    State,
)
from lethe.requests.cases import Case
from lethe.requests.clock import clock_of
from lethe.requests.clock import now as time_now
from lethe.requests.holds import Hold, lift
from lethe.stores.mongodb import in_transaction
from tests.integration.case_house import ADDRESS, CONTROLLER, DPO, SYSTEM, House
from tests.integration.live import LiveStack

ROUNDS = 200 if os.environ.get("LETHE_TEST_LENGTH") == "long" else 25


@pytest.fixture
def house(stack: LiveStack) -> Iterator[House]:
    made = House(stack)
    made.empty()
    yield made
    made.empty()


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """The works begun at one moment; their values, or the errors that they raised."""
    gate = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        gate.wait()
        try:
            return work()
        except (CaseError, StoreError) as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


# ---- what is stored


def test_each_state_of_a_case_is_stored_as_it_is_and_passes_the_validator(house: House) -> None:
    clock = clock_of()
    case = house.open()
    hold = house.hold(case.subject_id)
    house.step(case, Move.ASK_IDENTITY, CONTROLLER, method=IdentityMethod.CALL_BACK)
    house.step(case, Move.SETTLE_IDENTITY, CONTROLLER, outcome=IdentityOutcome.CONFIRMED)
    house.step(case, Move.EXTEND, CONTROLLER, cause=ExtensionCause.NUMBER, reason="many at once", clock=clock)
    hold_store.place(house.casework, hold)
    house.step(case, Move.ADVISE, DPO, ruling=Ruling.REFUSE, reason="the claim stands")
    decision = Facts(ruling=Ruling.ERASE, reason="the claim is void", departure="it lapsed in May")
    decided = hold_store.decide(house.casework, case.case_id, CONTROLLER, time_now(), facts=decision)
    assert case_store.load(house.intake.db, case.case_id) == decided
    assert house.begin(case).state is State.AT_WORK
    for what, by in (
        (Move.FULFIL, SYSTEM),
        (Move.TOMBSTONE, SYSTEM),
        (Move.TELL_RECIPIENTS, SYSTEM),
        (Move.ANSWER, CONTROLLER),
    ):
        changed = house.step(case, what, by)
        assert case_store.load(house.casework.db, case.case_id) == changed
    assert [step.move for step in changed.history][-5:] == [
        *(Move.START, Move.FULFIL, Move.TOMBSTONE, Move.TELL_RECIPIENTS, Move.ANSWER)
    ]
    (standing,) = hold_store.standing(house.casework.db, case.subject_id)
    assert standing == hold


def test_nothing_of_the_person_stands_in_clear_and_a_field_more_is_refused(house: House) -> None:
    request = house.request()
    case = house.open(request)
    text = repr(house.stored(case))
    assert request.user_id not in text
    assert ADDRESS not in text
    with pytest.raises(WriteError, match="Document failed validation"):
        house.casework.db.cases.update_one({"_id": case.case_id}, {"$set": {"email": "x"}})


def test_nobody_who_works_on_cases_removes_one_and_intake_holds_nobody(house: House) -> None:
    case = house.open()
    for cases in (house.intake, house.casework, house.eraser):
        with pytest.raises(OperationFailure, match="not authorized"):
            cases.db.cases.delete_one({"_id": case.case_id})
    for cases in (house.intake, house.eraser):
        with pytest.raises(OperationFailure, match="not authorized"):
            hold_store.place(cases, house.hold(case.subject_id))


# ---- opened and joined


def test_who_asks_again_joins_and_leaves_no_second_key(house: House) -> None:
    request = house.request(reply_to=None, channel=Channel.RETENTION)
    first = house.open(request)
    later = request.received_at + timedelta(days=2)
    again = house.open(replace(request, channel=Channel.SUBJECT, received_at=later, reply_to=ADDRESS))
    assert (again.case_id, again.joined) == (first.case_id, 1)
    assert again.channels == (Channel.RETENTION, Channel.SUBJECT)
    assert house.keys.unseal(again.case_id, "reply_to", again.sealed["reply_to"]) == ADDRESS
    assert case_store.load(house.casework.db, first.case_id) == again
    assert house.keys.older_than(timedelta(0), datetime.now(UTC)) == [first.case_id]


def test_another_kind_another_subject_and_what_is_done_are_not_joined(house: House) -> None:
    request = house.request()
    first = house.open(request)
    others = {house.open(replace(request, kind=Kind.ACCESS)).case_id, house.open().case_id}
    house.begin(first)
    assert house.open(request).case_id == first.case_id  # at work
    house.step(first, Move.FULFIL, SYSTEM)
    later = house.open(request)
    assert len({first.case_id, later.case_id, *others}) == 4


def test_many_who_ask_at_once_have_one_case_and_one_key(house: House) -> None:
    for _ in range(5):
        request = house.request()
        found = at_once(*[lambda request=request: house.open(request)] * 8)
        assert len({case.case_id for case in found}) == 1
        (case,) = case_store.find(house.casework.db, subject_id=request.subject_id)
        assert (case.joined, case.revision) == (7, 7)
        assert house.keys.unseal(case.case_id, "user_id", case.sealed["user_id"]) == request.user_id
        assert house.keys.older_than(timedelta(0), datetime.now(UTC)) == [case.case_id]
        house.keys.shred(case.case_id)


def test_a_case_and_what_stands_beside_it_are_there_both_or_neither(house: House) -> None:
    request = house.request()

    def fails(_case: Case, _session: ClientSession) -> None:
        raise StoreError("the entry can't be made")

    with pytest.raises(StoreError, match="the entry"):
        case_store.open_case(house.intake, house.keys, request, fails)
    assert case_store.find(house.casework.db, subject_id=request.subject_id) == []
    case = house.open(request)
    with pytest.raises(StoreError, match="the entry"):
        hold_store.begin(house.eraser, case.case_id, SYSTEM, time_now(), fails)
    assert case_store.load(house.casework.db, case.case_id) == case


def test_in_a_transaction_of_the_callers_own_a_case_is_opened_and_joined(house: House) -> None:
    request = house.request()
    drafts = [case_store.draft(house.keys, request) for _ in range(2)]

    def work(session: ClientSession) -> list[Case]:
        return [case_store.enter(house.intake.db, house.keys, each, session) for each in drafts]

    first, second = in_transaction(house.intake.client, work)
    assert first.case_id == second.case_id == drafts[0].case.case_id
    assert second.joined == 1


def test_killed_between_the_key_and_its_case_a_key_is_left_that_a_day_later_goes(house: House) -> None:
    left = case_store.draft(house.keys, house.request()).case.case_id
    case = house.open()
    now = datetime.now(UTC)
    assert case_store.shred_unused(house.casework.db, house.keys, now) == []
    tomorrow = now + timedelta(days=1, minutes=1)
    assert case_store.shred_unused(house.casework.db, house.keys, tomorrow) == [left]
    assert case_store.shred_unused(house.casework.db, house.keys, tomorrow) == []
    assert set(reveal(house.casework.db, house.keys, case, Who("controller", "ops"))) == {
        "user_id",
        "reply_to",
    }


# ---- changed


def test_what_somebody_else_has_changed_meanwhile_is_not_written_over(house: House) -> None:
    before = house.open()
    house.step(before, Move.ASK_IDENTITY, CONTROLLER, method=IdentityMethod.LOGIN)
    after = replace(before, revision=1)
    with pytest.raises(StoreError, match="somebody else has changed it meanwhile"):
        in_transaction(
            house.casework.client, lambda session: case_store.save(house.casework.db, before, after, session)
        )


def test_of_two_decisions_at_once_one_stands_and_the_other_is_told(house: House) -> None:
    for _ in range(5):
        case = house.open()
        hold_store.place(house.casework, house.hold(case.subject_id))

        def decide(ruling: Ruling, case: Case = case) -> Case:
            facts = Facts(ruling=ruling, reason="so", departure="no advice", complaint="authority")
            return hold_store.decide(house.casework, case.case_id, CONTROLLER, time_now(), facts=facts)

        found = at_once(lambda: decide(Ruling.ERASE), lambda: decide(Ruling.REFUSE))
        assert sorted(isinstance(each, CaseError) for each in found) == [False, True]
        (stands,) = (each for each in found if isinstance(each, Case))
        assert case_store.load(house.casework.db, case.case_id) == stands
        assert len(stands.decisions) == 1


def test_a_case_that_is_not_there_is_told(house: House) -> None:
    with pytest.raises(InputError, match="there is none"):
        case_store.load(house.casework.db, secrets.token_hex(16))


# ---- held


def test_a_hold_that_was_placed_before_is_seen_whatever_else_happens_at_once(house: House) -> None:
    for _ in range(ROUNDS):
        request = house.request()
        hold = house.hold(request.subject_id)
        opened, placed_on = at_once(
            lambda request=request: house.begin(house.open(request)),
            lambda hold=hold: hold_store.place(house.casework, hold),
        )
        now = case_store.load(house.casework.db, opened.case_id)
        if opened.state is State.AT_WORK:  # it came first: whoever holds is told, or no case was there yet
            assert [each.state for each in placed_on] in ([State.AT_WORK], [])
            assert now.state is State.AT_WORK
        else:
            assert (opened.state, now.state) == (State.HELD, State.HELD)
        assert house.begin(house.open()).state is State.AT_WORK


def test_a_hold_whose_cases_were_not_moved_yet_stops_them_at_the_gate(house: House) -> None:
    case = house.open()
    hold = house.hold(case.subject_id)
    house.casework.db.holds.insert_one(_document(hold))  # killed right after
    assert house.begin(case).state is State.HELD
    assert house.begin(case).state is State.HELD
    ended = {
        "$set": {"lifted_at": time_now(), "lift": {"by": _document(hold)["placed_by"], "reason": "over"}}
    }
    house.casework.db.holds.update_one({"_id": hold.hold_id}, ended)  # killed right after
    assert house.begin(case).state is State.AT_WORK


def _document(hold: Hold) -> dict[str, Any]:
    from lethe.requests.case_documents import hold_document

    return hold_document(hold)


def test_a_hold_placed_twice_is_one_and_lifted_twice_is_an_error(house: House) -> None:
    case = house.open()
    hold = house.hold(case.subject_id)
    other = house.hold(case.subject_id, Exemption.LEGAL_OBLIGATION)
    for each in (hold, hold, other):
        (held,) = hold_store.place(house.casework, each)
        assert held.state is State.HELD
    assert len(hold_store.standing(house.casework.db, case.subject_id)) == 2
    end = lift("settled", CONTROLLER)
    (still,) = hold_store.lift(house.casework, hold.hold_id, end, time_now())
    assert still.state is State.HELD
    with pytest.raises(CaseError, match="lifted already"):
        hold_store.lift(house.casework, hold.hold_id, end, time_now())
    (free,) = hold_store.lift(house.casework, other.hold_id, end, time_now())
    assert free.state is State.OPEN
    assert house.begin(case).state is State.AT_WORK


def test_a_hold_that_comes_after_the_decision_needs_another(house: House) -> None:
    case = house.open()
    hold_store.place(house.casework, house.hold(case.subject_id))
    facts = Facts(ruling=Ruling.ERASE, reason="so", departure="no advice")
    hold_store.decide(house.casework, case.case_id, CONTROLLER, time_now(), facts=facts)
    hold_store.place(house.casework, house.hold(case.subject_id))
    assert house.begin(case).state is State.HELD
    hold_store.decide(house.casework, case.case_id, CONTROLLER, time_now(), facts=facts)
    assert house.begin(case).state is State.AT_WORK


def test_a_hold_does_not_stop_other_kinds(house: House) -> None:
    case = house.open(kind=Kind.ACCESS)
    assert hold_store.place(house.casework, house.hold(case.subject_id)) == []
    assert house.begin(case).state is State.AT_WORK


# ---- the end


def test_the_key_is_shredded_once_and_afterwards_nobody_reads(house: House) -> None:
    case = house.open()
    with pytest.raises(CaseError, match="it can't shred"):
        case_store.shred(house.eraser, house.keys, case.case_id, SYSTEM, time_now())
    house.step(
        case, Move.REFUSE, CONTROLLER, ground=RefusalGround.UNFOUNDED, reason="so", complaint="authority"
    )
    answered = house.step(case, Move.ANSWER, CONTROLLER)
    house.keys.shred(case.case_id)  # killed right after the key, before it is noted
    with pytest.raises(DestroyedKeyError, match="it has been shredded"):
        reveal(house.casework.db, house.keys, answered, Who("controller", "ops"))
    for _ in range(2):
        done = case_store.shred(house.eraser, house.keys, case.case_id, SYSTEM, time_now())
        assert (done.sealed, done.state) == ({}, State.ANSWERED)
    assert not {"user_id", "reply_to", "open"} & set(house.stored(case))
    with pytest.raises(DestroyedKeyError, match="was forgotten when the case was done"):
        reveal(house.casework.db, house.keys, done, Who("controller", "ops"))


def test_who_looks_is_on_record_before_they_see(house: House) -> None:
    case = house.open()
    told = reveal(house.casework.db, house.keys, case, Who("controller", "ops"))
    assert told["reply_to"] == ADDRESS
    entries = list(
        house.stack.db("auditor").audit_trail.find({"case_id": case.case_id, "action": "case_reveal"})
    )
    assert [(each["role"], each["account"]) for each in entries] == [("controller", "ops")]
    house.keys.shred(case.case_id)
    with pytest.raises(DestroyedKeyError):
        reveal(house.casework.db, house.keys, case, Who("controller", "ops"))
    assert (
        house.stack.db("auditor").audit_trail.count_documents(
            {"case_id": case.case_id, "action": "case_reveal"}
        )
        == 2
    )
