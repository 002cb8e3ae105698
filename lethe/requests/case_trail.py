"""What the audit trail is told of cases: each move, in the transaction that makes it, and each look at who it is."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pymongo.client_session import ClientSession
from pymongo.database import Database

from lethe.audit import trail
from lethe.audit.entry import Action, Entry
from lethe.audit.who import Who
from lethe.requests.case_store import Beside, Cases
from lethe.requests.case_terms import Move
from lethe.requests.cases import Case
from lethe.requests.hold_store import BesideHold
from lethe.requests.holds import Hold
from lethe.stores.mongodb import Document

PURPOSE: Final = "rights"
ACTIONS: Final[Mapping[Move, Action]] = MappingProxyType(
    {
        Move.ASK_IDENTITY: Action.CASE_IDENTITY,
        Move.SETTLE_IDENTITY: Action.CASE_IDENTITY,
        Move.HOLD: Action.CASE_HOLD,
        Move.RELEASE: Action.CASE_HOLD,
        Move.ADVISE: Action.CASE_ADVICE,
        Move.DECIDE: Action.CASE_DECISION,
        Move.EXTEND: Action.CASE_EXTENSION,
        Move.REFUSE: Action.CASE_DECISION,
        Move.START: Action.CASE_WORK,
        Move.FULFIL: Action.CASE_WORK,
        Move.FIND_NOTHING: Action.CASE_WORK,
        Move.TOMBSTONE: Action.CASE_WORK,
        Move.TELL_RECIPIENTS: Action.RECIPIENT_NOTICE,
        Move.ANSWER: Action.CASE_ANSWER,
        Move.CLOSE: Action.CASE_ANSWER,
        Move.SHRED: Action.CASE_ANSWER,
    }
)


def told_by(cases: Cases, who: Who) -> Beside:
    """What `case_store` writes beside a case that was opened, joined or moved: an entry for each revision of it."""

    def beside(case: Case, session: ClientSession) -> None:
        trail.append(cases.client, cases.db, [entry_of(case, who)], session)

    return beside


def entry_of(case: Case, who: Who) -> Entry:
    """The entry of a case's latest change; the same for each attempt at it."""
    step = case.history[-1] if case.history else None
    result = {"kind": case.kind.value, "state": case.state.value}
    if step is None:
        action, told = Action.CASE_OPENED, {"channel": case.channels[-1].value, "joined": case.joined}
    else:
        action, told = ACTIONS[step.move], {"move": step.move.value}
    return Entry(
        who,
        action,
        PURPOSE,
        key=f"{case.case_id}:{case.revision}",
        case_id=case.case_id,
        result={**result, **told},
    )


def hold_told_by(cases: Cases, who: Who) -> BesideHold:
    """What `hold_store` writes beside a hold."""

    def beside(hold: Hold, session: ClientSession) -> None:
        trail.append(cases.client, cases.db, [hold_entry(hold, who)], session)

    return beside


def hold_entry(hold: Hold, who: Who) -> Entry:
    """The entry of a hold that was placed or lifted."""
    state = "placed" if hold.lifted_at is None else "lifted"
    return Entry(
        who,
        Action.CASE_HOLD,
        PURPOSE,
        key=f"{hold.hold_id}:{state}",
        result={"hold": hold.hold_id, "state": state, "exemption": hold.exemption.value},
    )


def revealed(db: Database[Document], case_id: str, who: Who) -> None:
    """Enter that somebody looks at whom a case is about; it is on the majority's disks when this returns."""
    trail.append(db.client, db, [Entry(who, Action.CASE_REVEAL, PURPOSE, case_id=case_id)])
