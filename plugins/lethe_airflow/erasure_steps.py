"""The steps of `erase_subject` in the stores, with their connections: opened for a step, closed after it."""

import logging
from typing import Any

from lethe.protection.key_store import KeyStore
from lethe.protection.keyring import subject_keys
from lethe.protection.pseudonym import load_pepper
from lethe.requests import erase, in_flight
from lethe.requests import locate as locating
from lethe.requests import suppress as suppressing
from lethe.requests import verify as verifying
from lethe.requests.case_keys import CaseKeys
from lethe.requests.cases import USER_ID
from lethe.requests.puncture import puncture_key
from lethe.settings import Paths
from lethe_airflow.case_steps import certify, record
from lethe_airflow.connections import auditor, cassandra_session, erasure, kafka_config, topic_ends

LOG = logging.getLogger(__name__)


def locate(case_id: str) -> dict[str, int]:
    """Count what is held, by store, as the auditor."""
    with erasure(case_id) as (work, case), auditor() as (session, db), cassandra_session() as writer:
        before = locating.locate(
            work,
            session,
            db,
            topic_ends(),
            writer=writer,
            keys=subject_keys(),
            requested_at=case.joined_at or case.received_at,
        )
    LOG.info("case %s: held before %s", case_id, before)
    return before


def suppress(case_id: str) -> int:
    """Enter the subject in the suppression ledger."""
    with erasure(case_id) as (work, _), cassandra_session() as session:
        return suppressing.suppress(work, session, topic_ends())


def await_in_flight(case_id: str) -> bool:
    """Whether no batch is at work any more that doesn't know the entry."""
    with erasure(case_id) as (work, _), cassandra_session() as session:
        return in_flight.await_in_flight(work, session, topic_ends(), subject_keys)


def puncture(case_id: str) -> int:
    """Make the subject's key underivable."""
    with erasure(case_id) as (work, _):
        return puncture_key(work, KeyStore(Paths()), load_pepper())


def erase_cassandra(case_id: str) -> None:
    """Delete the rows."""
    with erasure(case_id) as (work, _), cassandra_session() as session:
        erase.erase_cassandra(work, session)


def erase_mongodb(case_id: str) -> dict[str, int]:
    """Remove the contribution and its share in the aggregates."""
    with erasure(case_id) as (work, _):
        return erase.erase_mongodb(work)


def tombstone_kafka(case_id: str) -> dict[str, str]:
    """Append the tombstones, under the user id that the case keeps until it is done."""
    with erasure(case_id) as (work, case):
        user_id = CaseKeys().unseal(case_id, USER_ID, case.sealed[USER_ID])
        return erase.tombstone_kafka(work, kafka_config(), user_id)


def verify(case_id: str) -> dict[str, int]:
    """Read everything back as the auditor."""
    with erasure(case_id) as (work, _), auditor() as (session, db), cassandra_session() as writer:
        return verifying.verify(work, session, db, subject_keys(), writer=writer)


STEPS = {
    each.__name__: each
    for each in (locate, suppress, puncture, erase_cassandra, erase_mongodb, tombstone_kafka, verify, certify)
}


def do(name: str, case_id: str, run_id: str) -> Any:
    """One step, by its name; `record` is the last."""
    return record(case_id, run_id) if name == "record" else STEPS[name](case_id)
