"""Each move by itself: who may, from where, with what; and what it leaves."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lethe.errors import AccessError, CaseError, InputError
from lethe.requests.case_moves import move, undecided
from lethe.requests.case_rules import RULES, Facts, reason_of
from lethe.requests.case_terms import (
    DEFAULT_GROUNDS,
    ENDED,
    Channel,
    Ground,
    IdentityMethod,
    IdentityOutcome,
    Kind,
    Move,
    RefusalGround,
    Role,
    Ruling,
    State,
)
from lethe.requests.case_terms import ExtensionCause as Cause
from lethe.requests.cases import By, Case, due, is_overdue, is_suspended, joined, opened
from lethe.requests.clock import clock_of
from lethe.settings import ClockSettings

CONTROLLER = By(Role.CONTROLLER, "controller", "ops")
DPO = By(Role.DPO, "dpo", "ops")
SYSTEM = By(Role.SYSTEM, "erase_subject", "ops")
WHO = {by.role: by for by in (CONTROLLER, DPO, SYSTEM)}
CLOCK = clock_of(ClockSettings(country="NL", time_zone="Europe/Amsterdam", identity_days=3))
NOW = datetime(2026, 6, 1, 10, tzinfo=UTC)
SUBJECT = "ab" * 32
FACTS = Facts(
    method=IdentityMethod.LOGIN,
    outcome=IdentityOutcome.CONFIRMED,
    holds=("h1",),
    ruling=Ruling.ERASE,
    reason="because",
    departure="another view",
    cause=Cause.COMPLEXITY,
    ground=RefusalGround.NOT_IDENTIFIED,
    complaint="the authority",
    clock=CLOCK,
)


def erasure(**changes: Any) -> Case:
    return replace(opened(SUBJECT, Kind.ERASURE, Channel.SUBJECT, NOW), **changes)


def go(case: Case, *steps: tuple[Move, dict[str, Any]] | Move, at: datetime = NOW) -> Case:
    """Make moves one after the other, each by who may, with facts that suffice."""
    for step in steps:
        what, facts = step if isinstance(step, tuple) else (step, {})
        by = WHO[next(role for role in Role if role in RULES[what].who)]
        case = move(case, what, by, at, replace(FACTS, **facts))
    return case


HELD: tuple[Any, ...] = (Move.HOLD,)
DONE: tuple[Any, ...] = ((Move.START, {"holds": ()}), Move.FULFIL)


def test_a_case_has_a_random_name_of_128_bits() -> None:
    names = {opened(SUBJECT, Kind.ACCESS, Channel.SUBJECT, NOW).case_id for _ in range(500)}
    assert len(names) == 500
    assert all(len(bytes.fromhex(name)) == 16 for name in names)


def test_every_channel_has_a_ground_of_its_own_for_an_erasure_and_no_other_kind_has_one() -> None:
    assert set(DEFAULT_GROUNDS) == set(Channel)
    for channel, ground in DEFAULT_GROUNDS.items():
        assert opened(SUBJECT, Kind.ERASURE, channel, NOW).ground is ground
    assert opened(SUBJECT, Kind.ERASURE, Channel.SUBJECT, NOW, ground=Ground.CHILD).ground is Ground.CHILD
    assert opened(SUBJECT, Kind.ACCESS, Channel.SUBJECT, NOW).ground is None
    with pytest.raises(ValueError, match="access has no ground"):
        opened(SUBJECT, Kind.ACCESS, Channel.SUBJECT, NOW, ground=Ground.CHILD)


@pytest.mark.parametrize("what", Move)
def test_nobody_makes_a_move_that_is_not_theirs(what: Move) -> None:
    for role, by in WHO.items():
        if role not in RULES[what].who:
            with pytest.raises(AccessError, match=f"^{by.user} may not .*: that is for "):
                move(erasure(), what, by, NOW, FACTS)


@pytest.mark.parametrize("what", Move)
def test_a_move_from_any_other_state_is_refused(what: Move) -> None:
    rule = RULES[what]
    by = WHO[next(role for role in Role if role in rule.who)]
    for state in set(State) - rule.sources - rule.again:
        case = erasure(state=state)
        with pytest.raises(CaseError, match=f"^case {case.case_id} is {state}: it can't"):
            move(case, what, by, NOW, FACTS)


@pytest.mark.parametrize(("what", "name"), [(what, name) for what in Move for name in RULES[what].needs])
def test_a_fact_that_is_missing_is_named(what: Move, name: str) -> None:
    rule = RULES[what]
    by = WHO[next(role for role in Role if role in rule.who)]
    case = erasure(state=next(iter(sorted(rule.sources))))
    with pytest.raises(CaseError, match=f"needs {name}$"):
        move(case, what, by, NOW, replace(FACTS, **{name: None}))


@pytest.mark.parametrize("what", [Move.HOLD, Move.RELEASE, Move.ADVISE, Move.DECIDE, Move.TOMBSTONE])
def test_only_an_erasure_is_held_and_tombstoned(what: Move) -> None:
    case = opened(SUBJECT, Kind.ACCESS, Channel.SUBJECT, NOW)
    with pytest.raises(CaseError, match="about access: there is no move"):
        move(case, what, WHO[next(role for role in Role if role in RULES[what].who)], NOW, FACTS)


def test_the_shortest_way_leaves_who_did_what() -> None:
    case = go(erasure(), *DONE, Move.TOMBSTONE, Move.TELL_RECIPIENTS, Move.ANSWER, Move.SHRED)
    assert (case.state, case.outcome) == (State.ANSWERED, State.FULFILLED)
    assert (case.answered_at, case.ended_at, case.shredded_at) == (NOW, NOW, NOW)
    assert [step.move for step in case.history][:2] == [Move.START, Move.FULFIL]
    assert [step.by for step in case.history][-2:] == [CONTROLLER, SYSTEM]
    assert case.revision == len(case.history) == 6


def test_a_move_of_the_system_that_is_made_again_changes_nothing() -> None:
    case = go(erasure(), *DONE)
    assert go(case, Move.FULFIL) is case
    told = go(case, Move.TOMBSTONE, Move.TELL_RECIPIENTS)
    assert go(told, Move.TOMBSTONE, Move.TELL_RECIPIENTS, at=NOW + timedelta(days=1)) is told
    at_work = go(erasure(), (Move.START, {"holds": ()}))
    assert go(at_work, Move.START) is at_work  # with a hold that came later
    held = go(erasure(), *HELD)
    assert go(held, Move.HOLD, at=NOW + timedelta(days=1)) is held
    ended = go(told, Move.ANSWER, Move.SHRED)
    assert go(ended, Move.SHRED) is ended


# ---- holds


def test_a_hold_stops_the_work_until_the_controller_has_decided() -> None:
    with pytest.raises(CaseError, match="a hold stands on its subject"):
        go(erasure(), (Move.START, {"holds": ("h1",)}))
    case = go(erasure(), *HELD)
    with pytest.raises(CaseError, match="is held: it can't start"):
        go(case, Move.START)
    decided = go(case, Move.DECIDE)
    assert decided.state is State.OPEN
    assert go(decided, (Move.START, {"holds": ("h1",)})).state is State.AT_WORK
    assert undecided(decided, ("h1", "h2")) == ("h2",)
    with pytest.raises(CaseError, match="a hold stands"):
        go(decided, (Move.START, {"holds": ("h1", "h2")}))


def test_who_advised_does_not_decide_and_who_decided_does_not_advise() -> None:
    advised = go(erasure(), *HELD, Move.ADVISE)
    same = By(Role.CONTROLLER, DPO.user, "another account")
    with pytest.raises(AccessError, match="somebody else decides"):
        move(advised, Move.DECIDE, same, NOW, FACTS)
    decided = go(advised, Move.DECIDE, (Move.HOLD, {"holds": ("h1", "h2")}))
    with pytest.raises(AccessError, match="somebody else advises"):
        move(decided, Move.ADVISE, By(Role.DPO, CONTROLLER.user, "ops"), NOW, FACTS)


@pytest.mark.parametrize("advised", [None, Ruling.REFUSE])
def test_a_decision_that_departs_from_the_advice_says_why(advised: Ruling | None) -> None:
    steps = [] if advised is None else [(Move.ADVISE, {"ruling": advised})]
    case = go(erasure(), *HELD, *steps)
    with pytest.raises(CaseError, match="say why"):
        go(case, (Move.DECIDE, {"departure": None}))
    assert (
        go(case, (Move.DECIDE, {"departure": "the claim is over"})).decisions[0].departure
        == "the claim is over"
    )
    agreed = go(erasure(), *HELD, Move.ADVISE, (Move.DECIDE, {"departure": None}))
    assert agreed.decisions[0].departure is None


def test_advice_on_an_earlier_hold_does_not_count_for_a_later_one() -> None:
    case = go(erasure(), *HELD, Move.ADVISE, Move.DECIDE)
    later = NOW + timedelta(days=1)
    case = go(case, (Move.HOLD, {"holds": ("h1", "h2")}), at=later)
    assert case.counting_advice is None
    with pytest.raises(CaseError, match="the dpo has not advised"):
        go(case, (Move.DECIDE, {"holds": ("h1", "h2"), "departure": None}), at=later)


def test_a_decision_does_not_cover_a_hold_that_nobody_has_seen() -> None:
    with pytest.raises(CaseError, match="another hold has come since"):
        go(erasure(), *HELD, (Move.DECIDE, {"holds": ("h1", "h9")}))


def test_without_a_hold_there_is_nothing_to_decide_and_the_case_is_released() -> None:
    case = go(erasure(), *HELD)
    with pytest.raises(CaseError, match="no hold stands any more"):
        go(case, (Move.DECIDE, {"holds": ()}))
    with pytest.raises(CaseError, match="a hold still stands"):
        go(case, Move.RELEASE)
    assert go(case, (Move.RELEASE, {"holds": ()})).state is State.OPEN
    with pytest.raises(CaseError, match="no hold stands"):
        go(erasure(), (Move.HOLD, {"holds": ()}))


def test_a_decision_to_refuse_names_where_to_complain() -> None:
    refuse = {"ruling": Ruling.REFUSE}
    with pytest.raises(CaseError, match="needs complaint"):
        go(erasure(), *HELD, (Move.DECIDE, {**refuse, "complaint": None}))
    case = go(erasure(), *HELD, (Move.DECIDE, refuse))
    assert case.refusal is not None
    assert (case.state, case.outcome) == (State.REFUSED, State.REFUSED)
    assert (case.refusal.ground, case.refusal.complaint) == (RefusalGround.EXEMPT, "the authority")


def test_a_hold_never_delays_the_stop_of_use() -> None:
    assert erasure().stops_use
    assert go(erasure(), *HELD).stops_use
    assert go(erasure(), *HELD, (Move.DECIDE, {"ruling": Ruling.REFUSE})).stops_use
    assert not opened(SUBJECT, Kind.ACCESS, Channel.SUBJECT, NOW).stops_use
    assert not go(erasure(), Move.REFUSE).stops_use
    asked = go(erasure(), Move.ASK_IDENTITY)
    assert not asked.stops_use
    assert go(asked, Move.SETTLE_IDENTITY).stops_use
    assert not go(asked, (Move.SETTLE_IDENTITY, {"outcome": IdentityOutcome.NOT_CONFIRMED})).stops_use


# ---- identity


def test_nothing_is_done_for_somebody_who_did_not_show_who_they_are() -> None:
    case = go(
        erasure(), Move.ASK_IDENTITY, (Move.SETTLE_IDENTITY, {"outcome": IdentityOutcome.NOT_CONFIRMED})
    )
    with pytest.raises(CaseError, match="identity was not confirmed"):
        go(case, (Move.START, {"holds": ()}))
    assert (
        go(case, Move.ASK_IDENTITY, Move.SETTLE_IDENTITY, (Move.START, {"holds": ()})).state is State.AT_WORK
    )


def test_the_clock_stands_still_while_a_check_is_open_that_was_asked_for_at_once() -> None:
    asked = go(erasure(), Move.ASK_IDENTITY, at=NOW + timedelta(days=2))
    assert is_suspended(asked, CLOCK)
    much_later = NOW + timedelta(days=400)
    assert not is_overdue(asked, CLOCK, much_later)
    assert due(asked, CLOCK, much_later) > much_later.date()
    settled = go(asked, Move.SETTLE_IDENTITY, at=NOW + timedelta(days=12))
    assert due(settled, CLOCK, much_later).isoformat() == "2026-07-13"
    assert is_overdue(settled, CLOCK, much_later)
    late = go(erasure(), Move.ASK_IDENTITY, at=NOW + timedelta(days=5))
    assert not is_suspended(late, CLOCK)
    assert is_overdue(late, CLOCK, much_later)


def test_while_identity_is_in_doubt_that_alone_is_a_ground_to_refuse() -> None:
    asked = go(erasure(), Move.ASK_IDENTITY)
    with pytest.raises(CaseError, match="the ground is not_identified"):
        go(asked, (Move.REFUSE, {"ground": RefusalGround.UNFOUNDED}))
    assert go(asked, Move.REFUSE).state is State.REFUSED


# ---- extension, refusal, answer


def test_it_is_extended_once_and_within_the_first_month() -> None:
    last, late = datetime(2026, 7, 1, 21, 59, tzinfo=UTC), datetime(2026, 7, 1, 22, 0, tzinfo=UTC)
    extended = go(erasure(), Move.EXTEND, at=last)
    assert extended.state is State.OPEN
    assert due(extended, CLOCK, last).isoformat() == "2026-09-01"
    with pytest.raises(CaseError, match="has been extended already"):
        go(extended, Move.EXTEND)
    with pytest.raises(CaseError, match="could be extended until 2026-07-01 only"):
        go(erasure(), Move.EXTEND, at=late)


@pytest.mark.parametrize(
    ("kind", "ground", "words"),
    [
        (Kind.ERASURE, RefusalGround.EXEMPT, "takes a hold"),
        (Kind.ERASURE, RefusalGround.OTHERS_RIGHTS, "no ground to refuse it"),
        (Kind.ACCESS, RefusalGround.COMPELLING, "no ground to refuse it"),
    ],
)
def test_a_ground_that_does_not_fit_is_refused(kind: Kind, ground: RefusalGround, words: str) -> None:
    with pytest.raises(CaseError, match=words):
        go(opened(SUBJECT, kind, Channel.SUBJECT, NOW), (Move.REFUSE, {"ground": ground}))


def test_whoever_asked_is_answered_and_whoever_did_not_is_not() -> None:
    with pytest.raises(CaseError, match="somebody is to be answered"):
        go(erasure(), *DONE, Move.CLOSE)
    nobody = opened(SUBJECT, Kind.ERASURE, Channel.RETENTION, NOW)
    assert go(nobody, *DONE, Move.CLOSE).state is State.CLOSED
    assert not is_overdue(nobody, CLOCK, NOW + timedelta(days=100))
    asked_since = joined(nobody, Channel.SUBJECT, NOW + timedelta(days=3))
    assert is_overdue(asked_since, CLOCK, NOW + timedelta(days=100))
    with pytest.raises(CaseError, match="somebody is to be answered"):
        go(asked_since, *DONE, Move.CLOSE)


def test_the_key_ends_when_tombstones_recipients_and_answer_are_done_and_not_before() -> None:
    done = go(erasure(sealed={"user_id": b"x"}), *DONE)
    for steps in ([Move.ANSWER], [Move.ANSWER, Move.TOMBSTONE], [Move.TELL_RECIPIENTS, Move.ANSWER]):
        with pytest.raises(CaseError, match="are not done"):
            go(done, *steps, Move.SHRED)
    with pytest.raises(CaseError, match="is fulfilled: it can't shred"):
        go(done, Move.TOMBSTONE, Move.TELL_RECIPIENTS, Move.SHRED)
    ended = go(done, Move.ANSWER, Move.TELL_RECIPIENTS, Move.TOMBSTONE, Move.SHRED)
    assert (ended.sealed, ended.state) == ({}, State.ANSWERED)
    access = opened(SUBJECT, Kind.ACCESS, Channel.SUBJECT, NOW)
    assert go(access, *DONE, Move.ANSWER, Move.SHRED).shredded_at == NOW
    assert go(erasure(), Move.REFUSE, Move.ANSWER, Move.SHRED).shredded_at == NOW


def test_who_asks_again_joins_and_the_clock_goes_on_from_the_first() -> None:
    case = joined(erasure(), Channel.GUARDIAN, NOW + timedelta(days=3))
    case = joined(case, Channel.GUARDIAN, NOW - timedelta(days=1))
    assert case.channels == (Channel.SUBJECT, Channel.GUARDIAN)
    assert (case.joined, case.joined_at) == (2, NOW + timedelta(days=3))
    assert (case.received_at, case.revision) == (NOW - timedelta(days=1), 2)
    with pytest.raises(ValueError, match="nothing joins"):
        joined(go(erasure(), *DONE), Channel.SUBJECT, NOW)


def test_an_ended_case_stays_ended() -> None:
    changing = {what for what, rule in RULES.items() if rule.sources & ENDED and rule.to is not None}
    assert changing == set()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "x" * 1001,
        "write to anna@example.org",
        "of 0190A1B2-0000-4000-8000-00000000002a",
        "a\x1b[2Jb",
    ],
)
def test_a_reason_names_nobody_and_can_be_printed(text: str) -> None:
    for given in ({"reason": text}, {"departure": text}):
        with pytest.raises(InputError) as caught:
            Facts(**given)
        assert not text.strip() or text not in str(caught.value)
    assert reason_of(" a claim \n is  pending ") == "a claim is pending"
