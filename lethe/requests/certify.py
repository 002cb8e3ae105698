"""Step 9: the certificate, from what the record of the erasure says that the other steps have seen."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from lethe.errors import StoreError
from lethe.register.model import Register
from lethe.requests import names
from lethe.requests.case_terms import Ground, Kind, Move
from lethe.requests.cases import Case
from lethe.requests.certificate.facts import (
    CaseFacts,
    Facts,
    KeyFacts,
    StoreFacts,
    SubjectFacts,
    TopicFacts,
)
from lethe.requests.certificate.issue import Issuer
from lethe.requests.record import Erasure, first_unfinished, held_something

CHECK: Final = "point_reads"  # what counts before and after, as the auditor
ERASING: Final = ("erase_cassandra", "erase_mongodb", "tombstone_kafka")


def certify(erasure: Erasure, case: Case, register: Register, issuer: Issuer) -> str | None:
    """Issue the certificate of an erasure that is verified; its file, None where nothing was held, so nothing erased.

    Done again, it finds the one that there is. Raises StoreError where a step has not ended well, CertificateError
    where what the steps have seen allows none.
    """
    record = erasure.record()
    unfinished = first_unfinished(record)
    if unfinished is not None:
        raise StoreError(
            f"erasure {erasure.record_id}: the step {unfinished} has not ended well; no certificate"
        )
    if not held_something(record):
        return None
    with erasure.step("certify"):
        issued = issuer.issue(facts_of(record, case, names.of(erasure).audit_ref))
        number = issued.certificate.number
        erasure.set(**{"steps.certify.number": number, "steps.certify.file": str(issued.file)})
    return str(issued.file)


def is_certified(record: Mapping[str, Any]) -> bool:
    """Whether the step has ended well with a certificate."""
    return "ended_at" in record["steps"].get("certify", {})


def facts_of(record: Mapping[str, Any], case: Case, audit_ref: str | None) -> Facts:
    """What the certificate may say. Raises KeyError for a record whose steps have not ended."""
    steps = record["steps"]
    puncture, verify, kafka = steps["puncture"], steps["verify"], steps["tombstone_kafka"]
    key = KeyFacts(
        epoch=int(puncture["epoch"]),
        punctured_at=puncture["ended_at"],
        older_destroyed_at=puncture["ended_at"],
        derivable_before=steps["locate"]["key"]["derivable"],
        derivable_after=verify["key"]["derivable"],
        canary=steps["locate"]["key"]["canary"] and verify["key"]["canary"],
    )
    return Facts(
        case=CaseFacts(
            case.case_id,
            Kind.ERASURE.value,
            case.channels[0].value,
            (case.ground or Ground.NO_LONGER_NECESSARY).value,
            received_at=case.received_at,
            decided_at=_begun(case),
            erased_at=max(steps[name]["ended_at"] for name in ERASING),
            verified_at=verify["ended_at"],
        ),
        subjects=(SubjectFacts(audit_ref or _nobody(case.case_id)),),
        stores=tuple(_stores(record)),
        topics=tuple(
            TopicFacts(f"kafka.{topic}", dict([_place(placed)]), kafka["ended_at"])
            for topic, placed in kafka["placed"].items()
        ),
        key=key,
        unattributed_until=steps["erase_mongodb"]["unattributed_until"],
    )


def _begun(case: Case) -> datetime:
    """When nothing stood in the way of the erasure any more."""
    return next(step.at for step in case.history if step.move is Move.START)


def _stores(record: Mapping[str, Any]) -> list[StoreFacts]:
    """A store that was not asked has no count. Found: before, or what a batch in flight has brought since then.

    Left: of what the erasure is about. What a person has given since, having returned, verification told apart.
    """
    before, after, steps = record["before"], record["after"], record["steps"]
    arrived, left = steps["await_in_flight"].get("counts", {}), steps["verify"]["left"]
    canaries = [steps[step]["canary"] for step in ("locate", "verify")]
    return [
        StoreFacts(
            store,
            CHECK,
            None if store not in before else max(before[store], arrived.get(store, 0)),
            CHECK,
            None if store not in after else after[store] if store in left else 0,
            canary=all(found.get(store) is True for found in canaries),
        )
        for store in dict.fromkeys([*before, *after])
    ]


def _place(placed: str) -> tuple[int, int]:
    partition, _, offset = placed.partition(":")
    return int(partition), int(offset)


def _nobody(case_id: str) -> str:
    """In place of the audit_ref of who had been erased before: their key told no name any more."""
    return hashlib.sha256(f"lethe case {case_id}: no key".encode()).hexdigest()
