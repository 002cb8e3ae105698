"""How a case is moved. Nothing else changes one; a move of the system that is made again changes nothing."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, TypeVar

from lethe.errors import AccessError, CaseError
from lethe.requests.case_rules import RULES, Facts
from lethe.requests.case_terms import Kind, Move, RefusalGround, Ruling, State
from lethe.requests.cases import (
    Advice,
    By,
    Case,
    Decision,
    Extension,
    IdentityCheck,
    Refusal,
    Step,
    first_due,
)
from lethe.requests.clock import in_ms

Change = Callable[[Case, Facts, By, datetime], Case]
Value = TypeVar("Value")

_ONLY_FOR: Final = {
    RefusalGround.OTHERS_RIGHTS: Kind.ACCESS,
    RefusalGround.COMPELLING: Kind.OBJECTION,
}


def move(case: Case, what: Move, by: By, at: datetime, facts: Facts | None = None) -> Case:
    """The case after a move, one revision on; the very same object where a repeated move changes nothing.

    Raises AccessError where the role may not, CaseError where the case does not allow it, or a fact is missing.
    """
    rule, given = RULES[what], facts or Facts()
    if by.role not in rule.who:
        raise AccessError(f"{by.user} may not {_words(what)}: that is for {' or '.join(sorted(rule.who))}")
    if case.kind not in rule.kinds:
        raise CaseError(f"case {case.case_id} is about {case.kind}: there is no move {_words(what)}")
    if case.state not in rule.sources | rule.again:
        raise CaseError(f"case {case.case_id} is {case.state}: it can't {_words(what)}")
    missing = [name for name in rule.needs if getattr(given, name) is None]
    if missing:
        raise CaseError(f"case {case.case_id}: {_words(what)} needs {', '.join(missing)}")
    when = in_ms(at)
    changed = _CHANGES[what](case, given, by, when)
    if changed is case:
        return case
    state = changed.state if rule.to is None else rule.to
    history = (*case.history, Step(what, when, by))
    return replace(changed, state=state, revision=case.revision + 1, history=history)


def _words(what: Move) -> str:
    return what.value.replace("_", " ")


def _ask_identity(case: Case, given: Facts, _by: By, at: datetime) -> Case:
    return replace(case, checks=(*case.checks, IdentityCheck(at, _fact(given.method))))


def _settle_identity(case: Case, given: Facts, _by: By, at: datetime) -> Case:
    settled = replace(case.checks[-1], settled_at=at, outcome=given.outcome)
    return replace(case, checks=(*case.checks[:-1], settled))


def _hold(case: Case, given: Facts, _by: By, at: datetime) -> Case:
    holds = _fact(given.holds)
    if not holds:
        raise CaseError(f"case {case.case_id}: no hold stands on its subject")
    if case.state is State.HELD and set(holds) <= set(case.holds):
        return case
    return replace(case, holds=tuple(sorted(holds)), held_at=at)


def _release(case: Case, given: Facts, _by: By, _at: datetime) -> Case:
    if case.state is State.OPEN:
        return case
    if undecided(case, _fact(given.holds)):
        raise CaseError(f"case {case.case_id}: a hold still stands on its subject")
    return replace(case, holds=(), held_at=None)


def _advise(case: Case, given: Facts, by: By, at: datetime) -> Case:
    if any(each.by.user == by.user for each in case.decisions):
        raise AccessError(f"{by.user} has decided on case {case.case_id}: somebody else advises")
    advice = Advice(at, by, _fact(given.ruling), _fact(given.reason))
    return replace(case, advice=(*case.advice, advice))


def _decide(case: Case, given: Facts, by: By, at: datetime) -> Case:
    """Two people: who advised never decides. A hold that the case was not held by yet must be seen first."""
    holds = _fact(given.holds)
    if not undecided(case, holds):
        raise CaseError(f"case {case.case_id}: no hold stands any more that is to be decided on")
    if not set(holds) <= set(case.holds):
        raise CaseError(f"case {case.case_id}: another hold has come since; hold it by that one too first")
    ruling, advice = _fact(given.ruling), case.counting_advice
    if any(each.by.user == by.user for each in case.advice):
        raise AccessError(f"{by.user} has advised on case {case.case_id}: somebody else decides")
    if given.departure is None and (advice is None or advice.ruling is not ruling):
        why = "the dpo has not advised" if advice is None else f"the dpo advised to {advice.ruling}"
        raise CaseError(f"case {case.case_id}: {why}; say why it is decided so all the same")
    decision = Decision(at, by, ruling, _fact(given.reason), case.holds, given.departure)
    decided = replace(case, decisions=(*case.decisions, decision))
    if ruling is Ruling.ERASE:
        return replace(decided, state=State.OPEN)
    if given.complaint is None:
        raise CaseError(f"case {case.case_id}: a refusal needs complaint")
    refusal = Refusal(at, RefusalGround.EXEMPT, decision.reason, given.complaint)
    return replace(decided, state=State.REFUSED, refusal=refusal, outcome=State.REFUSED)


def _extend(case: Case, given: Facts, _by: By, at: datetime) -> Case:
    """Once, and within the first month: the subject is told of it, with the reason, by then (Art. 12(3))."""
    clock = _fact(given.clock)
    if case.extension is not None:
        raise CaseError(f"case {case.case_id} has been extended already: two further months, and no more")
    last = first_due(case, clock, at)
    if clock.day(at) > last:
        raise CaseError(f"case {case.case_id} could be extended until {last} only")
    return replace(case, extension=Extension(at, _fact(given.cause), _fact(given.reason)))


def _refuse(case: Case, given: Facts, _by: By, at: datetime) -> Case:
    ground = _fact(given.ground)
    if ground is RefusalGround.EXEMPT:
        raise CaseError(f"case {case.case_id}: an exemption takes a hold, and a decision on it")
    if _ONLY_FOR.get(ground, case.kind) is not case.kind:
        raise CaseError(f"case {case.case_id} is about {case.kind}: {ground} is no ground to refuse it")
    if case.state is State.IDENTITY and ground is not RefusalGround.NOT_IDENTIFIED:
        raise CaseError(f"case {case.case_id}: while identity is in doubt, the ground is not_identified")
    refusal = Refusal(at, ground, _fact(given.reason), _fact(given.complaint))
    return replace(case, refusal=refusal, outcome=State.REFUSED)


def _start(case: Case, given: Facts, _by: By, _at: datetime) -> Case:
    """Where every hold that stands was decided upon; at work already, whatever came later came too late."""
    if case.state is State.AT_WORK:
        return case
    if not case.is_identified:
        raise CaseError(f"case {case.case_id}: identity was not confirmed; ask again, or refuse")
    if undecided(case, _fact(given.holds)):
        raise CaseError(f"case {case.case_id}: a hold stands on its subject, and nobody has decided")
    return replace(case)


def undecided(case: Case, standing: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the standing holds that the controller has not decided to erase in spite of; no other kind is held."""
    if case.kind is not Kind.ERASURE:
        return ()
    decided = {hold for each in case.decisions if each.ruling is Ruling.ERASE for hold in each.holds}
    return tuple(hold for hold in standing if hold not in decided)


def _settled_as(state: State) -> Change:
    def change(case: Case, _given: Facts, _by: By, _at: datetime) -> Case:
        return case if case.state is state else replace(case, outcome=state)

    return change


def _noted(field: str) -> Change:
    def change(case: Case, _given: Facts, _by: By, at: datetime) -> Case:
        return case if getattr(case, field) is not None else _with_time(case, field, at)

    return change


def _answer(case: Case, _given: Facts, _by: By, at: datetime) -> Case:
    return replace(case, answered_at=at, ended_at=at)


def _close(case: Case, _given: Facts, _by: By, at: datetime) -> Case:
    if case.state is State.CLOSED:
        return case
    if case.was_asked:
        raise CaseError(f"case {case.case_id}: somebody asked, so somebody is to be answered")
    return replace(case, ended_at=at)


def _shred(case: Case, _given: Facts, _by: By, at: datetime) -> Case:
    if case.shredded_at is not None:
        return case
    if not case.may_be_shredded:
        raise CaseError(f"case {case.case_id}: tombstones or recipients are not done")
    return replace(case, sealed={}, shredded_at=at)


def _with_time(case: Case, field: str, at: datetime) -> Case:
    changes: dict[str, Any] = {field: at}
    return replace(case, **changes)


def _fact(value: Value | None) -> Value:
    """A fact that the move's rule needs."""
    if value is None:
        raise CaseError("a fact is missing that the move's rule names")
    return value


_CHANGES: Final[Mapping[Move, Change]] = MappingProxyType(
    {
        Move.ASK_IDENTITY: _ask_identity,
        Move.SETTLE_IDENTITY: _settle_identity,
        Move.HOLD: _hold,
        Move.RELEASE: _release,
        Move.ADVISE: _advise,
        Move.DECIDE: _decide,
        Move.EXTEND: _extend,
        Move.REFUSE: _refuse,
        Move.START: _start,
        Move.FULFIL: _settled_as(State.FULFILLED),
        Move.FIND_NOTHING: _settled_as(State.NOTHING_HELD),
        Move.TOMBSTONE: _noted("tombstoned_at"),
        Move.TELL_RECIPIENTS: _noted("recipients_told_at"),
        Move.ANSWER: _answer,
        Move.CLOSE: _close,
        Move.SHRED: _shred,
    }
)
