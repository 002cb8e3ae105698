"""From facts and register to the document: every sentence of a certificate comes from one of the two."""

import base64
import hashlib
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from lethe.errors import CertificateError
from lethe.register.durations import spoken
from lethe.register.entries import Party as Declared
from lethe.register.entries import Store as DeclaredStore
from lethe.register.model import Register
from lethe.requests.certificate import bulk, conditions, plan
from lethe.requests.certificate.facts import CaseFacts, Facts, RecipientFacts
from lethe.requests.certificate.levels import levels
from lethe.requests.certificate.model import (
    FORMAT,
    Body,
    Case,
    Controller,
    Ground,
    Key,
    Party,
    Recipient,
    Store,
    Subject,
    Subjects,
    first_place,
)
from lethe.requests.certificate.plan import Treatment
from lethe.requests.certificate.residue import residue
from lethe.settings import TopicSettings

GROUNDS: Final = {
    "a": "The data are no longer necessary for what they were collected for",
    "b": "Consent was withdrawn, and there is no other ground",
    "c": "The person objected",
    "d": "The data were processed unlawfully",
    "e": "A law demands the erasure",
    "f": "The data were collected for a service offered to a child",
}
_NUMBER_BYTES = 10  # 16 letters and digits


def number_of(case_id: str) -> str:
    """The certificate's number: the same for every attempt at one case, and no way back to the case's id."""
    digest = hashlib.sha256(b"lethe certificate number 1\0" + case_id.encode()).digest()
    text = base64.b32encode(digest[:_NUMBER_BYTES]).decode("ascii")
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def first(facts: Facts, register: Register, topics: TopicSettings, now: datetime) -> Body:
    """Revision 1. Raises CertificateError with every reason why none may be issued."""
    reasons = conditions.unmet(facts, register)
    if reasons:
        raise CertificateError(f"certificate: can't be issued: {'; '.join(reasons)}")
    try:
        return _first(facts, register, topics, now)
    except ValidationError as error:
        raise CertificateError(f"certificate: can't be issued: {first_place(error)}") from None


def _first(facts: Facts, register: Register, topics: TopicSettings, now: datetime) -> Body:
    controller = register.controller
    return Body(
        format=FORMAT,
        number=number_of(facts.case.case_id),
        revision=1,
        previous=None,
        issued_at=now,
        controller=Controller(**_party(controller).model_dump(), example=register.example),
        supervisory_authority=_party(register.supervisory_authority),
        register_version=register.version,
        case=_case(facts.case),
        subjects=_subjects(facts),
        key=_key(facts),
        stores=_stores(facts, register),
        levels=levels(facts, register, topics, now),
        residue=residue(facts, register, topics),
        unattributed_until=facts.unattributed_until,
        recipients=recipients(facts.progress.recipients, register),
    )


def _party(party: Declared) -> Party:
    return Party(name=party.name, address=party.address, email=party.email)


def _case(case: CaseFacts) -> Case:
    if case.ground not in GROUNDS or case.verified_at is None:
        raise CertificateError("certificate: can't be issued: case: no ground of Art. 17(1)(a) to (f)")
    return Case(
        id=case.case_id,
        kind=case.kind,
        channel=case.channel,
        ground=Ground(article=f"GDPR Art. 17(1)({case.ground})", what=GROUNDS[case.ground]),
        received_at=case.received_at,
        decided_at=case.decided_at,
        erased_at=case.erased_at,
        verified_at=case.verified_at,
    )


def _subjects(facts: Facts) -> Subject | Subjects:
    if len(facts.subjects) == 1:
        return Subject(audit_ref=facts.subjects[0].audit_ref)
    return bulk.subjects(facts.subjects)


def _key(facts: Facts) -> Key:
    return Key(
        epoch=facts.key.epoch,
        punctured_at=facts.key.punctured_at,
        verified_at=facts.case.verified_at,
        older_destroyed_at=facts.key.older_destroyed_at,
    )


def _stores(facts: Facts, register: Register) -> tuple[Store, ...]:
    asked = {store.store: store for store in facts.stores}
    tombstoned = {topic.store: topic for topic in facts.topics}
    found = []
    for name, declared in plan.stores(register, *Treatment).items():
        store = Store(name=name, what=declared.what, treatment=plan.treatment(name, declared))
        more: dict[str, object] = {}
        if (answer := asked.get(name)) is not None:
            more |= {"found": answer.found, "left": answer.left, "check": answer.check_after}
        if (topic := tombstoned.get(name)) is not None:
            more["tombstones"] = {str(partition): at for partition, at in sorted(topic.tombstones.items())}
            more["tombstoned_at"] = topic.tombstoned_at
        if store.treatment in (Treatment.KEPT, Treatment.FIGURES):
            more["keeps"] = _keeps(declared, register)
        found.append(Store.model_validate(store.model_dump() | more))
    return tuple(found)


def _keeps(store: DeclaredStore, register: Register) -> str:
    """Why a store stays and for how long, in the register's words."""
    retention = register.retentions[store.retention]
    if retention.period is None:
        criteria = str(retention.criteria)
        period = criteria[0].lower() + criteria[1:]
    else:
        period = f"{spoken(retention.period)} from {retention.counts_from}"
    purposes = [register.purposes[name] for name in store.purposes]
    why = "; ".join(each.what + (f" ({each.law})" if each.law else "") for each in purposes)
    return f"{why}. Kept: {period}"


def recipients(told: tuple[RecipientFacts, ...], register: Register) -> tuple[Recipient, ...]:
    """In the register's order."""
    by_name = {each.recipient: each for each in told}
    return tuple(
        Recipient(
            name=name,
            what=register.recipients[name].what,
            by=by_name[name].by,
            told_at=by_name[name].told_at,
            answered_at=by_name[name].answered_at,
        )
        for name in register.recipients
        if name in by_name
    )
