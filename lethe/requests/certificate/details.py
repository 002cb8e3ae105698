"""The tables that an authority asks for: the request, every store, what can be read where, who was told."""

from dataclasses import dataclass
from typing import Final

from lethe.requests.certificate import plan
from lethe.requests.certificate.model import Certificate, Copies, Residue, State, Store, Subject
from lethe.requests.certificate.phrases import figure, latest, moment
from lethe.requests.certificate.plan import Treatment

NOT_KNOWN: Final = "no date known yet"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head; `about` says what they are, `widths` each column's share of the whole, in hundredths."""

    title: str
    about: str
    head: tuple[str, ...]
    widths: tuple[int, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(certificate: Certificate) -> tuple[Table, ...]:
    """All of them, in their order."""
    return (
        Table("The request", "", ("", ""), (24, 76), _request(certificate)),
        _emptied(certificate),
        _tombstoned(certificate),
        _copies(certificate),
        _staying("Stores that are kept", Treatment.KEPT, certificate),
        _staying("Stores that name nobody", Treatment.FIGURES, certificate),
        _told(certificate),
    )


def _emptied(certificate: Certificate) -> Table:
    return Table(
        "Stores that were emptied",
        "Counted before and after by the same check, over a connection that can only read.",
        ("Store", "What it is", "Found", "Left", "Check"),
        (24, 44, 9, 7, 16),
        tuple(
            (store.name, store.what, figure(store.found), figure(store.left), store.check or "")
            for store in certificate.stores
            if store.treatment is Treatment.ERASED
        ),
    )


def _tombstoned(certificate: Certificate) -> Table:
    return Table(
        "Topics with tombstones",
        "A tombstone makes the log of messages drop what was said before under the same key.",
        ("Topic", "What it is", "Partition and last offset", "Since"),
        (22, 38, 20, 20),
        tuple(_topic(store) for store in certificate.stores if store.tombstones is not None),
    )


def _topic(store: Store) -> tuple[str, ...]:
    places = ", ".join(f"{partition}: {at}" for partition, at in (store.tombstones or {}).items())
    return store.name, store.what, places, moment(store.tombstoned_at)


def _copies(certificate: Certificate) -> Table:
    return Table(
        "What can be read in copies, by store",
        "",
        ("Store", "Copies", "Readable", "Not readable: key destroyed", "Until", "Rests on"),
        (18, 9, 28, 20, 12, 13),
        tuple(_copy(each, certificate) for each in certificate.residue),
    )


def _copy(residue: Residue, certificate: Certificate) -> tuple[str, ...]:
    until = latest(residue.until) if residue.until else NOT_KNOWN
    return (
        residue.store,
        residue.copies.value,
        ", ".join(residue.readable),
        ", ".join(residue.unreadable) or "none",
        "gone: see level L4" if is_gone(residue, certificate) else until,
        residue.rests_on,
    )


def is_gone(residue: Residue, certificate: Certificate) -> bool:
    """Whether L4 has been reached where it stood; backups are copies of their own."""
    gone = [
        part.system for level in certificate.levels for part in level.parts if part.state is State.REACHED
    ]
    return residue.copies is not Copies.BACKUPS and plan.system_of(residue.store) in gone


def _staying(title: str, kind: Treatment, certificate: Certificate) -> Table:
    return Table(
        title,
        "",
        ("Store", "What it is", "Why, and for how long"),
        (22, 36, 42),
        tuple(
            (store.name, store.what, store.keeps or "")
            for store in certificate.stores
            if store.treatment is kind
        ),
    )


def _told(certificate: Certificate) -> Table:
    return Table(
        "Recipients (GDPR Art. 19)",
        "" if certificate.recipients else "None is recorded.",
        ("Recipient", "Who it is", "Told", "Answered"),
        (20, 36, 24, 20),
        tuple(
            (each.name, each.what, f"{moment(each.told_at)}, by {each.by}", moment(each.answered_at))
            for each in certificate.recipients
        ),
    )


def _request(certificate: Certificate) -> tuple[tuple[str, str], ...]:
    case, key, controller = certificate.case, certificate.key, certificate.controller
    return (
        ("Controller", f"{controller.name}, {controller.address}, {controller.email}"),
        ("Case", f"{case.id} ({case.kind}, by {case.channel})"),
        ("Ground", f"{case.ground.what} ({case.ground.article})"),
        ("Received", moment(case.received_at)),
        ("Decided", moment(case.decided_at)),
        ("Key destroyed", f"{moment(key.punctured_at)}, epoch {key.epoch} of the keys"),
        ("Older keys destroyed", moment(key.older_destroyed_at)),
        ("Erased", moment(case.erased_at)),
        ("Verified", moment(case.verified_at)),
        *_subjects(certificate),
        ("Revision before", certificate.previous or "none"),
        ("Register", f"version {certificate.register_version}"),
    )


def _subjects(certificate: Certificate) -> tuple[tuple[str, str], ...]:
    told = certificate.subjects
    if isinstance(told, Subject):
        return (("Reference of the person", told.audit_ref),)
    return ("People", people(certificate)), ("Root of the tree (RFC 6962)", told.merkle_root)


def people(certificate: Certificate) -> str:
    """How many, by what became of them."""
    told = certificate.subjects
    if isinstance(told, Subject):
        return "one person"
    outcomes = [f"{count:,} {outcome.value.replace('_', ' ')}" for outcome, count in told.outcomes.items()]
    return f"{told.count:,} people ({', '.join(outcomes)})"
