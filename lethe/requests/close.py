"""The end of an erasure: its record has an outcome, and its case what was done of it."""

from datetime import datetime
from functools import partial
from typing import Any

from pymongo.client_session import ClientSession

from lethe.errors import StoreError
from lethe.requests import case_store
from lethe.requests.case_moves import move
from lethe.requests.case_store import Beside, Cases, nothing
from lethe.requests.case_terms import Move
from lethe.requests.cases import By, Case
from lethe.requests.certify import is_certified
from lethe.requests.record import FAILED, Erasure, close_record, first_unfinished, held_something

ERASED = "erased"


def close(erasure: Erasure, by: By, at: datetime, beside: Beside = nothing) -> dict[str, Any]:
    """Set the outcome, move the case, and give what may be told.

    Raises StoreError as `close_record` does, and, with the outcome `failed`, where somebody was erased and has no
    certificate: what that is made from stays in the record until there is one. Killed in between, the next attempt
    makes the moves that are left; one that was made is not made again.
    """
    record = erasure.record()
    if first_unfinished(record) is None and held_something(record) and not is_certified(record):
        erasure.set(outcome=FAILED)
        raise StoreError(f"erasure {erasure.record_id} has no certificate; clear the step certify")
    told = close_record(erasure)
    cases = Cases(erasure.client, erasure.db)
    outcome = Move.FULFIL if told["outcome"] == ERASED else Move.FIND_NOTHING
    for what in (outcome, Move.TOMBSTONE):
        case = case_store.change(cases, erasure.record_id, partial(_moved, what, by, at), beside)
    return told | {"state": case.state.value}


def _moved(what: Move, by: By, at: datetime, case: Case, _session: ClientSession) -> Case:
    return move(case, what, by, at)
