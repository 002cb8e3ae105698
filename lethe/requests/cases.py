"""A case: one request of a data subject, from its receipt to its answer (GDPR Art. 12, 15 to 22).

It changes by `case_moves.move` alone. Whom it is about stands in it by subject_id; user_id and reply address are
sealed (`case_keys`), until nothing needs them any more. Times are in UTC and whole milliseconds.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final

from lethe.requests.case_terms import (
    ASKED,
    DEFAULT_GROUNDS,
    ENDED,
    JOINABLE,
    Channel,
    ExtensionCause,
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
from lethe.requests.clock import Clock, in_ms

CASE_ID_BYTES: Final = 16  # 128 random bits
USER_ID: Final = "user_id"
REPLY_TO: Final = "reply_to"
SEALED: Final = (USER_ID, REPLY_TO)


@dataclass(frozen=True, slots=True)
class By:
    """Who made a move: as which role, by which name, and from which account of the operating system."""

    role: Role
    user: str
    account: str


@dataclass(frozen=True, slots=True)
class Step:
    """One move that was made."""

    move: Move
    at: datetime
    by: By


@dataclass(frozen=True, slots=True)
class IdentityCheck:
    """A question who somebody is: how it was asked, and what came of it; never what was shown."""

    asked_at: datetime
    method: IdentityMethod
    settled_at: datetime | None = None
    outcome: IdentityOutcome | None = None


@dataclass(frozen=True, slots=True)
class Extension:
    """Two further months (Art. 12(3))."""

    at: datetime
    cause: ExtensionCause
    reason: str


@dataclass(frozen=True, slots=True)
class Advice:
    """What the data protection officer advises; they do not decide (Art. 38(6))."""

    at: datetime
    by: By
    ruling: Ruling
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What the controller decided on a hold. `departure`: why not as advised, or why without advice."""

    at: datetime
    by: By
    ruling: Ruling
    reason: str
    holds: tuple[str, ...]
    departure: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not, and where one can complain (Art. 12(4))."""

    at: datetime
    ground: RefusalGround
    reason: str
    complaint: str


@dataclass(frozen=True, slots=True)
class Case:
    """One case. `revision` rises with each change; `holds`: those that it was held by last."""

    case_id: str
    subject_id: str
    kind: Kind
    channels: tuple[Channel, ...]  # of the first request, then of those that joined
    received_at: datetime
    ground: Ground | None = None  # of an erasure
    state: State = State.OPEN
    revision: int = 0
    joined: int = 0  # how many later requests
    joined_at: datetime | None = None  # the last of them
    sealed: Mapping[str, bytes] = field(default_factory=dict)
    checks: tuple[IdentityCheck, ...] = ()
    extension: Extension | None = None
    holds: tuple[str, ...] = ()
    held_at: datetime | None = None
    advice: tuple[Advice, ...] = ()
    decisions: tuple[Decision, ...] = ()
    refusal: Refusal | None = None
    outcome: State | None = None  # fulfilled, nothing_held or refused
    tombstoned_at: datetime | None = None
    recipients_told_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    shredded_at: datetime | None = None
    history: tuple[Step, ...] = ()

    @property
    def is_joinable(self) -> bool:
        """Whether a new request of this kind, for this subject, is part of it."""
        return self.state in JOINABLE

    @property
    def was_asked(self) -> bool:
        """Whether a person asked, who then is answered."""
        return not ASKED.isdisjoint(self.channels)

    @property
    def may_be_shredded(self) -> bool:
        """Whether tombstones, recipients and answer are done, so that user_id and reply address are of no use."""
        if self.state not in ENDED:
            return False
        if self.outcome is not State.FULFILLED:
            return True
        told = self.recipients_told_at is not None or self.kind not in TOLD_TO_RECIPIENTS
        return told and (self.tombstoned_at is not None or self.kind is not Kind.ERASURE)

    @property
    def stops_use(self) -> bool:
        """Whether the data may be used for nothing but the case itself.

        A hold defers the deletion alone; so does a refusal by Art. 17(3), after which the data serves the exemption.
        An identity that is in doubt stops nothing: else anybody could stop anybody's account.
        """
        if self.kind not in STOPPING or self.state is State.IDENTITY or not self.is_identified:
            return False
        return self.refusal is None or self.refusal.ground is RefusalGround.EXEMPT

    @property
    def is_identified(self) -> bool:
        """Whether no check of identity was needed, or the last one confirmed it."""
        return not self.checks or self.checks[-1].outcome is IdentityOutcome.CONFIRMED

    @property
    def counting_advice(self) -> Advice | None:
        """The last advice since it was held as it is now."""
        given = [each for each in self.advice if self.held_at is not None and each.at >= self.held_at]
        return given[-1] if given else None


STOPPING: Final = frozenset({Kind.ERASURE, Kind.RESTRICTION, Kind.OBJECTION})
TOLD_TO_RECIPIENTS: Final = frozenset({Kind.ERASURE, Kind.RESTRICTION, Kind.RECTIFICATION})  # Art. 19


def new_case_id() -> str:
    """A name that tells nothing: 128 random bits, 32 hex digits."""
    return secrets.token_hex(CASE_ID_BYTES)


def opened(
    subject_id: str,
    kind: Kind,
    channel: Channel,
    received_at: datetime,
    *,
    ground: Ground | None = None,
    case_id: str | None = None,
) -> Case:
    """A new case, under a new name where none is given; an erasure's ground is its channel's where none is given.

    Raises ValueError for a ground of what is no erasure.
    """
    if kind is Kind.ERASURE:
        ground = ground or DEFAULT_GROUNDS[channel]
    elif ground is not None:
        raise ValueError(f"{kind} has no ground of Art. 17(1)")
    return Case(case_id or new_case_id(), subject_id, kind, (channel,), in_ms(received_at), ground)


def joined(case: Case, channel: Channel, received_at: datetime) -> Case:
    """The case, with one more request in it; the clock runs from the first. Raises ValueError where nothing joins."""
    if not case.is_joinable:
        raise ValueError(f"case {case.case_id} is {case.state}: nothing joins it")
    at = in_ms(received_at)
    channels = case.channels if channel in case.channels else (*case.channels, channel)
    last = at if case.joined_at is None else max(at, case.joined_at)
    return replace(
        case,
        channels=channels,
        joined=case.joined + 1,
        joined_at=last,
        received_at=min(at, case.received_at),
        revision=case.revision + 1,
    )


def due(case: Case, clock: Clock, now: datetime) -> date:
    """The last day on which the answer is in time; while the clock is suspended it moves on with `now`."""
    return clock.due(case.received_at, _suspended(case, clock, now), extended=case.extension is not None)


def first_due(case: Case, clock: Clock, now: datetime) -> date:
    """The same without an extension: until then one can be made."""
    return clock.due(case.received_at, _suspended(case, clock, now))


def is_suspended(case: Case, clock: Clock) -> bool:
    """Whether the clock stands still."""
    if case.state is not State.IDENTITY:
        return False
    return clock.is_prompt(case.received_at, case.checks[-1].asked_at)


def is_overdue(case: Case, clock: Clock, now: datetime) -> bool:
    """Whether an answer is owed to somebody and its time is over."""
    if not case.was_asked or case.state in ENDED or is_suspended(case, clock):
        return False
    return clock.day(now) > due(case, clock, now)


def _suspended(case: Case, clock: Clock, now: datetime) -> int:
    spans = [(check.asked_at, check.settled_at) for check in case.checks]
    return clock.suspended_days(case.received_at, spans, now)
