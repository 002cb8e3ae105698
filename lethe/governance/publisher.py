"""The publisher: reads exact cells, writes what may be published of them, over and over.

What it must remember of each figure, exact numbers included, is in `publication_state`, which no reader of the
published figures may read. Reading, deciding and writing are one snapshot transaction: a figure is never made of
half a move from one nationality to another, and published collections always belong together.
"""

import logging
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pymongo import ReplaceOne
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import PyMongoError
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    sleep_using_event,
    stop_when_event_set,
    wait_random_exponential,
)

from lethe.governance.publication import OTHER, Cell, Count, Figure, Mark, count, publish, total
from lethe.profiles.countries import countries
from lethe.stores.mongodb import Client, Document, in_transaction

LOG = logging.getLogger("lethe.governance.publisher")
ALL, PUBLICATION = "all", "publication"
FIGURE, COUNT = "figure", "count"
COUNTS = ("stored", "not_counted")
BACK_OFF_CAP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class State:
    """What stands published, with what it was made from."""

    figures: list[Figure]
    counts: dict[str, Count]


@dataclass(slots=True)
class Publisher:
    """Publishes from one database; `k` is the register's smallest group."""

    client: Client
    db: Database[Document]
    k: int
    _stopping: threading.Event = field(default_factory=threading.Event)

    def run(self, interval: float) -> None:
        """Publish every `interval` seconds until `stop`; while the store does not answer, keep trying."""
        attempts = Retrying(
            retry=retry_if_exception_type(PyMongoError),
            wait=wait_random_exponential(multiplier=1, max=BACK_OFF_CAP_SECONDS),
            stop=stop_when_event_set(self._stopping),
            sleep=sleep_using_event(self._stopping),
            before_sleep=_say_failure,
            retry_error_callback=lambda _: None,
        )
        while not self._stopping.is_set():
            attempts(self.publish_once)
            self._stopping.wait(interval)

    def stop(self) -> None:
        """End `run` as soon as it is between two publications."""
        self._stopping.set()

    def publish_once(self) -> None:
        """Bring the published collections to what may be said now. Raises PyMongoError."""
        now = datetime.now(UTC).replace(microsecond=0)
        before, after = in_transaction(self.client, lambda session: self._publish(now, session))
        fresh = [figure.name for figure in after.figures if figure not in before.figures]
        if fresh or len(before.figures) != len(after.figures):
            LOG.info("published", extra={"new": len(fresh), "figures": len(after.figures)})

    def _publish(self, now: datetime, session: ClientSession) -> tuple[State, State]:
        before = self._read_state(session)
        cells = read_cells(self.db.aggregate_shards.find(session=session))
        people = self._people(session)
        after = State(
            publish(before.figures, cells, self.k, now),
            {name: count(before.counts.get(name), people[name], self.k) for name in COUNTS},
        )
        self._write(after, now, session)
        return before, after

    def _people(self, session: ClientSession) -> dict[str, int]:
        """Exact numbers of subjects that are stored, and of those who are not counted."""
        held = list(self.db.subject_counts.find(session=session))
        stored, counted = (sum(doc[name] for doc in held) for name in ("stored", "counted"))
        return {"stored": stored, "not_counted": stored - counted}

    def _read_state(self, session: ClientSession) -> State:
        held = list(self.db.publication_state.find(session=session))
        return State(
            [_read_figure(doc) for doc in held if doc["kind"] == FIGURE],
            {doc["name"]: Count(doc["users"], doc["mark"]) for doc in held if doc["kind"] == COUNT},
        )

    def _write(self, state: State, now: datetime, session: ClientSession) -> None:
        figures = [figure_document(figure, state.figures) for figure in state.figures]
        self._replace("published_users_by_nationality", figures, session)
        self._replace("published_average_age", overall_documents(state.figures, self.k), session)
        self._replace("published_status", [self._status(state, now)], session)
        self._replace("publication_state", _state_documents(state), session)

    def _replace(self, collection: str, documents: Sequence[Document], session: ClientSession) -> None:
        """Make a collection hold these documents and no others; the server writes only what differs."""
        names = [document["_id"] for document in documents]
        self.db[collection].delete_many({"_id": {"$nin": names}}, session=session)
        if documents:
            writes = [ReplaceOne({"_id": document["_id"]}, document, upsert=True) for document in documents]
            self.db[collection].bulk_write(writes, session=session)

    def _status(self, state: State, now: datetime) -> Document:
        return {
            "_id": PUBLICATION,
            "state": "published" if state.figures else "too_few",
            "smallest_group": self.k,
            "published_at": _latest(state.figures),
            "checked_at": now,
            **{name: held.users for name, held in state.counts.items()},
        }


def read_cells(shards: Iterable[Mapping[str, Any]]) -> dict[str, Cell]:
    """Exact cells by nationality, out of documents of `aggregate_shards`."""
    months: dict[str, Counter[str]] = {}
    changes: Counter[str] = Counter()
    for shard in shards:
        months.setdefault(shard["nationality"], Counter()).update(shard["months"])
        changes[shard["nationality"]] += shard["changes"]
    return {code: Cell(+counts, changes[code]) for code, counts in months.items()}


def figure_document(figure: Figure, figures: Sequence[Figure]) -> Document:
    """As readers see it. `nationalities` of `other`: all that are not shown, whether anybody has them or not."""
    document: Document = {
        "_id": figure.name,
        "users": figure.users,
        "average_age": figure.average_age,
        "published_at": figure.published_at,
    }
    if figure.name == OTHER:
        document["nationalities"] = len(countries()) - sum(shown.name != OTHER for shown in figures)
    return document


def overall_documents(figures: Sequence[Figure], k: int) -> list[Document]:
    """The overall figure, where there is one."""
    overall = total(figures, k)
    if overall is None:
        return []
    users, average_age = overall
    return [{"_id": ALL, "users": users, "average_age": average_age, "published_at": _latest(figures)}]


def _latest(figures: Sequence[Figure]) -> datetime | None:
    return max((figure.published_at for figure in figures), default=None)


def _state_documents(state: State) -> list[Document]:
    figures: list[Document] = [
        {
            "_id": f"{FIGURE}:{figure.name}",
            "kind": FIGURE,
            "name": figure.name,
            "users": figure.users,
            "average_age": figure.average_age,
            "published_at": figure.published_at,
            "marks": [
                {"nationality": code, "users": mark.users, "changes": mark.changes}
                for code, mark in figure.marks.items()
            ],
        }
        for figure in state.figures
    ]
    counts: list[Document] = [
        {"_id": f"{COUNT}:{name}", "kind": COUNT, "name": name, "users": held.users, "mark": held.mark}
        for name, held in state.counts.items()
    ]
    return figures + counts


def _read_figure(document: Mapping[str, Any]) -> Figure:
    marks = {mark["nationality"]: Mark(mark["users"], mark["changes"]) for mark in document["marks"]}
    return Figure(
        document["name"], document["users"], document["average_age"], document["published_at"], marks
    )


def _say_failure(attempt: RetryCallState) -> None:
    error = attempt.outcome.exception() if attempt.outcome else None
    LOG.warning(
        "nothing published: the store does not answer",
        extra={"error_class": type(error).__name__, "attempt": attempt.attempt_number},
    )
