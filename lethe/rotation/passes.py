"""A pass: every row of `profiles` once, a slice of the ring at a time; passes until one finds nothing to do.

The slices are Spark's tasks (spark_apps/rotate_keys.py). Each opens its own connections and loads the keys itself:
nothing but numbers goes to it and comes back.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from cassandra.cluster import Session
from pymongo.errors import PyMongoError

from lethe.errors import KeyStateError, StoreError
from lethe.protection.key_store import KeyStore
from lethe.protection.pseudonym import load_pepper
from lethe.protection.subject_keys import SubjectKeys
from lethe.register.load import current
from lethe.register.model import PROFILES, Register
from lethe.register.terms import System
from lethe.rotation import table
from lethe.rotation.documents import MongoDocuments
from lethe.rotation.record import Rotation
from lethe.rotation.reencrypt import reencrypt, rename
from lethe.rotation.rows import Counts
from lethe.rotation.table import ProfileTable, Slice
from lethe.settings import Paths, RotationSettings
from lethe.stores import cassandra, mongodb
from lethe.stores.mongodb import Client

ROLE: Final = "rotator"
SLICES: Final = 64  # of the ring; a task takes several


class Keys:
    """The keys of now, under the root that a rotation brings."""

    def __init__(self, paths: Paths, number: int) -> None:
        self._store, self._pepper, self._number = KeyStore(paths), load_pepper(paths), number
        self._held = SubjectKeys(self._store.load(), self._pepper)

    def now(self) -> SubjectKeys:
        """Raises KeyStateError where new rows have another root than this rotation's."""
        if self._held.state.epoch != self._store.epoch():
            self._held = SubjectKeys(self._store.load(), self._pepper)
        if self._held.state.current != self._number:
            raise KeyStateError(
                f"rotation {self._number}: new rows have root {self._held.state.current}; this pass is not of now"
            )
        return self._held


def rotate_slice(number: int, part: Slice, paths: Paths | None = None) -> Counts:
    """Bring a slice's rows to the root of rotation `number`; what became of them.

    Raises StoreError and KeyStateError; running it again then is safe.
    """
    where = paths or Paths()
    session = cassandra.connect(ROLE, where)
    try:
        with mongodb.connect(ROLE, where) as client:
            rotation = Rotation(mongodb.database(client), number)
            return rotate_with(rotation, part, session, client, Keys(where, number))
    except PyMongoError as error:
        told = mongodb.told(error)
    finally:
        session.cluster.shutdown()
    # Outside of the handler: its text quotes documents.
    raise StoreError(f"mongodb: slice {part.number} of rotation {number} was not finished: {told}")


def rotate_with(rotation: Rotation, part: Slice, session: Session, client: Client, keys: Keys) -> Counts:
    """`rotate_slice` over connections that are there."""
    documents = MongoDocuments(client, rotation, part.number)
    profiles, counts = ProfileTable(session), Counts()
    for rows in profiles.read(part):
        counts.add(reencrypt(rows, keys.now(), documents, profiles))
    for other in other_tables(current()):
        for subject_ids in table.subjects(session, other, part):
            rename(subject_ids, keys.now(), documents)
    return counts


def other_tables(register: Register) -> list[str]:
    """Cassandra's other tables that name subjects: of somebody without a profile they alone lead to a document."""
    key = register.stores[PROFILES].found_by
    return [
        name.partition(".")[2]
        for name, store in register.stores.items()
        if name.startswith(f"{System.CASSANDRA}.") and name != PROFILES and store.found_by == key
    ]


def run(
    rotation: Rotation,
    one_pass: Callable[[], Counts],
    settings: RotationSettings,
    pause: Callable[[float], None] = time.sleep,
) -> Counts:
    """Passes until one is clean; what that one found.

    Raises StoreError where the wait for batches has not ended, where what is left won't change by itself, and after as
    many passes as the settings allow.
    """
    if "settled_at" not in rotation.record():
        raise StoreError(
            f"rotation {rotation.number}: batches may be at work under the older root; run await_batches"
        )
    for left in reversed(range(settings.passes)):
        began_at = datetime.now(UTC)
        counts = one_pass()
        rotation.note_pass(counts, began_at)
        if counts.is_clean:
            return counts
        if counts.is_stuck or not left:
            break
        if not counts.moved_only:
            pause(settings.pause_seconds)
    told = ", ".join(f"{n} {name}" for name, n in counts.document().items() if n)
    raise StoreError(f"rotation {rotation.number}: rows are left that name an older root ({told})")
