"""Step 4: make the subject's key underivable, for every process and from every copy of any store."""

from lethe.protection.key_store import KeyStore
from lethe.protection.subject_keys import SubjectKeys, puncture
from lethe.requests import names
from lethe.requests.record import Erasure

KEY = "key"  # how a record names a key that can still be derived


def puncture_key(erasure: Erasure, store: KeyStore, pepper: bytes) -> int:
    """Puncture the key of every generation that the erasure covers; returns the key state's epoch from then on.

    A subject whom no store holds is punctured too: a copy made earlier may hold what the stores no longer do. A
    retry finds the key punctured and changes nothing.
    """
    with erasure.step("puncture"):
        subjects = [(erasure.subject_id, generation) for generation in names.of(erasure).generations]
        state = puncture(store, pepper, subjects, lambda keys: names.extend(erasure, keys))
        erasure.set(**{"steps.puncture.epoch": state.epoch, "steps.puncture.root": state.current})
    return state.epoch


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
