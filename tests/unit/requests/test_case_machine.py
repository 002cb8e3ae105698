"""Any sequence of moves, by anybody, with holds that come and go: a model that knows no rules table agrees."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lethe.errors import AccessError, CaseError
from lethe.requests.case_moves import move
from lethe.requests.case_rules import Facts
from lethe.requests.case_terms import (
    Channel,
    ExtensionCause,
    IdentityMethod,
    IdentityOutcome,
    Kind,
    Move,
    RefusalGround,
    Role,
    Ruling,
    State,
)
from lethe.requests.cases import By, Case, due, opened
from lethe.requests.clock import clock_of
from lethe.settings import ClockSettings

CLOCK = clock_of(ClockSettings(country="NL", time_zone="Europe/Amsterdam", identity_days=3))
BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)
ANNA, BODO = By(Role.CONTROLLER, "anna", "ops"), By(Role.DPO, "bodo", "ops")
BOTH = [By(Role.CONTROLLER, "both", "ops"), By(Role.DPO, "both", "ops")]  # one person, with both passwords
RUN = By(Role.SYSTEM, "run", "ops")


@dataclass
class Model:
    """What a person would write on the case's cover."""

    erasure: bool
    asked: bool
    now: datetime = BEGIN
    state: str = "open"
    standing: set[str] = field(default_factory=set)
    held_by: set[str] = field(default_factory=set)
    overruled: set[str] = field(default_factory=set)
    doubts: bool = False
    extended: bool = False
    advised: list[tuple[datetime, str]] = field(default_factory=list)
    advisers: set[str] = field(default_factory=set)
    deciders: set[str] = field(default_factory=set)
    held_since: datetime | None = None
    outcome: str | None = None
    tombstoned: bool = False
    told: bool = False
    shredded: bool = False
    paused: int = 0
    doubted_since: datetime | None = None

    @property
    def waiting(self) -> set[str]:
        return self.standing - self.overruled if self.erasure else set()

    def ask_identity(self, by: By) -> bool:
        if by.role != "controller" or self.state != "open":
            return False
        self.state, self.doubts, self.doubted_since = "identity", True, self.now
        return True

    def settle_identity(self, by: By, confirmed: bool) -> bool:
        if by.role != "controller" or self.state != "identity" or self.doubted_since is None:
            return False
        if (self.doubted_since - BEGIN).days <= 3:
            self.paused += (self.now - self.doubted_since).days
        self.state, self.doubts = "open", not confirmed
        return True

    def hold(self, by: By) -> bool:
        if not self.erasure or by.role == "dpo" or self.state not in ("open", "held") or not self.standing:
            return False
        if self.state == "open" or self.standing - self.held_by:
            self.state, self.held_by, self.held_since = "held", set(self.standing), self.now
        return True

    def release(self, by: By) -> bool:
        if not self.erasure or by.role == "dpo" or self.state not in ("open", "held"):
            return False
        if self.state == "open":
            return True
        if self.waiting:
            return False
        self.state, self.held_by, self.held_since = "open", set(), None
        return True

    def advise(self, by: By, ruling: str) -> bool:
        if not self.erasure or by.role != "dpo" or self.state != "held" or by.user in self.deciders:
            return False
        self.advised.append((self.now, ruling))
        self.advisers.add(by.user)
        return True

    def decide(self, by: By, ruling: str, departs: bool) -> bool:
        if not self.erasure or by.role != "controller" or self.state != "held" or not self.waiting:
            return False
        if self.standing - self.held_by or by.user in self.advisers:
            return False
        assert self.held_since is not None
        counts = [advice for at, advice in self.advised if at >= self.held_since]
        if not departs and counts[-1:] != [ruling]:
            return False
        self.deciders.add(by.user)
        if ruling == "erase":
            self.state, self.overruled = "open", self.overruled | self.held_by
        else:
            self.state = self.outcome = "refused"
        return True

    def extend(self, by: By) -> bool:
        if by.role != "controller" or self.state not in ("open", "identity", "held", "at_work"):
            return False
        if self.extended or self.now.date() > self.first_due():
            return False
        self.extended = True
        return True

    def first_due(self) -> object:
        paused = self.paused
        if self.state == "identity" and self.doubted_since and (self.doubted_since - BEGIN).days <= 3:
            paused += (self.now - self.doubted_since).days
        return CLOCK.due(BEGIN, paused)

    def refuse(self, by: By, unidentified: bool) -> bool:
        if by.role != "controller" or self.state not in ("open", "identity"):
            return False
        if self.state == "identity" and not unidentified:
            return False
        self.state = self.outcome = "refused"
        return True

    def start(self, by: By) -> bool:
        if by.role != "system" or self.state not in ("open", "at_work"):
            return False
        if self.state == "open" and (self.doubts or self.waiting):
            return False
        self.state = "at_work"
        return True

    def end_work(self, by: By, outcome: str) -> bool:
        if by.role != "system" or self.state not in ("at_work", outcome):
            return False
        self.state = self.outcome = outcome
        return True

    def note(self, by: By, recipients: bool) -> bool:
        worked = ("at_work", "fulfilled", "nothing_held", "answered", "closed")
        if not self.erasure or by.role != "system" or self.state not in worked:
            return False
        self.told, self.tombstoned = self.told or recipients, self.tombstoned or not recipients
        return True

    def end(self, by: By, *, answered: bool) -> bool:
        if answered:
            if by.role != "controller" or self.state not in ("fulfilled", "nothing_held", "refused"):
                return False
            self.state = "answered"
            return True
        if by.role != "system" or (self.state != "closed" and self.asked):
            return False
        if self.state not in ("fulfilled", "nothing_held", "refused", "closed"):
            return False
        self.state = "closed"
        return True

    def shred(self, by: By) -> bool:
        if by.role != "system" or self.state not in ("answered", "closed"):
            return False
        if self.erasure and self.outcome == "fulfilled" and not (self.told and self.tombstoned):
            return False
        self.shredded = True
        return True


# Mostly who may, so that sequences become long; each move by everybody else is in test_case_moves.
controllers = st.sampled_from([ANNA] * 4 + [BOTH[0]] * 3 + [BODO, RUN])
officers = st.sampled_from([BODO] * 3 + [BOTH[1]] * 3 + [ANNA, RUN])
runs = st.sampled_from([RUN] * 7 + [ANNA, BODO])


def mostly(*states: str) -> Callable[[Any], bool]:
    """Where a move may be made; or anywhere, while anything is tried."""
    return lambda self: self.anything or self.model.state in states


rulings = st.sampled_from(list(Ruling))


class AnySequence(RuleBasedStateMachine):
    """The case and the model are told the same."""

    @initialize(
        kind=st.sampled_from([Kind.ERASURE] * 4 + [Kind.ACCESS]),
        asked=st.booleans(),
        stage=st.sampled_from(["new", "held", "held again", "advised", "at work", "done"]),
    )
    def begin(self, kind: Kind, asked: bool, stage: str) -> None:
        channel = Channel.SUBJECT if asked else Channel.RETENTION
        self.case: Case = opened("ab" * 32, kind, channel, BEGIN)
        self.model = Model(kind is Kind.ERASURE, asked)
        if stage in ("held", "held again", "advised"):
            self.model.standing = {"x"}
            self.hold(ANNA)
        if stage == "held again":
            self.decide(BOTH[0], Ruling.ERASE, "another view")
            self.model.standing = {"x", "y"}
            self.hold(ANNA)
        if stage == "advised":
            self.advise(BOTH[1], Ruling.ERASE)
        if stage in ("at work", "done"):
            self.start(RUN)
        if stage == "done":
            self.end_work(RUN, found=True)

    anything = False

    @rule()
    def try_anything(self) -> None:
        """The next move may be any."""
        self.anything = True

    def tell(self, what: Move, by: By, expected: bool, **facts: object) -> None:
        given = Facts(holds=tuple(sorted(self.standing_before)), **facts)  # type: ignore[arg-type]
        before, self.anything = self.case, False
        try:
            self.case = move(before, what, by, self.model.now, given)
            happened = True
        except (CaseError, AccessError):
            happened = False
        assert happened is expected
        assert self.case.revision - before.revision == (self.case is not before)

    @property
    def standing_before(self) -> set[str]:
        return self.model.standing

    @rule(days=st.integers(1, 12))
    def time_goes_by(self, days: int) -> None:
        self.model.now += timedelta(days=days)

    @rule(hold=st.sampled_from("xyz"))
    def a_hold_comes_or_goes(self, hold: str) -> None:
        self.model.standing ^= {hold}

    @precondition(mostly("open"))
    @rule(by=controllers)
    def ask_identity(self, by: By) -> None:
        self.tell(Move.ASK_IDENTITY, by, self.model.ask_identity(by), method=IdentityMethod.CALL_BACK)

    @precondition(mostly("identity"))
    @rule(by=controllers, outcome=st.sampled_from(list(IdentityOutcome)))
    def settle_identity(self, by: By, outcome: IdentityOutcome) -> None:
        expected = self.model.settle_identity(by, outcome is IdentityOutcome.CONFIRMED)
        self.tell(Move.SETTLE_IDENTITY, by, expected, outcome=outcome)

    @precondition(mostly("open", "held"))
    @rule(by=controllers)
    def hold(self, by: By) -> None:
        self.tell(Move.HOLD, by, self.model.hold(by))

    @precondition(mostly("held", "open"))
    @rule(by=runs)
    def release(self, by: By) -> None:
        self.tell(Move.RELEASE, by, self.model.release(by))

    @precondition(mostly("held"))
    @rule(by=officers, ruling=rulings)
    def advise(self, by: By, ruling: Ruling) -> None:
        self.tell(Move.ADVISE, by, self.model.advise(by, ruling), ruling=ruling, reason="so")

    @precondition(mostly("held"))
    @rule(by=controllers, ruling=rulings, why=st.sampled_from([None, "another view"]))
    def decide(self, by: By, ruling: Ruling, why: str | None) -> None:
        expected = self.model.decide(by, ruling, why is not None)
        self.tell(Move.DECIDE, by, expected, ruling=ruling, reason="so", departure=why, complaint="authority")

    @precondition(mostly("open", "identity", "held", "at_work"))
    @rule(by=controllers)
    def extend(self, by: By) -> None:
        expected = self.model.extend(by)
        self.tell(Move.EXTEND, by, expected, cause=ExtensionCause.NUMBER, reason="so", clock=CLOCK)

    @precondition(mostly("identity"))
    @rule(by=controllers, ground=st.sampled_from([RefusalGround.NOT_IDENTIFIED, RefusalGround.UNFOUNDED]))
    def refuse(self, by: By, ground: RefusalGround) -> None:
        expected = self.model.refuse(by, ground is RefusalGround.NOT_IDENTIFIED)
        self.tell(Move.REFUSE, by, expected, ground=ground, reason="so", complaint="authority")

    @precondition(mostly("open", "at_work"))
    @rule(by=runs)
    def start(self, by: By) -> None:
        self.tell(Move.START, by, self.model.start(by))

    @precondition(mostly("at_work", "fulfilled", "nothing_held"))
    @rule(by=runs, found=st.booleans())
    def end_work(self, by: By, found: bool) -> None:
        what, outcome = (Move.FULFIL, "fulfilled") if found else (Move.FIND_NOTHING, "nothing_held")
        self.tell(what, by, self.model.end_work(by, outcome))

    @precondition(mostly("at_work", "fulfilled", "nothing_held", "answered", "closed"))
    @rule(by=runs, recipients=st.booleans())
    def note(self, by: By, recipients: bool) -> None:
        what = Move.TELL_RECIPIENTS if recipients else Move.TOMBSTONE
        self.tell(what, by, self.model.note(by, recipients))

    @precondition(mostly("fulfilled", "nothing_held", "refused"))
    @rule(by=controllers)
    def answer(self, by: By) -> None:
        self.tell(Move.ANSWER, by, self.model.end(by, answered=True))

    @precondition(mostly("fulfilled", "nothing_held", "refused"))
    @rule(by=runs)
    def close(self, by: By) -> None:
        self.tell(Move.CLOSE, by, self.model.end(by, answered=False))

    @precondition(mostly("answered", "closed"))
    @rule(by=runs)
    def shred(self, by: By) -> None:
        self.tell(Move.SHRED, by, self.model.shred(by))

    @invariant()
    def both_tell_the_same(self) -> None:
        if not hasattr(self, "case"):
            return
        case, model = self.case, self.model
        assert case.state == model.state
        assert case.outcome == model.outcome
        assert (case.shredded_at is not None) == model.shredded
        assert (case.extension is not None) == model.extended
        assert case.is_joinable == (model.state in ("open", "identity", "held", "at_work"))
        last = case.history[-1].at if case.history else case.received_at
        assert due(case, CLOCK, model.now) >= CLOCK.due(BEGIN)
        assert last <= model.now

    @invariant()
    def two_people_stand_behind_every_decision(self) -> None:
        if hasattr(self, "case"):
            advisers = {each.by.user for each in self.case.advice}
            assert advisers.isdisjoint(each.by.user for each in self.case.decisions)
            assert all(each.by.role is Role.CONTROLLER for each in self.case.decisions)
            assert self.case.state is not State.AT_WORK or self.case.is_identified


AnySequence.TestCase.settings = settings(max_examples=250, stateful_step_count=30, deadline=None)
test_any_sequence = AnySequence.TestCase
