"""The steps of `erase_subject` that are about its case: taken in, let through, certified, closed."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from lethe.audit.who import Who, run_name
from lethe.errors import ConfigurationError, InputError
from lethe.register.load import current
from lethe.requests import case_store, hold_store, user_ids
from lethe.requests.airflow_metadata import Metadata, TypedRun, is_typed
from lethe.requests.ask import open_erasure
from lethe.requests.case_keys import case_id_of
from lethe.requests.case_store import Cases
from lethe.requests.case_terms import Channel, Kind, Role, State
from lethe.requests.case_trail import told_by
from lethe.requests.cases import By, Case
from lethe.requests.certificate.issue import Issuer
from lethe.requests.certify import certify as certifying
from lethe.requests.clock import now
from lethe.requests.close import close
from lethe.stores.mongodb import database
from lethe_airflow.connections import ERASER, INTAKE, erasure, mongo_client

LOG = logging.getLogger(__name__)
WAITING = frozenset({State.OPEN, State.IDENTITY, State.HELD})
STARTING = timedelta(seconds=20)  # a run that is younger takes in by itself what was typed for it


def intake(params: Mapping[str, Any], run_id: str) -> str:
    """The case of this run. What was typed for it is in the case afterwards, and nowhere in Airflow.

    Killed between the two, the next attempt joins the case that this one has opened.
    """
    case_id = params.get("case_id")
    if is_typed(params):
        try:
            metadata = Metadata()
        except ConfigurationError as error:
            raise AirflowFailException(
                f"{error}; use `lethe erase`, which gives Airflow a case_id alone"
            ) from error
        case_id = _take_in(metadata, metadata.run(run_id))
    if not case_id:
        raise AirflowFailException("the conf names nobody: give `case_id`, or a user's UUID as `user_id`")
    return _existing(str(case_id)).case_id


def _take_in(metadata: Metadata, run: TypedRun) -> str | None:
    """The case that a conf names, or that is opened for its user id; the conf is that alone from then on."""
    case_id: str | None = run.conf.get("case_id")
    if case_id is None and (user_id := _user_id(run.conf)) is not None:
        with mongo_client(INTAKE) as client:
            cases, who = Cases(client, database(client)), _who(INTAKE, run.run_id)
            case_id = open_erasure(cases, user_id, Channel.SUBJECT, run.since, who).case_id
    metadata.scrub(run.run_id, {} if case_id is None else {"case_id": case_id})
    stood = (datetime.now(UTC) - run.since).total_seconds()
    LOG.info("case %s: what was typed stood in Airflow's database for %.1f s", case_id, stood)
    return case_id


def _user_id(conf: Mapping[str, Any]) -> str | None:
    try:
        return user_ids.canonical(str(conf.get("user_id")))
    except InputError:
        return None


def _existing(text: str) -> Case:
    with mongo_client(INTAKE) as client:
        case = case_store.load(database(client), case_id_of(text))
    if case.kind is not Kind.ERASURE:
        raise AirflowFailException(f"case {case.case_id} is about {case.kind}, not erasure")
    return case


def sweep() -> int:
    """Take what was typed out of runs that never started, and out of the log of requests; returns of how many runs."""
    metadata = Metadata()
    left = [run for run in metadata.typed_runs() if datetime.now(UTC) - run.since > STARTING]
    for run in left:
        _take_in(metadata, run)
    metadata.scrub_events()
    return len(left)


def decide(case_id: str, run_id: str) -> bool:
    """Whether nothing is in the way of the case any more; False while people have to decide.

    Raises AirflowSkipException where it was refused.
    """
    with mongo_client() as client:
        cases = Cases(client, database(client))
        case = hold_store.begin(cases, case_id, _system(run_id), now(), told_by(cases, _who(ERASER, run_id)))
    LOG.info("case %s is %s", case_id, case.state)
    if case.outcome is State.REFUSED:
        raise AirflowSkipException(f"case {case_id} was refused; nothing is erased")
    return case.state not in WAITING


def certify(case_id: str) -> str | None:
    """The certificate's file; None where nothing was held."""
    with erasure(case_id) as (work, case):
        register = current()
        file = certifying(work, case, register, Issuer(register))
    LOG.info("case %s: certificate %s", case_id, file or "none, since nothing was held")
    return file


def record(case_id: str, run_id: str) -> dict[str, Any]:
    """Set the record's outcome and, where all steps have ended well, the case's."""
    with erasure(case_id) as (work, _):
        told = close(work, _system(run_id), now(), told_by(Cases(work.client, work.db), _who(ERASER, run_id)))
    LOG.info("case %s: %s", case_id, told["outcome"])
    return told


def _who(role: str, run_id: str) -> Who:
    return Who(role, run=run_name(run_id))


def _system(run_id: str) -> By:
    return By(Role.SYSTEM, ERASER, run_name(run_id))
