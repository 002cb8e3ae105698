"""Step 4: make the subject's key underivable, for every process and from every copy of any store."""

from typing import Final

from lethe.audit import trail
from lethe.audit.entry import Action, Entry
from lethe.audit.who import Who
from lethe.protection.key_store import KeyStore
from lethe.protection.subject_keys import SubjectKeys, puncture
from lethe.requests import names
from lethe.requests.record import Erasure

KEY = "key"  # how a record names a key that can still be derived
PURPOSE: Final = "rights"


def puncture_key(erasure: Erasure, store: KeyStore, pepper: bytes) -> int:
    """Puncture the key of every generation that the erasure covers; returns the key state's epoch from then on.

    A subject whom no store holds is punctured too: a copy made earlier may hold what the stores no longer do. A
    retry finds the key punctured and changes nothing. The audit trail names the subject for the last time, by its
    audit_ref, before that is nobody's; the epoch that ended it is entered afterwards.
    """

    def before(keys: SubjectKeys) -> None:
        names.extend(erasure, keys)
        entry = _begun(erasure, keys)
        names.note_audit_ref(erasure, entry.audit_ref)
        trail.append(erasure.client, erasure.db, [entry])

    with erasure.step("puncture"):
        subjects = [(erasure.subject_id, generation) for generation in names.of(erasure).generations]
        state = puncture(store, pepper, subjects, before)
        trail.append(erasure.client, erasure.db, [_ended(erasure, state.epoch)])
        erasure.set(**{"steps.puncture.epoch": state.epoch, "steps.puncture.root": state.current})
    return state.epoch


def _who(erasure: Erasure) -> Who:
    return Who("eraser", run=erasure.record_id)


def _begun(erasure: Erasure, keys: SubjectKeys) -> Entry:
    """On the newest name that the subject has; on none where an earlier erasure has ended it."""
    generations = names.of(erasure).generations
    derived = keys.derive([erasure.subject_id] * len(generations), generations)
    ref = next((each.audit_ref for each in reversed(derived) if each is not None), None)
    result = {"epoch_before": keys.state.epoch}
    key = f"{erasure.record_id}:puncture"
    return Entry(_who(erasure), Action.KEY_PUNCTURE, PURPOSE, key, erasure.record_id, ref, result)


def _ended(erasure: Erasure, epoch: int) -> Entry:
    key = f"{erasure.record_id}:punctured"
    return Entry(_who(erasure), Action.KEY_EPOCH, PURPOSE, key, erasure.record_id, result={"epoch": epoch})


def is_derivable(erasure: Erasure, keys: SubjectKeys) -> bool:
    """Whether any root still gives a key of the subject for a generation that the erasure covers.

    Not asked of roots that a rotation brought after the puncture: nothing was ever encrypted under theirs.
    """
    newest = erasure.found("puncture").get("root", keys.state.current)
    return any(
        keys.derive([erasure.subject_id], [generation], root)[0] is not None
        for generation in names.of(erasure).generations
        for root in keys.state.roots
        if root <= newest
    )
