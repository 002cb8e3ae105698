"""Asking for erasures at the command line: a case for each subject first, then the run that works on it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from lethe.audit.who import Who, process
from lethe.protection.pseudonym import load_pepper, subject_id
from lethe.requests import case_store
from lethe.requests.airflow_runs import Erasures, Request
from lethe.requests.case_keys import CaseKeys
from lethe.requests.case_store import Cases
from lethe.requests.case_terms import Channel, Ground, Kind
from lethe.requests.case_trail import told_by
from lethe.requests.cases import Case
from lethe.requests.clock import now
from lethe.stores import mongodb

ROLE: Final = "intake"


@contextmanager
def intake() -> Iterator[Cases]:
    """MongoDB as who opens cases; raises StoreError where it could not be asked."""
    with mongodb.asked("intake", "cases") as client:
        yield Cases(client, mongodb.database(client))


def open_erasure(
    cases: Cases,
    user_id: str,
    channel: Channel,
    received_at: datetime,
    who: Who,
    *,
    ground: Ground | None = None,
) -> Case:
    """Open the case of a subject's erasure, or join the one that is open; `user_id` is canonical.

    Raises StoreError as MongoDB does, ConfigurationError without the pepper.
    """
    wanted = case_store.Request(
        subject_id(load_pepper(), user_id), user_id, Kind.ERASURE, channel, received_at, ground=ground
    )
    return case_store.open_case(cases, CaseKeys(), wanted, told_by(cases, who))


def ask(
    cases: Cases, erasures: Erasures, user_ids: Sequence[str], channel: Channel, ground: Ground | None = None
) -> list[Request]:
    """Open or join the case of each subject, and have it worked on; in the order given.

    Killed in between, what was opened waits: asked again, the same case is joined and worked on. Raises as
    `open_erasure` does, and StackError as Airflow does.
    """
    who, requests = process(ROLE), list[Request]()
    for user_id in user_ids:
        case = open_erasure(cases, user_id, channel, now(), who, ground=ground)
        requests.append(erasures.request(case.case_id))
    return requests
