"""The steps of `erase_subject` with their connections: opened for a step, closed after it."""

import logging
from datetime import datetime
from typing import Any

from lethe.protection.key_store import KeyStore
from lethe.protection.keyring import subject_keys
from lethe.protection.pseudonym import load_pepper, subject_id
from lethe.requests import erase, in_flight, user_ids
from lethe.requests import locate as locating
from lethe.requests import suppress as suppressing
from lethe.requests import verify as verifying
from lethe.requests.puncture import puncture_key
from lethe.requests.record import close_record
from lethe.settings import Paths
from lethe_airflow.connections import auditor, cassandra_session, erasure, kafka_config, topic_ends

LOG = logging.getLogger(__name__)


def locate(user_id: str, run_id: str, requested_at: datetime) -> str:
    """Count what is held, and give the name under which the other steps know the subject."""
    subject = subject_id(load_pepper(), user_ids.canonical(user_id))
    with erasure(subject, run_id) as work, auditor() as (session, db), cassandra_session() as writer:
        before = locating.locate(
            work, session, db, topic_ends(), writer=writer, keys=subject_keys(), requested_at=requested_at
        )
    LOG.info("subject %s: held before %s", subject, before)
    return subject


def suppress(subject: str, run_id: str) -> int:
    """Enter the subject in the suppression ledger."""
    with erasure(subject, run_id) as work, cassandra_session() as session:
        return suppressing.suppress(work, session, topic_ends())


def await_in_flight(subject: str, run_id: str) -> bool:
    """Whether no batch is at work any more that doesn't know the entry."""
    with erasure(subject, run_id) as work, cassandra_session() as session:
        return in_flight.await_in_flight(work, session, topic_ends(), subject_keys)


def puncture(subject: str, run_id: str) -> int:
    """Make the subject's key underivable."""
    with erasure(subject, run_id) as work:
        return puncture_key(work, KeyStore(Paths()), load_pepper())


def erase_cassandra(subject: str, run_id: str) -> None:
    """Delete the row."""
    with erasure(subject, run_id) as work, cassandra_session() as session:
        erase.erase_cassandra(work, session)


def erase_mongodb(subject: str, run_id: str) -> dict[str, int]:
    """Remove the contribution and its share in the aggregates."""
    with erasure(subject, run_id) as work:
        return erase.erase_mongodb(work)


def tombstone_kafka(subject: str, run_id: str, user_id: str) -> dict[str, str]:
    """Append the tombstones."""
    with erasure(subject, run_id) as work:
        return erase.tombstone_kafka(work, kafka_config(), user_ids.canonical(user_id))


def verify(subject: str, run_id: str) -> dict[str, int]:
    """Read everything back as the auditor."""
    with erasure(subject, run_id) as work, auditor() as (session, db), cassandra_session() as writer:
        return verifying.verify(work, session, db, subject_keys(), writer=writer)


def record(subject: str, run_id: str) -> dict[str, Any]:
    """Set the record's outcome."""
    with erasure(subject, run_id) as work:
        told = close_record(work)
    LOG.info("erasure %s: %s", told["record_id"], told["outcome"])
    return told


BY_NAME = {
    each.__name__: each for each in (suppress, puncture, erase_cassandra, erase_mongodb, verify, record)
}
