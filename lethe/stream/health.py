"""What the stream tells of itself in `stream_health`: a heartbeat, a document a batch, and totals.

Read by supervision, the eraser and the dashboard. It holds counts, offsets and class names, never a value.
"""

import os
import socket
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bson.int64 import Int64
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from lethe.audit import trail
from lethe.audit.entry import Action, Entry
from lethe.audit.who import process
from lethe.errors import FencedError
from lethe.profiles.parsing import OTHER
from lethe.stores.mongodb import Document, in_transaction
from lethe.stream.lease import Lease, assert_held

DRIVER = "driver"
TOTALS = "totals"
QUERY = "user_profiles"  # by its name in Spark
PURPOSE = "account"
SUMS = (
    *("rows_in", "stored", "superseded", "suppressed", "control", "not_counted"),
    *("consents", "withdrawals", "withdrawal_ms"),
)
MAX_UNKNOWN_NAMES = 200  # a batch; the document of one must fit whatever producers make up


@dataclass(slots=True)
class Counts:
    """What became of the rows of a partition or a batch; `rows_in` is the sum of all of them."""

    rows_in: int = 0
    stored: int = 0
    superseded: int = 0
    suppressed: int = 0
    control: int = 0
    not_counted: int = 0
    consents: int = 0  # that came alone, and were taken in
    withdrawals: int = 0  # of those
    withdrawal_ms: int = 0  # from the withdrawals' Kafka timestamps until every store had them, added up
    slowest_withdrawal_ms: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)
    unknown_fields: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Counts") -> None:
        """Add another partition's counts."""
        for name in SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.slowest_withdrawal_ms = max(self.slowest_withdrawal_ms, other.slowest_withdrawal_ms)
        self.quarantined.update(other.quarantined)
        self.unknown_fields.update(other.unknown_fields)

    def balanced(self) -> bool:
        """Whether every row is accounted for."""
        told = self.stored + self.superseded + self.suppressed + self.control + self.consents
        return self.rows_in == told + sum(self.quarantined.values())

    def document(self) -> Document:
        """As stored; of unknown fields the most frequent have their names, and the rest one together."""
        named = Counter(dict(self.unknown_fields.most_common(MAX_UNKNOWN_NAMES)))
        named.update({OTHER: left} if (left := self.unknown_fields.total() - named.total()) else {})
        return {
            **{name: getattr(self, name) for name in SUMS},
            "slowest_withdrawal_ms": self.slowest_withdrawal_ms,
            "quarantined": dict(self.quarantined),
            "unknown_fields": [{"name": name, "count": n} for name, n in named.items()],
        }

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> "Counts":
        """The reverse of `document`."""
        unknown = Counter({entry["name"]: entry["count"] for entry in document["unknown_fields"]})
        plain = {k: v for k, v in document.items() if k not in {"quarantined", "unknown_fields"}}
        return cls(**plain, quarantined=Counter(document["quarantined"]), unknown_fields=unknown)


@dataclass(slots=True)
class Health:
    """Writes the driver's own document; every write is conditional on the lease, so that a driver that was
    taken over can't speak over its successor."""

    db: Database[Document]
    lease: Lease

    def starting(self) -> None:
        """First word of a new driver; the offsets that an earlier one reached stay.

        Raises FencedError where a newer driver has spoken already.
        """
        now = datetime.now(UTC)
        first_word = {
            "number": self.lease.number,
            "holder": self.lease.holder,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "started_at": now,
            "heartbeat_at": now,
            "state": "starting",
            "batch_in_flight": None,
            "batch_ledger_version": None,
            "batch_key_epoch": None,
            "last_error": None,
            "lag": None,
            "lag_at": None,
        }
        not_newer = {"_id": DRIVER, "number": {"$not": {"$gt": self.lease.number}}}
        try:
            self.db.stream_health.update_one(not_newer, {"$set": first_word}, upsert=True)
        except DuplicateKeyError as error:
            raise FencedError(
                f"lease {self.lease.number} was taken over before its driver started"
            ) from error

    def say(self, **fields: Any) -> bool:
        """Set fields of the driver's document; False when a newer driver owns it."""
        fields["heartbeat_at"] = datetime.now(UTC)
        written = self.db.stream_health.update_one(
            {"_id": DRIVER, "number": self.lease.number}, {"$set": fields}
        )
        return written.matched_count == 1

    def batch(
        self,
        batch_id: int,
        counts: Counts,
        offsets: Mapping[str, Mapping[str, int]],
        started_at: datetime,
        lag: int | None,
    ) -> None:
        """Publish a finished batch, in the totals and the audit trail too: once however often it is run under a lease.

        Raises FencedError when the lease has been taken over; then nothing is published.
        """
        now = datetime.now(UTC)
        seconds = max((now - started_at).total_seconds(), 1e-3)
        document = {
            **counts.document(),
            "lease": self.lease.number,
            "batch_id": batch_id,
            "at": now,
            "duration_ms": round(seconds * 1000),
            "rows_per_second": round(counts.rows_in / seconds, 1),
            "offsets": {name: dict(bounds) for name, bounds in offsets.items()},
            "lag": lag,
        }
        totals = {f"quarantined.{reason}": Int64(n) for reason, n in counts.quarantined.items()} | {
            name: Int64(getattr(counts, name)) for name in SUMS if name != "not_counted"
        }
        key = {"_id": f"batch:{self.lease.number}:{batch_id}"}
        entry = _entry(self.lease, batch_id, counts, offsets)

        def publish(session: ClientSession) -> None:
            assert_held(self.db, self.lease, 0, session)
            trail.append(self.db.client, self.db, [entry], session)
            health = self.db.stream_health
            if health.update_one(key, {"$setOnInsert": document}, upsert=True, session=session).did_upsert:
                health.update_one({"_id": TOTALS}, {"$inc": totals}, upsert=True, session=session)

        in_transaction(self.db.client, publish)


def _entry(lease: Lease, batch_id: int, counts: Counts, offsets: Mapping[str, Mapping[str, int]]) -> Entry:
    """What the audit trail tells of a batch: which messages, and what became of how many; no subject, no field."""
    result = {
        "query": QUERY,
        "lease": lease.number,
        "batch": batch_id,
        "offsets": {name: dict(bounds) for name, bounds in offsets.items()},
        "counts": {name: getattr(counts, name) for name in SUMS if name != "withdrawal_ms"},
        "quarantined": dict(counts.quarantined),
    }
    key = f"stream:{lease.number}:{batch_id}"
    return Entry(process("stream"), Action.STREAM_BATCH, PURPOSE, key, result=result)
