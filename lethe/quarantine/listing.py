"""What lies in quarantine, without what it says and without whom it names."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo.database import Database

from lethe.quarantine.selection import Selection
from lethe.stores.mongodb import Document

ORDER = [("topic", 1), ("partition", 1), ("offset", 1)]


@dataclass(frozen=True, slots=True)
class Counted:
    """Documents of one topic and reason: how many, how many with a payload, and when the first and last was refused."""

    topic: str
    reason: str
    count: int
    with_payload: int
    first_at: datetime
    last_at: datetime

    def document(self) -> dict[str, Any]:
        """For machines."""
        return {
            "topic": self.topic,
            "reason": self.reason,
            "count": self.count,
            "with_payload": self.with_payload,
            "first_at": _text(self.first_at),
            "last_at": _text(self.last_at),
        }


@dataclass(frozen=True, slots=True)
class Line:
    """One document. `key`: what its payload is under, `subject` or `day`; None where it has none."""

    place: str
    reason: str
    at: datetime
    key: str | None

    def document(self) -> dict[str, Any]:
        """For machines."""
        return {"place": self.place, "reason": self.reason, "at": _text(self.at), "key": self.key}


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")


def counts(db: Database[Document], selection: Selection) -> list[Counted]:
    """By topic and reason, the most first."""
    has_payload = {"$cond": [{"$gt": ["$payload", None]}, 1, 0]}
    found = db.quarantine.aggregate(
        [
            {"$match": selection.query()},
            {
                "$group": {
                    "_id": {"topic": "$topic", "reason": "$reason"},
                    "count": {"$sum": 1},
                    "with_payload": {"$sum": has_payload},
                    "first_at": {"$min": "$at"},
                    "last_at": {"$max": "$at"},
                }
            },
            {"$sort": {"count": -1, "_id": 1}},
        ]
    )
    return [Counted(**each.pop("_id"), **each) for each in found]


def lines(db: Database[Document], selection: Selection, limit: int) -> list[Line]:
    """In the order of the topics, at most `limit`."""
    shown = {"reason": 1, "at": 1, "root": 1, "has_payload": {"$gt": ["$payload", None]}}
    found = db.quarantine.find(selection.query(), shown).sort(ORDER).limit(limit)
    return [
        Line(
            each["_id"],
            each["reason"],
            each["at"],
            ("subject" if "root" in each else "day") if each["has_payload"] else None,
        )
        for each in found
    ]
