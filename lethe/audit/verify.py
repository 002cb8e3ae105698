"""Verification: every entry read once, in order, as whoever may only read; writers go on meanwhile.

First what the head covered when it was asked, page by page; then, in one snapshot, what came since with the head that
belongs to it. Whatever stands in the collection besides is found there too.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pymongo.database import Database
from pymongo.errors import PyMongoError

from lethe.audit import acts, checkpoints
from lethe.audit.acts import Act
from lethe.audit.entry import Action
from lethe.audit.report import Findings, Report
from lethe.audit.trail import HEAD
from lethe.audit.tree import Growth, Tree
from lethe.audit.walk import Walk
from lethe.errors import SignatureError, StoreError
from lethe.stores.mongodb import Client, Document, told

BATCH: Final = 2_000  # entries fetched at once


@dataclass(frozen=True, slots=True)
class Verified:
    """The report; the trees, with the hash of the last entry, at the sizes that were asked for; and the growth."""

    report: Report
    trees: dict[int, tuple[Tree, str]]
    growth: Growth | None


def verify(
    client: Client,
    db: Database[Document],
    key: Ed25519PublicKey,
    files: Iterable[Path] = (),
    *,
    marks: frozenset[int] = frozenset(),
    growth_from: int | None = None,
) -> Verified:
    """Read the whole trail and compare it with the checkpoints in `files`.

    `marks`: sizes at which the tree is kept; `growth_from`: the size from which its growth is to be shown. Memory does
    not grow with the trail. Raises StoreError where MongoDB does not answer, InputError where a file can't be read.
    """
    findings = Findings()
    compared = checkpoints.read_all(files, key, findings)
    with asked():
        walk = Walk(compared, _acts(db, key), marks, findings, growth_from)
        size, _ = _head(db)
        for document in _entries(db, {"$gte": walk.first, "$lt": size or 0}):
            walk.take(document)
        report = _end(client, db, walk)
    return Verified(report, walk.trees, walk.growth)


def _end(client: Client, db: Database[Document], walk: Walk) -> Report:
    """What came since the head was asked, and whatever does not belong there, as of one moment."""
    walked = walk.next
    with client.start_session(snapshot=True) as session:
        size, head = _head(db, session)
        for document in _entries(db, {"$not": {"$gte": 0, "$lt": walked}}, session):
            walk.take(document)
        left = db.audit_trail.count_documents({"_id": {"$gte": 0, "$lt": walk.first}}, session=session)
    return walk.end(size, head, left)


def _head(db: Database[Document], session: Any = None) -> tuple[int | None, str | None]:
    found = db.audit_head.find_one({"_id": HEAD}, session=session)
    return (int(found["size"]), str(found["hash"])) if found else (None, None)


def _entries(db: Database[Document], positions: Document, session: Any = None) -> Iterator[Document]:
    cursor = db.audit_trail.find({"_id": positions}, session=session).sort("_id", 1).batch_size(BATCH)
    with cursor:
        yield from cursor


def _acts(db: Database[Document], key: Ed25519PublicKey) -> dict[int, Act]:
    """The acts of dropping that are what was signed; the others are found on the way."""
    found: dict[int, Act] = {}
    for document in db.audit_trail.find({"action": Action.TRAIL_DROP.value}):
        try:
            act = acts.read(document, key)
        except (SignatureError, ValueError, KeyError, TypeError):
            continue
        if isinstance(document["_id"], int) and act.until <= document["_id"]:
            found[document["_id"]] = act
    return found


@contextmanager
def asked() -> Iterator[None]:
    """MongoDB's errors by their class alone, since their text quotes documents."""
    try:
        yield
    except PyMongoError as error:
        raise StoreError(
            f"mongodb: the audit trail could not be asked ({told(error)}); see `lethe status`"
        ) from None
