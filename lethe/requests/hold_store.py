"""Holds in MongoDB; and the one gate between a case and its work, which reads them in the transaction that passes it.

A hold is stored first, by itself. Only then are open cases moved to `held`, for people to see: killed in between, the
gate still finds the hold. So a lift is stored first, and the gate finds that it is gone.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from bson.codec_options import CodecOptions
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database

from lethe.errors import CaseError, InputError
from lethe.requests.case_documents import hold_document, hold_of
from lethe.requests.case_moves import move, undecided
from lethe.requests.case_rules import Facts
from lethe.requests.case_store import Beside, Cases, change, find, nothing
from lethe.requests.case_terms import JOINABLE, Kind, Move, State
from lethe.requests.cases import By, Case
from lethe.requests.clock import in_ms
from lethe.requests.holds import Hold, Lift
from lethe.stores.mongodb import Document, in_transaction

BesideHold = Callable[[Hold, ClientSession], object]


def no_entry(_hold: Hold, _session: ClientSession) -> None:
    """Nothing is written beside a hold."""


def collection(db: Database[Document]) -> Collection[Document]:
    """`holds`, with times in UTC whatever the client's own settings."""
    return db.get_collection("holds", codec_options=CodecOptions(tz_aware=True, tzinfo=UTC))


def standing(
    db: Database[Document], subject_id: str | None = None, session: ClientSession | None = None
) -> list[Hold]:
    """The holds that stand, on one subject or on all; the oldest first."""
    query: Document = {"lifted_at": {"$exists": False}}
    if subject_id is not None:
        query["subject_id"] = subject_id
    return [hold_of(each) for each in collection(db).find(query, session=session).sort("placed_at", 1)]


def place(
    cases: Cases, hold: Hold, *, beside: BesideHold = no_entry, beside_case: Beside = nothing
) -> list[Case]:
    """Store a hold, and hold by it; returns the subject's erasures that are not done, as they are then.

    One that is at work comes too late for it. Repeated with the same hold it stores nothing.
    """

    def work(session: ClientSession) -> None:
        if collection(cases.db).find_one({"_id": hold.hold_id}, session=session) is None:
            collection(cases.db).insert_one(hold_document(hold), session=session)
            beside(hold, session)

    in_transaction(cases.client, work)
    return _each_erasure(cases, hold.subject_id, hold.placed_by, hold.placed_at, beside_case)


def lift(
    cases: Cases,
    hold_id: str,
    end: Lift,
    at: datetime,
    *,
    beside: BesideHold = no_entry,
    beside_case: Beside = nothing,
) -> list[Case]:
    """Lift a hold, and release what no other holds; returns the subject's erasures that are not done.

    Raises InputError where there is no such hold, CaseError where it is lifted already.
    """

    def work(session: ClientSession) -> Hold:
        lifted = _lifted(cases.db, hold_id, end, at, session)
        beside(lifted, session)
        return lifted

    hold = in_transaction(cases.client, work)
    return _each_erasure(cases, hold.subject_id, end.by, at, beside_case)


def _lifted(db: Database[Document], hold_id: str, end: Lift, at: datetime, session: ClientSession) -> Hold:
    found = collection(db).find_one({"_id": hold_id}, session=session)
    if found is None:
        raise InputError(f"hold {hold_id}: there is none; `lethe case holds` shows them")
    hold = hold_of(found)
    if hold.lifted_at is not None:
        raise CaseError(f"hold {hold_id} is lifted already")
    lifted = replace(hold, lifted_at=in_ms(at), lift=end)
    collection(db).replace_one({"_id": hold_id}, hold_document(lifted), session=session)
    return lifted


def _each_erasure(cases: Cases, subject_id: str, by: By, at: datetime, beside: Beside) -> list[Case]:
    """Hold or release each of the subject's erasures, by what stands now."""

    def step(case: Case, session: ClientSession) -> Case:
        return _by_holds(case, _ids(cases.db, case, session), by, at)

    found = find(cases.db, states=JOINABLE, kind=Kind.ERASURE, subject_id=subject_id)
    return [change(cases, case.case_id, step, beside) for case in found]


def _ids(db: Database[Document], case: Case, session: ClientSession) -> tuple[str, ...]:
    return tuple(hold.hold_id for hold in standing(db, case.subject_id, session))


def _by_holds(case: Case, holds: tuple[str, ...], by: By, at: datetime) -> Case:
    """The case held by what stands undecided, or released where nothing does; others as they are."""
    waiting = undecided(case, holds)
    if waiting and case.state in (State.OPEN, State.HELD):
        return move(case, Move.HOLD, by, at, Facts(holds=holds))
    if not waiting and case.state is State.HELD:
        return move(case, Move.RELEASE, by, at, Facts(holds=holds))
    return case


def passed(db: Database[Document], case: Case, by: By, at: datetime, session: ClientSession) -> Case:
    """The gate, as a step of the caller's transaction: the case at work where nothing is in its way, else as it waits.

    A case that is at work or done is returned as it is. Raises CaseError where identity was not confirmed.
    """
    holds = _ids(db, case, session)
    ready = _by_holds(case, holds, by, at)
    if ready.state is not State.OPEN:
        return ready
    return move(ready, Move.START, by, at, Facts(holds=holds))


def begin(cases: Cases, case_id: str, by: By, at: datetime, beside: Beside = nothing) -> Case:
    """Send a case through the gate; look at the state that it is in then. Raises as `passed` does."""
    return change(cases, case_id, lambda case, session: passed(cases.db, case, by, at, session), beside)


def decide(
    cases: Cases, case_id: str, by: By, at: datetime, *, facts: Facts, beside: Beside = nothing
) -> Case:
    """Decide on a held case, about the holds that stand in the very transaction. Raises as `move` does."""

    def step(case: Case, session: ClientSession) -> Case:
        return move(case, Move.DECIDE, by, at, replace(facts, holds=_ids(cases.db, case, session)))

    return change(cases, case_id, step, beside)
