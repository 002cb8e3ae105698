"""A certificate in words: what a person reads first, then what an authority asks. Layout is the templates'."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from lethe.register.terms import System
from lethe.requests.certificate import details
from lethe.requests.certificate.details import Table
from lethe.requests.certificate.model import (
    Certificate,
    Copies,
    Level,
    Residue,
    Standing,
    State,
    Subject,
)
from lethe.requests.certificate.phrases import count, day, joined, latest
from lethe.requests.certificate.plan import Treatment

_WHERE: Final = {
    Copies.TOPIC: "In the log of messages as they were sent, in clear",
    Copies.FILES: "In the stores' own files, where deleted rows stay until they are rewritten",
    Copies.BACKUPS: "In backups that were made before the erasure",
}
_NAMES: Final = {
    System.KAFKA: "Kafka",
    System.CASSANDRA: "Cassandra",
    System.MONGODB: "MongoDB",
}


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that stands on the paper, in its order."""

    title: str
    mark: str | None
    subtitle: str
    lead: tuple[str, ...]
    plain: tuple[Table, ...]
    check: tuple[str, ...]
    details: tuple[Table, ...]


def page(certificate: Certificate) -> Page:
    """The words for one certificate."""
    return Page(
        title="Certificate of erasure",
        mark=_mark(certificate),
        subtitle=f"Number {certificate.number}, revision {certificate.revision}, issued {day(certificate.issued_at)}",
        lead=_lead(certificate),
        plain=(_left(certificate), _levels(certificate.levels)),
        check=_check(certificate),
        details=details.tables(certificate),
    )


def _mark(certificate: Certificate) -> str | None:
    if not certificate.controller.example:
        return None
    return "EXAMPLE: the controller is made up, and so is what this certificate says. It proves nothing about anybody."


def _lead(certificate: Certificate) -> tuple[str, ...]:
    case, people = certificate.case, certificate.subjects
    whom = f"{'the person' if isinstance(people, Subject) else details.people(certificate)} of case {case.id}"
    emptied = [store for store in certificate.stores if store.treatment is Treatment.ERASED]
    found = sum(store.found or 0 for store in emptied)
    return (
        f"{certificate.controller.name} has erased the personal data that it held of {whom}. "
        f"The case was opened on {day(case.received_at)}; the erasure ended on {day(case.erased_at)}.",
        f"Before, {count(found, 'record')} were found in {count(len(emptied), 'store')}. Afterwards the same "
        f"checks found none, on {day(case.verified_at)}. What identifies a person was encrypted under a key of that "
        "person alone, and the key is destroyed: with the keys as they are now, no copy of the stores, however old, "
        "gives these fields back.",
        "This certificate holds no name, on purpose: whoever finds it can't tell whom it is about.",
    )


def _left(certificate: Certificate) -> Table:
    """By kind of copy; by store it stands in the details."""
    rows: list[tuple[str, ...]] = []
    for copies, where in _WHERE.items():
        found = [
            each
            for each in certificate.residue
            if each.copies is copies and not details.is_gone(each, certificate)
        ]
        kinds = joined(kind for each in found for kind in each.kinds)
        if found:
            is_same = any(row[1] == kinds for row in rows)
            rows.append((where, "The same" if is_same else kinds, _until(found)))
    if certificate.unattributed_until is not None:
        refused = "Among refused messages that name nobody, encrypted under a key of their day"
        rows.append(
            (
                refused,
                "Nothing that can be told to be of anybody",
                latest(certificate.unattributed_until),
            )
        )
    kept = [store for store in certificate.stores if store.treatment is Treatment.KEPT]
    rows.append(
        (
            "In what shows that requests were answered, and in logs",
            joined(store.what for store in kept),
            "See below",
        )
    )
    return Table(
        "What is left, where, and until when",
        "What was encrypted can be read by nobody with the keys as they are now, and is not listed here. Only the log "
        "of messages, as long as it is listed, holds everything in clear.",
        ("Where", "What can be read there", "Until"),
        (28, 52, 20),
        tuple(rows),
    )


def _until(found: Iterable[Residue]) -> str:
    times = [each.until for each in found]
    known = [at for at in times if at is not None]
    return (
        details.NOT_KNOWN.capitalize() + ": see level L4" if len(known) < len(times) else latest(max(known))
    )


def _levels(levels: Iterable[Level]) -> Table:
    rows = [
        row
        for level in levels
        for row in (
            (f"{level.level}: {level.what}", _state(level), _why(level)),
            *((f"{level.level}, {_NAMES[part.system]}", _state(part), _why(part)) for part in level.parts),
        )
    ]
    return Table(
        "How far the erasure has come",
        "What is pending is reached later; then this certificate is issued again, with a higher revision.",
        ("Level", "State", "By what evidence, or waiting for what"),
        (42, 20, 38),
        tuple(rows),
    )


def _state(standing: Standing) -> str:
    if standing.state is State.REACHED and standing.at is not None:
        return f"Reached on {day(standing.at)}"
    if standing.latest is not None:
        return f"Pending: expected by {day(standing.latest)}"
    return f"Pending: not before {day(standing.earliest)}" if standing.earliest else "Pending"


def _why(standing: Standing) -> str:
    return standing.evidence or f"Waits for {standing.waits_for}"


def _check(certificate: Certificate) -> tuple[str, ...]:
    authority = certificate.supervisory_authority
    return (
        f"What counts is the signed file {certificate.revision}.json; this page is made from it. Whoever holds that "
        "file and the controller's public key can check it without the controller: by the command lethe certificate "
        "verify, or by any tool that knows Ed25519 (RFC 8032) and canonical JSON (RFC 8785). The key's id is "
        f"{certificate.signature.key_id}; get the key from the controller by another way than this certificate.",
        f"Questions: {certificate.controller.name}, {certificate.controller.email}. Complaints: {authority.name}, "
        f"{authority.email} (GDPR Art. 77).",
    )
