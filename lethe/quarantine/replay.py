"""Replay: send refused messages again, as their producer did, and take them out of quarantine.

A page of documents is deleted, sent and acknowledged within one transaction, which is committed last. So a process that
dies anywhere leaves them in quarantine, and they are sent again: the state of a subject does not change by a second
copy, since it has the first one's event time and content (of equal event times the later offset stands, whole). And an
erasure that comes meanwhile waits for the commit with its own deletion, so that its tombstone stands in the topic after
whatever was sent.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Protocol

from pymongo.client_session import ClientSession
from pymongo.database import Database

from lethe.errors import InputError, LetheError, StoreError
from lethe.protection.payloads import Content
from lethe.quarantine.reading import Keys
from lethe.quarantine.selection import Selection
from lethe.stores.kafka import TOPICS
from lethe.stores.mongodb import Client, Document, in_transaction

PAGE: Final = 250  # messages in one transaction


class Senders(Protocol):
    """Where messages go."""

    def send(self, topic: str, partition: int, content: Content) -> None:
        """Hand one message over; raises StoreError."""

    def flush(self) -> None:
        """Return when all are acknowledged; raises StoreError where one is not."""


@dataclass(frozen=True, slots=True)
class Part:
    """Documents of one partition, up to an offset: what comes later is no part of it, such as what is refused again."""

    topic: str
    partition: int
    last_offset: int
    count: int


@dataclass(slots=True)
class Outcome:
    """How many messages were sent again, and by error class how many can't be opened and stay until they expire."""

    sent: int = 0
    unreadable: Counter[str] = field(default_factory=Counter)

    def document(self) -> dict[str, Any]:
        """For machines."""
        return {"sent": self.sent, "unreadable": dict(self.unreadable)}


@dataclass(frozen=True, slots=True)
class _Page:
    last_offset: int
    sent: int
    unreadable: Counter[str]


def parts(db: Database[Document], selection: Selection) -> list[Part]:
    """What is selected and has a payload, by partition, as it is now."""
    grouped = db.quarantine.aggregate(
        [
            {"$match": selection.query() | {"payload": {"$exists": True}}},
            {
                "$group": {
                    "_id": {"topic": "$topic", "partition": "$partition"},
                    "last_offset": {"$max": "$offset"},
                    "count": {"$sum": 1},
                }
            },
            {"$sort": {"_id": 1}},
        ]
    )
    found = [Part(**each.pop("_id"), **each) for each in grouped]
    strange = {each.topic for each in found} - set(TOPICS)
    if strange:
        raise StoreError(f"mongodb: quarantine holds messages of {len(strange)} topics that are not Lethe's")
    return found


@dataclass(frozen=True, slots=True)
class Replay:
    """Sending again, through one connection to MongoDB and one to Kafka."""

    client: Client
    db: Database[Document]
    keys: Keys
    senders: Senders

    def run(self, selection: Selection, record: Callable[[int], None]) -> Outcome:
        """Send again what is selected now, in each partition's order, to the partition that it came from.

        `record` is called with how many that are, before the first is opened. Raises InputError where there are none,
        StoreError when Kafka does not take a message: what was acknowledged before, by whole pages, stands.
        """
        selected = parts(self.db, selection)
        if not selected:
            raise InputError("nothing to replay: no document that is selected holds a message")
        record(sum(part.count for part in selected))
        outcome = Outcome()
        try:
            for part in selected:
                self._send_part(selection, part, outcome)
        except StoreError as error:
            raise StoreError(
                f"{error}; {outcome.sent:,} were replayed before, the others are still in quarantine"
            ) from error
        return outcome

    def _send_part(self, selection: Selection, part: Part, outcome: Outcome) -> None:
        after = -1
        while True:
            span = {"$gt": after, "$lte": part.last_offset}
            of_part = {"topic": part.topic, "partition": part.partition, "offset": span}
            query = {"$and": [selection.query(), of_part | {"payload": {"$exists": True}}]}
            done = in_transaction(self.client, partial(self._send_page, query))
            if done is None:
                return
            after = done.last_offset
            outcome.sent += done.sent
            outcome.unreadable.update(done.unreadable)

    def _send_page(self, query: Document, session: ClientSession) -> _Page | None:
        """One page: deleted first, so that a conflict is met before anything is sent; then sent and acknowledged."""
        found = list(self.db.quarantine.find(query, session=session).sort("offset", 1).limit(PAGE))
        if not found:
            return None
        opened = self.keys.open(found)
        pairs = zip(found, opened, strict=True)
        readable = [(each, content) for each, content in pairs if isinstance(content, Content)]
        ids = [each["_id"] for each, _ in readable]
        self.db.quarantine.delete_many({"_id": {"$in": ids}}, session=session)
        for each, content in readable:
            self.senders.send(each["topic"], each["partition"], content)
        self.senders.flush()
        return _Page(found[-1]["offset"], len(readable), unreadable(opened))


def unreadable(opened: Sequence[Content | LetheError | None]) -> Counter[str]:
    """How many could not be opened, by the error's class."""
    return Counter(type(each).__name__ for each in opened if isinstance(each, LetheError))
