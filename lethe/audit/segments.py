"""The end of a retention: the oldest entries leave the trail, after a signed act in the trail itself says so.

First the act, then the removal in pages from the oldest on. Killed between, entries are there that have left: they are
counted as such, and the next time removes them.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pymongo.database import Database

from lethe.audit import checkpoints, trail
from lethe.audit.acts import Act
from lethe.audit.checkpointing import insist
from lethe.audit.entry import Action, Entry
from lethe.audit.report import Report
from lethe.audit.verify import asked, verify
from lethe.audit.who import Who
from lethe.errors import ConfigurationError
from lethe.evidence.signing import Signer
from lethe.moments import time_text
from lethe.register.durations import shortest
from lethe.register.model import Register
from lethe.settings import Paths
from lethe.stores.mongodb import Client, Document

STORE: Final = "mongodb.audit_trail"
PURPOSE: Final = "rights"
PAGE: Final = 10_000  # entries removed at once


@dataclass(frozen=True, slots=True)
class Due:
    """Entries below `until` are of before `cutoff`: `count` of them are there, `left` by an earlier act."""

    until: int
    cutoff: datetime
    period: str
    count: int
    left: int


def period_of(register: Register) -> str:
    """How long entries are kept: the register's period (ISO 8601). Raises ConfigurationError for criteria."""
    name = register.stores[STORE].retention
    period = register.retentions[name].period
    if period is None:
        raise ConfigurationError(f"retentions.{name}: {STORE} needs a period; see `register.yaml`")
    return period


def due(db: Database[Document], period: str, first: int, now: datetime | None = None) -> Due:
    """What has reached the end of its retention, of a trail that begins at `first`; raises StoreError.

    It ends at the first entry that is young enough: entries leave in their order alone.
    """
    cutoff = (now or datetime.now(UTC)) - shortest(period)
    with asked():
        young = {"_id": {"$gte": first}, "at": {"$gte": time_text(cutoff)}}
        found = db.audit_trail.find(young, {"_id": 1}).sort("_id", 1).limit(1)
        head = db.audit_head.find_one({"_id": trail.HEAD}) or {"size": first}
        until = int(next((each["_id"] for each in found), head["size"]))
        left = db.audit_trail.count_documents({"_id": {"$gte": 0, "$lt": first}})
    return Due(until, cutoff, period, until - first, left)


def drop(
    client: Client, db: Database[Document], found: Due, *, paths: Paths, signer: Signer, who: Who
) -> Report:
    """Sign the act, enter it, remove what has left; a second time removes what is left of it, and no more.

    Raises TrailError where the trail is not intact: nothing leaves it then.
    """
    checked = verify(
        client,
        db,
        signer.public_key,
        checkpoints.files(checkpoints.folder(paths)),
        marks=frozenset({found.until}),
    )
    insist(checked)
    until = checked.report.first
    if found.until > until:
        tree, head = checked.trees[found.until]
        act = Act(found.until, head, tuple(tree.peaks), found.cutoff, found.period, datetime.now(UTC))
        entry = Entry(
            who, Action.TRAIL_DROP, PURPOSE, f"drop:{found.until}", result={"act": act.signed(signer)}
        )
        with asked():
            trail.append(client, db, [entry])
        until = found.until
    _remove(db, until)
    return checked.report


def _remove(db: Database[Document], until: int) -> None:
    """From the oldest on, so that what is there begins later each time and has no hole."""
    with asked():
        while True:
            page = (
                db.audit_trail.find({"_id": {"$gte": 0, "$lt": until}}, {"_id": 1}).sort("_id", 1).limit(PAGE)
            )
            positions = [each["_id"] for each in page]
            if not positions:
                return
            db.audit_trail.delete_many({"_id": {"$in": positions}})
