"""When a certificate may be issued: only what an independent check has shown, by a check that can find something."""

from collections.abc import Iterator
from datetime import datetime

from lethe.register.model import Register
from lethe.requests.certificate import plan
from lethe.requests.certificate.facts import CaseFacts, Facts, KeyFacts, Outcome, StoreFacts, TopicFacts
from lethe.requests.certificate.plan import Treatment

ERASURE = "erasure"


def unmet(facts: Facts, register: Register) -> list[str]:
    """Why no certificate may be issued, each with the name that it is about; empty where one may."""
    return [
        *_case(facts.case),
        *_subjects(facts, register),
        *(why for store in facts.stores for why in _store(store)),
        *(why for topic in facts.topics for why in _topic(topic, facts.case)),
        *_key(facts.key, facts.case),
        *_plan(facts, register),
    ]


def held(facts: Facts, register: Register) -> int:
    """How many records the stores held that an erasure empties; what a topic holds, or the request, is none of it."""
    emptied = plan.stores(register, Treatment.ERASED)
    return sum(store.found or 0 for store in facts.stores if store.store in emptied)


def _case(case: CaseFacts) -> Iterator[str]:
    if case.kind != ERASURE:
        yield f"case: its kind is not {ERASURE}"
    if case.verified_at is None:
        yield "case: not verified"
    times = [case.received_at, case.decided_at, case.erased_at, case.verified_at or case.erased_at]
    if any(at.tzinfo is None for at in times):
        yield "case: a time without its zone"
    elif not (times[0] <= times[1] <= times[3] and times[2] <= times[3]):
        yield "case: received, decided, erased and verified are out of order"


def _subjects(facts: Facts, register: Register) -> Iterator[str]:
    refs = {subject.audit_ref for subject in facts.subjects}
    if not facts.subjects:
        yield "subjects: there are none"
    if len(refs) < len(facts.subjects):
        yield "subjects: one stands there twice"
    if not any(subject.outcome is Outcome.ERASED for subject in facts.subjects):
        yield "subjects: nobody was erased"
    if held(facts, register) <= 0:
        yield "subjects: nothing was held in any store"


def _store(store: StoreFacts) -> Iterator[str]:
    if store.found is None or store.left is None:
        yield f"{store.store}: not asked"
        return
    if store.check_before != store.check_after:
        yield f"{store.store}: asked by another check afterwards than before"
    if store.left != 0 or store.found < 0:
        yield f"{store.store}: something is left"
    if store.found == 0 and not store.canary:
        yield f"{store.store}: its check has found nothing that shows that it can find something"


def _topic(topic: TopicFacts, case: CaseFacts) -> Iterator[str]:
    if not topic.tombstones or any(at < 0 for place in topic.tombstones.items() for at in place):
        yield f"{topic.store}: no tombstone"
    yield from _by(topic.tombstoned_at, case, f"{topic.store}: tombstoned")


def _by(at: datetime, case: CaseFacts, what: str) -> Iterator[str]:
    """A time that verification must come after."""
    if at.tzinfo is None:
        yield f"{what} at a time without its zone"
    elif case.verified_at is not None and case.verified_at.tzinfo is not None and at > case.verified_at:
        yield f"{what} after it was verified"


def _key(key: KeyFacts, case: CaseFacts) -> Iterator[str]:
    if key.derivable_before is None or key.derivable_after is None:
        yield "key: not tried"
        return
    if key.derivable_after:
        yield "key: can still be derived"
    if not (key.derivable_before or key.canary):
        yield "key: its check has derived nothing that shows that it can derive a key"
    yield from _by(key.punctured_at, case, "key: punctured")
    yield from _by(key.older_destroyed_at, case, "key: older states destroyed")


def _plan(facts: Facts, register: Register) -> Iterator[str]:
    asked = [store.store for store in facts.stores]
    tombstoned = [topic.store for topic in facts.topics]
    for name in plan.stores(register, Treatment.ERASED):
        if name not in asked:
            yield f"{name}: not asked"
    for name in plan.stores(register, Treatment.TOMBSTONED):
        if name not in tombstoned:
            yield f"{name}: no tombstone"
    for name in {*asked, *tombstoned}:
        if name not in register.stores:
            yield f"{name}: not in the register"
        if [*asked, *tombstoned].count(name) > 1:
            yield f"{name}: told twice"
    for told in facts.progress.recipients:
        if told.recipient not in register.recipients:
            yield f"recipient {told.recipient}: not in the register"
