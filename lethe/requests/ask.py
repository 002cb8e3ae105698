"""Asking for erasures at the command line: a case for each subject first, then the run that works on it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from lethe.audit.who import process
from lethe.protection.pseudonym import load_pepper, subject_id
from lethe.requests import case_store
from lethe.requests.airflow_runs import Erasures, Request
from lethe.requests.case_keys import CaseKeys
from lethe.requests.case_store import Cases
from lethe.requests.case_terms import Channel, Ground, Kind
from lethe.requests.case_trail import told_by
from lethe.requests.clock import now
from lethe.stores import mongodb

ROLE: Final = "intake"


@contextmanager
def intake() -> Iterator[Cases]:
    """MongoDB as who opens cases; raises StoreError where it could not be asked."""
    with mongodb.asked("intake", "cases") as client:
        yield Cases(client, mongodb.database(client))


def ask(
    cases: Cases, erasures: Erasures, user_ids: Sequence[str], channel: Channel, ground: Ground | None = None
) -> list[Request]:
    """Open the case of each subject, or join the one that is open, and have it worked on; in the order given.

    Killed in between, what was opened waits: asked again, the same case is joined and worked on. Raises StoreError and
    StackError as MongoDB and Airflow do.
    """
    pepper, keys, beside = load_pepper(), CaseKeys(), told_by(cases, process(ROLE))
    requests = []
    for user_id in user_ids:
        wanted = case_store.Request(
            subject_id(pepper, user_id), user_id, Kind.ERASURE, channel, now(), ground=ground
        )
        case = case_store.open_case(cases, keys, wanted, beside)
        requests.append(erasures.request(case.case_id))
    return requests
