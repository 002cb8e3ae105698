"""What the dashboard knows: the only module of it that reads a store.

Its MongoDB user may read `published_*` and `stream_health`, nothing else. A store that does not answer is no error
here: the reading then says so and holds what was known last.
"""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pymongo
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import PyMongoError

from lethe.governance.publication import OTHER
from lethe.governance.publisher import ALL, PUBLICATION
from lethe.stores.mongodb import Document
from lethe.stream.health import DRIVER, TOTALS

LOG = logging.getLogger("dashboard.data")
ANSWER_SECONDS = 2.0  # longer than that, and the store counts as down
FRESH_SECONDS = 1.0  # within which all open pages share one reading
BATCHES = 60


@dataclass(frozen=True, slots=True)
class Group:
    """A published figure: a nationality (ISO 3166-1 alpha-2) or `other`."""

    code: str
    users: int
    average_age: float
    nationalities: int = 1

    @property
    def is_other(self) -> bool:
        """Whether it is the group of all nationalities that are not shown by themselves."""
        return self.code == OTHER


@dataclass(frozen=True, slots=True)
class Published:
    """Everything that is published: the largest group first, `other` last.

    `overall` is None where there are too few people for any figure.
    """

    groups: tuple[Group, ...]
    overall: Group | None
    smallest_group: int
    not_counted: int | None  # None: fewer than the smallest group
    published_at: datetime | None
    checked_at: datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """One finished batch of the stream."""

    name: str  # lease and batch id
    at: datetime
    rows_in: int
    stored: int
    superseded: int
    suppressed: int
    not_counted: int
    quarantined: int
    duration_ms: int
    rows_per_second: float


@dataclass(frozen=True, slots=True)
class Stream:
    """What the stream tells of itself; `batches` from the latest on, `quarantined` since the beginning."""

    state: str
    number: int
    host: str
    started_at: datetime
    heartbeat_at: datetime
    lag: int | None
    last_error: str | None
    batches: tuple[Batch, ...]
    rows_in: int
    quarantined: Mapping[str, int]
    withdrawals: int = 0  # of consents, that came alone
    withdrawal_ms: int = 0  # from their Kafka timestamps until every store had them, added up


@dataclass(frozen=True, slots=True)
class Reading:
    """What was known at `read_at`; `published` and `stream` are None where nothing has been written yet.

    `down_since` is set while the store does not answer; the rest is then what was known before.
    """

    published: Published | None = None
    stream: Stream | None = None
    read_at: datetime | None = None
    down_since: datetime | None = None


@dataclass(slots=True)
class Source:
    """Readings of one database, shared by every page that is open."""

    db: Database[Document]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _last: Reading = field(default_factory=Reading)
    _asked: float = -FRESH_SECONDS

    def read(self) -> Reading:
        """What is known now, not older than FRESH_SECONDS; never raises for a store that is down."""
        with self._lock:
            if time.monotonic() - self._asked >= FRESH_SECONDS:
                self._last = self._read()
                self._asked = time.monotonic()
            return self._last

    def _read(self) -> Reading:
        now = datetime.now(UTC)
        try:
            with pymongo.timeout(ANSWER_SECONDS), self.db.client.start_session(snapshot=True) as session:
                return Reading(self._published(session), self._stream(session), now)
        except PyMongoError as error:
            if self._last.down_since is None:
                LOG.warning("the store does not answer", extra={"error_class": type(error).__name__})
            return replace(self._last, down_since=self._last.down_since or now)

    def _published(self, session: ClientSession) -> Published | None:
        status = self.db.published_status.find_one({"_id": PUBLICATION}, session=session)
        if status is None:
            return None
        groups = [_group(doc) for doc in self.db.published_users_by_nationality.find(session=session)]
        overall = self.db.published_average_age.find_one({"_id": ALL}, session=session)
        return Published(
            tuple(sorted(groups, key=lambda group: (group.is_other, -group.users, group.code))),
            None if overall is None else _group(overall),
            status["smallest_group"],
            status["not_counted"],
            status["published_at"],
            status["checked_at"],
        )

    def _stream(self, session: ClientSession) -> Stream | None:
        health = self.db.stream_health
        driver = health.find_one({"_id": DRIVER}, session=session)
        if driver is None:
            return None
        totals = health.find_one({"_id": TOTALS}, session=session) or {}
        latest = health.find({"batch_id": {"$exists": True}}, session=session).sort("at", -1).limit(BATCHES)
        return Stream(
            driver["state"],
            driver["number"],
            driver["host"],
            driver["started_at"],
            driver["heartbeat_at"],
            driver.get("lag"),
            driver.get("last_error"),
            tuple(_batch(doc) for doc in latest),
            totals.get("rows_in", 0),
            {reason: n for reason, n in totals.get("quarantined", {}).items() if n},
            totals.get("withdrawals", 0),
            totals.get("withdrawal_ms", 0),
        )


def _group(document: Mapping[str, Any]) -> Group:
    return Group(
        document["_id"], document["users"], document["average_age"], document.get("nationalities", 1)
    )


def _batch(document: Mapping[str, Any]) -> Batch:
    counts = {
        name: document[name] for name in ("rows_in", "stored", "superseded", "suppressed", "not_counted")
    }
    return Batch(
        name=f"{document['lease']}:{document['batch_id']}",
        at=document["at"],
        quarantined=sum(document["quarantined"].values()),
        duration_ms=document["duration_ms"],
        rows_per_second=document["rows_per_second"],
        **counts,
    )
