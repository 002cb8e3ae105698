"""The steps of `rotate_keys` but the passes over the rows themselves. Each may be killed, and repeated.

1. begin: the record, then a new root in the key state, once. New rows use it from here on.
2. await_batches: until every batch at work derives under it. No name is moved before: a batch that knows only the older
   root would not find it, and write a second document.
3. passes over all rows (passes.py), until one finds nothing of an older root: that is the check.
4. drop: when neither a document nor a payload in quarantine is left either, the older roots are destroyed.
"""

import os
from datetime import UTC, datetime, timedelta
from typing import Final

from pymongo.database import Database

from lethe.audit import trail
from lethe.audit.entry import Action, Entry
from lethe.audit.who import process
from lethe.errors import StoreError
from lethe.protection.ggm import SEED_BYTES
from lethe.protection.key_state import KeyState
from lethe.protection.key_store import KeyStore
from lethe.requests.in_flight import are_past
from lethe.rotation import record
from lethe.rotation.record import Rotation
from lethe.rotation.rows import Document
from lethe.settings import StreamSettings
from lethe.stores.mongodb import Client

PURPOSE: Final = "operation"
CLOCKS: Final = timedelta(minutes=5)  # by how much clocks of workers may differ


def begin(db: Database[Document], store: KeyStore) -> Rotation:
    """Open the record and make the new root; where that is done already, change nothing.

    Raises StoreError where the key state and the record are not of one moment, KeyStateError as KeyStore does.
    """
    state = store.load()  # before the record is looked for: one that ends meanwhile is not begun again
    rotation = record.find_open(db) or record.start(db, _number(state))
    _enter(rotation, "begin", root=rotation.number)
    state = store.change(lambda held: _with_root(held, rotation.number))
    if state.current != rotation.number:
        raise StoreError(
            f"rotation {rotation.number} is open, and the key state's newest root is {state.current}: one of the two "
            "was restored from a backup"
        )
    rotation.fix(epoch=state.epoch)
    _enter(rotation, "begun", epoch=int(rotation.record()["epoch"]))
    return rotation


def _enter(rotation: Rotation, step: str, **result: int) -> None:
    """Enter a step in the audit trail, once however often it is run: what changes keys is entered before, and after."""
    told = {"rotation": rotation.number, "step": step} | result
    key = f"rotation:{rotation.number}:{step}"
    entry = Entry(process("rotator"), Action.KEY_ROTATION, PURPOSE, key, result=told)
    trail.append(rotation.db.client, rotation.db, [entry])


def _number(state: KeyState) -> int:
    """The root to bring; where there is an older one already, a rotation was under way whose record is lost."""
    return state.current if len(state.roots) > 1 else state.current + 1


def _with_root(state: KeyState, number: int) -> KeyState:
    return state.with_new_root(os.urandom(SEED_BYTES)) if state.current + 1 == number else state


def await_batches(client: Client, rotation: Rotation, settings: StreamSettings | None = None) -> bool:
    """One look: False while a batch may be at work that does not derive under the new root; else note when it was seen.

    The lease is taken away from a driver that is absent: one that was only paused can't write to MongoDB any more. What
    it may still write to Cassandra has the write time that MongoDB gave it, which a move raises.
    """
    held = rotation.record()
    if "settled_at" in held:
        return True
    if "epoch" not in held:
        raise StoreError(f"rotation {rotation.number}: no new root yet; run the step begin first")
    holder = f"rotation {rotation.number}"
    if not are_past(client, rotation.db, int(held["epoch"]), holder, settings, of="key_epoch"):
        return False
    rotation.fix(settled_at=datetime.now(UTC))
    return True


def check(rotation: Rotation) -> dict[str, int]:
    """What the last pass found, where it was clean and no document is left under an older name.

    Raises StoreError that says what is left and how much of it.
    """
    held = rotation.record()
    last = rotation.last_pass()
    if last is None:
        raise StoreError(f"rotation {rotation.number}: no pass over the rows has ended yet")
    if "checked_at" not in held or not last.is_clean:
        left = ", ".join(f"{n} {name}" for name, n in last.document().items() if n)
        raise StoreError(
            f"rotation {rotation.number}: not every row is under the new root ({left}); run it again"
        )
    documents = documents_left(rotation)
    if documents:
        raise StoreError(
            f"rotation {rotation.number}: {documents} documents of contributions have an older name, and no row leads "
            "to them; the older root stays until they are gone"
        )
    return last.document() | {"moved": rotation.moved()}


def documents_left(rotation: Rotation) -> int:
    """How many contributions are under names of an older root; tombstones are nobody's, and not among them."""
    older = {"erased_at": {"$exists": False}, "root": {"$not": {"$gte": rotation.number}}}
    return rotation.db.contributions.count_documents(older)


def payloads_left(rotation: Rotation) -> int:
    """How many payloads in quarantine may name an older root: those of a subject, from before the wait had ended."""
    before = rotation.record()["settled_at"] + CLOCKS
    payload = {"payload": {"$exists": True}, "subject_ids.0": {"$exists": True}, "at": {"$lt": before}}
    return rotation.db.quarantine.count_documents(payload)


def drop(rotation: Rotation, store: KeyStore) -> bool:
    """One look: False while a payload in quarantine may name an older root; else destroy those roots, and close.

    Raises StoreError as `check` does; then nothing is destroyed.
    """
    if "ended_at" in rotation.record():
        return True
    check(rotation)
    if payloads_left(rotation):
        return False
    older = [root for root in store.load().roots if root < rotation.number]
    _enter(rotation, "drop", roots=len(older))
    for root in older:
        store.drop_root(root)
    _enter(rotation, "dropped", epoch=store.epoch())
    rotation.end()
    return True
