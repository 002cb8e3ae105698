"""Cases in MongoDB: opened, joined, read, and changed only where nobody else has changed them meanwhile.

Whoever writes does so in a transaction, so that what else must stand with the change (an entry of the audit trail) is
written with it, by `beside`, or not at all. Two who open a case for one subject and kind at once meet in the unique
index `open_case`: one transaction is run again, and joins.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bson.codec_options import CodecOptions
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database

from lethe.errors import InputError, StoreError
from lethe.requests.case_documents import OPEN, case_of, document_of
from lethe.requests.case_keys import CaseKeys
from lethe.requests.case_moves import move
from lethe.requests.case_terms import Channel, Ground, Kind, Move, State
from lethe.requests.cases import REPLY_TO, USER_ID, By, Case, joined, opened
from lethe.stores.mongodb import Client, Document, in_transaction

UNUSED_KEY_AGE: Final = timedelta(days=1)  # longer than anybody takes from a key to its case

Beside = Callable[[Case, ClientSession], object]


@dataclass(frozen=True, slots=True)
class Cases:
    """MongoDB, as whoever works on cases is let in."""

    client: Client
    db: Database[Document]


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks for. `user_id` is canonical, and the one that `subject_id` was made of."""

    subject_id: str
    user_id: str
    kind: Kind
    channel: Channel
    received_at: datetime
    ground: Ground | None = None
    reply_to: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A case that is not stored yet; its key is on disk."""

    case: Case
    request: Request


def nothing(_case: Case, _session: ClientSession) -> None:
    """Nothing is written beside a case."""


def collection(db: Database[Document]) -> Collection[Document]:
    """`cases`, with times in UTC whatever the client's own settings."""
    return db.get_collection("cases", codec_options=CodecOptions(tz_aware=True, tzinfo=UTC))


def draft(keys: CaseKeys, request: Request) -> Draft:
    """A new case with its key, and what is sealed under it. Raises InputError for a reply address that is too long.

    Killed from here until it is stored, it leaves a key that `shred_unused` finds.
    """
    case = opened(
        request.subject_id, request.kind, request.channel, request.received_at, ground=request.ground
    )
    keys.make(case.case_id)
    try:
        sealed = {USER_ID: keys.seal(case.case_id, USER_ID, request.user_id)}
        if request.reply_to is not None:
            sealed[REPLY_TO] = keys.seal(case.case_id, REPLY_TO, request.reply_to)
    except InputError:
        keys.shred(case.case_id)
        raise
    return Draft(replace(case, sealed=sealed), request)


def enter(db: Database[Document], keys: CaseKeys, new: Draft, session: ClientSession) -> Case:
    """Store a draft in the session's transaction, or join the case that is open; returns the case that stands.

    Where that is another than the draft's, its key is of no use: shred it once the transaction is committed. Run in
    `in_transaction`: of two at once, one is run again and joins.
    """
    request = new.request
    query = {"subject_id": request.subject_id, "kind": request.kind.value, OPEN: True}
    found = collection(db).find_one(query, session=session)
    if found is None:
        collection(db).insert_one(document_of(new.case), session=session)
        return new.case
    before = case_of(found)
    after = joined(before, request.channel, request.received_at)
    if request.reply_to is not None and REPLY_TO not in before.sealed:
        address = keys.seal(before.case_id, REPLY_TO, request.reply_to)
        after = replace(after, sealed={**before.sealed, REPLY_TO: address})
    save(db, before, after, session)
    return after


def open_case(cases: Cases, keys: CaseKeys, request: Request, beside: Beside = nothing) -> Case:
    """The open case of this subject and kind: the one that is open already, with one request more, or a new one.

    Asked again by somebody whom the answer did not reach, it joins the first. Raises as `draft` and the store do.
    """
    new = draft(keys, request)

    def work(session: ClientSession) -> Case:
        case = enter(cases.db, keys, new, session)
        beside(case, session)
        return case

    case = in_transaction(cases.client, work)
    if case.case_id != new.case.case_id:
        keys.shred(new.case.case_id)
    return case


def load(db: Database[Document], case_id: str, session: ClientSession | None = None) -> Case:
    """A case. Raises InputError where there is none of this name."""
    found = collection(db).find_one({"_id": case_id}, session=session)
    if found is None:
        raise InputError(f"case {case_id}: there is none; `lethe case list` shows them")
    return case_of(found)


def find(
    db: Database[Document],
    *,
    states: Iterable[State] = (),
    kind: Kind | None = None,
    subject_id: str | None = None,
    limit: int = 0,
    session: ClientSession | None = None,
) -> list[Case]:
    """Cases in any of these states (none named: in all), the longest open first; at most `limit`, 0 for all."""
    query: dict[str, Any] = {}
    if wanted := [state.value for state in states]:
        query["state"] = {"$in": wanted}
    if kind is not None:
        query["kind"] = kind.value
    if subject_id is not None:
        query["subject_id"] = subject_id
    cursor = collection(db).find(query, session=session).sort([("received_at", 1), ("_id", 1)]).limit(limit)
    return [case_of(each) for each in cursor]


def save(db: Database[Document], before: Case, after: Case, session: ClientSession) -> None:
    """Put a changed case in the place of the one that it was made from; nothing where nothing was changed.

    Raises StoreError where another has changed it since it was read.
    """
    if after is before:
        return
    found = {"_id": before.case_id, "revision": before.revision}
    if collection(db).replace_one(found, document_of(after), session=session).matched_count != 1:
        raise StoreError(f"case {before.case_id}: somebody else has changed it meanwhile; look at it again")


def change(
    cases: Cases,
    case_id: str,
    step: Callable[[Case, ClientSession], Case],
    beside: Beside = nothing,
) -> Case:
    """Read a case, change it and store it, in one transaction; returns it as it is then.

    `beside` is called where something was changed. Of two at once one is run again, on what the other left, so that
    `step` must have no effect outside of its session. Raises as `load` and `step` do.
    """

    def work(session: ClientSession) -> Case:
        before = load(cases.db, case_id, session)
        after = step(before, session)
        save(cases.db, before, after, session)
        if after is not before:
            beside(after, session)
        return after

    return in_transaction(cases.client, work)


def shred(
    cases: Cases, keys: CaseKeys, case_id: str, by: By, at: datetime, *, beside: Beside = nothing
) -> Case:
    """End the case's key, then note that it has ended. Raises CaseError before the case is done.

    Killed in between, the case still has its sealed fields, which nobody can read, and a repetition finishes.
    """
    move(load(cases.db, case_id), Move.SHRED, by, at)
    keys.shred(case_id)
    return change(cases, case_id, lambda case, _: move(case, Move.SHRED, by, at), beside)


def shred_unused(db: Database[Document], keys: CaseKeys, now: datetime) -> list[str]:
    """Destroy keys, a day old or more, of no stored case or of one that notes its shredding; returns whose.

    They are what killed processes left. Late or repeated it does the same.
    """
    old = keys.older_than(UNUSED_KEY_AGE, now)
    found = collection(db).find({"_id": {"$in": old}, "shredded_at": {"$exists": False}}, {"_id": 1})
    in_use = {each["_id"] for each in found}
    unused = [case_id for case_id in old if case_id not in in_use]
    for case_id in unused:
        keys.shred(case_id)
    return unused
