"""Reading the trail: entries by case, audit_ref, action and time, in the form in which they are hashed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo.database import Database

from lethe.audit.entry import Action, exported, written
from lethe.audit.verify import asked
from lethe.errors import InputError
from lethe.moments import time_text
from lethe.stores.mongodb import Document

_REFERENCE = re.compile("[0-9a-f]{64}").fullmatch


@dataclass(frozen=True, slots=True)
class Filter:
    """What is set must hold; times include their ends. Raises InputError for what can't be one."""

    case_id: str | None = None
    audit_ref: str | None = None
    actions: tuple[Action, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        """Without the text that was typed: it may name somebody."""
        if self.audit_ref is not None and not _REFERENCE(self.audit_ref):
            raise InputError("--audit-ref: 64 hex digits, as a certificate tells it")
        if self.since is not None and self.until is not None and self.until < self.since:
            raise InputError("--until is earlier than --since")

    def query(self) -> Document:
        """For MongoDB."""
        wanted: Document = {}
        if self.case_id is not None:
            wanted["case_id"] = self.case_id
        if self.audit_ref is not None:
            wanted["audit_ref"] = self.audit_ref
        if self.actions:
            wanted["action"] = {"$in": [action.value for action in self.actions]}
        ends = {"$gte": self.since, "$lte": self.until}
        times = {sign: time_text(moment) for sign, moment in ends.items() if moment is not None}
        return wanted | ({"at": times} if times else {})


def entries(db: Database[Document], wanted: Filter, limit: int | None) -> Iterator[dict[str, Any]]:
    """Entries in their order, at most `limit`, the newest of them where there are more. Raises StoreError."""
    with asked():
        found = db.audit_trail.find(wanted.query())
        if limit is None:
            yield from (exported(each) for each in found.sort("_id", 1))
        else:
            yield from (exported(each) for each in reversed([*found.sort("_id", -1).limit(limit)]))


def line(entry: dict[str, Any]) -> str:
    """An entry as it is hashed (RFC 8785), for machines."""
    return written(entry).decode("utf-8")


def text(entry: dict[str, Any]) -> str:
    """An entry for people."""
    who = "/".join(str(entry[name]) for name in ("role", "account", "run") if name in entry)
    about = "".join(f"  {name} {entry[name]}" for name in ("case_id", "audit_ref") if name in entry)
    result = written(entry["result"]).decode("utf-8")
    return (
        f"{entry['position']}  {entry['at']}  {entry['action']}  {who}  {entry['purpose']}{about}  {result}"
    )
