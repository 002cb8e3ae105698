"""Facts of a complete erasure, by the shipped register unless another is given."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from lethe.register.load import load
from lethe.register.model import Register
from lethe.register.terms import System
from lethe.requests.certificate import plan
from lethe.requests.certificate.facts import (
    BytesFacts,
    CaseFacts,
    Facts,
    KeyFacts,
    Outcome,
    Progress,
    RecipientFacts,
    StoreFacts,
    SubjectFacts,
    TopicFacts,
)
from lethe.requests.certificate.plan import Treatment
from lethe.settings import TopicSettings
from tests.unit.register.registers import SHIPPED

AT = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
REGISTER = load(SHIPPED)
TOPICS = TopicSettings()
CASE_ID = "7f3a9c02d4e64b1f8a5d0c3be9716a42"


def ref(number: int) -> str:
    return f"{number:064x}"


def case(case_id: str = CASE_ID) -> CaseFacts:
    return CaseFacts(
        case_id=case_id,
        kind="erasure",
        channel="web_form",
        ground="b",
        received_at=AT - timedelta(days=3),
        decided_at=AT - timedelta(days=2),
        erased_at=AT,
        verified_at=AT + timedelta(seconds=20),
    )


def stores(register: Register = REGISTER) -> tuple[StoreFacts, ...]:
    """Every store that the register has emptied; the first held something."""
    names = plan.stores(register, Treatment.ERASED)
    return tuple(
        StoreFacts(name, "point_read", 0 if at else 3, "point_read", 0, canary=True)
        for at, name in enumerate(names)
    )


def facts(register: Register = REGISTER, case_id: str = CASE_ID, people: int = 1) -> Facts:
    topics = plan.stores(register, Treatment.TOMBSTONED)
    return Facts(
        case=case(case_id),
        subjects=tuple(SubjectFacts(ref(number)) for number in range(people)),
        stores=stores(register),
        topics=tuple(TopicFacts(name, {2: 117}, AT) for name in topics),
        key=KeyFacts(
            epoch=8,
            punctured_at=AT - timedelta(seconds=2),
            older_destroyed_at=AT - timedelta(seconds=1),
            derivable_before=True,
            derivable_after=False,
        ),
        progress=Progress(recipients=(RecipientFacts("mail_sender", "webhook", AT),)),
        unattributed_until=AT + timedelta(days=14),
    )


def with_store(whole: Facts, store: str, **changes: object) -> Facts:
    """The facts with one store's answers changed."""
    changed = tuple(
        replace(each, **changes) if each.store == store else each  # type: ignore[arg-type]
        for each in whole.stores
    )
    return replace(whole, stores=changed)


def all_bytes_gone(at: datetime) -> Progress:
    return Progress(bytes_gone={system: BytesFacts(at, "raw_search") for system in System})


def mixed(people: int) -> Facts:
    """Many subjects, of whom each third was not held."""
    subjects = tuple(
        SubjectFacts(ref(number), Outcome.ERASED if number % 3 else Outcome.NOTHING_HELD)
        for number in range(1, people + 1)
    )
    return replace(facts(), subjects=subjects)
