"""Quarantine: where a message lies that could not be accepted, why, and the message itself, encrypted.

It is under its subject's key where it names one, so that an erasure makes it unreadable; else under the key of the
day, which is destroyed when its time is over. Nothing of a message is kept that nobody may hold.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bson.int64 import Int64
from pymongo import ReplaceOne
from pymongo.client_session import ClientSession
from pymongo.database import Database

from lethe.profiles.contract import Message
from lethe.protection.day_keys import DayKeys
from lethe.protection.payloads import Content, Seal, under_day, under_subject
from lethe.protection.subject_keys import Subject, SubjectKeys
from lethe.stores.mongodb import Client, Document, in_transaction
from lethe.stream.lease import Lease, assert_held

DOCUMENTS_AT_ONCE: Final = 1_000
BYTES_AT_ONCE: Final = 8 * 2**20  # of payloads in one transaction

# Refused for what leaves no ground to hold what it says, or with nothing whole to hold.
WITHOUT_PAYLOAD: Final = frozenset(
    {
        "under_age",
        "past_retention",  # the purposes of such a profile have ended
        "unknown_purpose",  # a consent for what the register doesn't declare
        "too_large",  # cut on its way
        "producer_deletion",  # null
    }
)


@dataclass(frozen=True, slots=True)
class Refused:
    """One refused message, why, and whom it names: of `login.uuid` first, of the Kafka key too where that differs.

    `generation`: how often the first of them was erased before.
    """

    message: Message
    reason: str
    subject_ids: tuple[str, ...] = ()
    generation: int = 0

    @property
    def place(self) -> str:
        """The document's `_id`: one a place in the topic, so that reading it again adds nothing."""
        return f"{self.message.topic}:{self.message.partition}:{self.message.offset}"

    def has_payload(self) -> bool:
        """Whether what it says may be kept."""
        return self.reason not in WITHOUT_PAYLOAD and self.message.value is not None

    def content(self) -> Content:
        """What a payload holds of it."""
        return Content(self.message.key, self.message.value or b"", self.message.timestamp_ms)

    def document(self, at: datetime) -> Document:
        """As stored, without a payload."""
        document: Document = {
            "_id": self.place,
            "topic": self.message.topic,
            "partition": self.message.partition,
            "offset": Int64(self.message.offset),
            "reason": self.reason,
            "at": at,
        }
        if self.subject_ids:
            document["subject_ids"] = list(self.subject_ids)
        return document


def documents(
    refused: Sequence[Refused], keys: SubjectKeys, day_keys: DayKeys, now: datetime | None = None
) -> list[Document]:
    """What is to be kept of a chunk's refused messages, in their order.

    A message whose subject's key is punctured is left out, as one that is suppressed: nothing is kept of it. Raises
    ConfigurationError when the day's key can't be read or made.
    """
    at = now or datetime.now(UTC)
    seals = _subject_seals(refused, keys)
    day_seal: Seal | None = None
    kept: list[Document] = []
    for entry in refused:
        document = entry.document(at)
        if entry.has_payload():
            if entry.subject_ids:
                seal = seals[entry.subject_ids[0], entry.generation]
                if seal is None:
                    continue
                document["root"] = seal.root
            else:
                seal = day_seal = day_seal or under_day(*day_keys.today(at))
            document["payload"] = seal.close(document["_id"], entry.content())
        kept.append(document)
    return kept


def _subject_seals(refused: Sequence[Refused], keys: SubjectKeys) -> dict[Subject, Seal | None]:
    """A seal for each subject who needs one, derived together; None where the key is punctured."""
    subjects = list(
        dict.fromkeys(
            (entry.subject_ids[0], entry.generation)
            for entry in refused
            if entry.subject_ids and entry.has_payload()
        )
    )
    derived = keys.derive([subject for subject, _ in subjects], [generation for _, generation in subjects])
    return {
        subject: under_subject(found) if found else None
        for subject, found in zip(subjects, derived, strict=True)
    }


def keep(
    client: Client,
    db: Database[Document],
    lease: Lease,
    shard: int,
    kept: Sequence[Document],
    *,
    at_once: int = DOCUMENTS_AT_ONCE,
) -> None:
    """Keep documents, in transactions of so many of them or 8 MiB; running it again changes nothing but `at`.

    Raises FencedError when the lease has been taken over.
    """
    for group in _groups(kept, at_once):

        def work(session: ClientSession, group: Sequence[Document] = group) -> None:
            assert_held(db, lease, shard, session)
            write(db, group, session)

        in_transaction(client, work)


def write(db: Database[Document], kept: Sequence[Document], session: ClientSession) -> None:
    """Keep documents in a transaction that holds the lease."""
    writes = [ReplaceOne({"_id": document["_id"]}, document, upsert=True) for document in kept]
    if writes:
        db.quarantine.bulk_write(writes, ordered=False, session=session)


def _groups(kept: Sequence[Document], at_once: int) -> Iterator[list[Document]]:
    group: list[Document] = []
    size = 0
    for document in kept:
        length = len(document.get("payload", b""))
        if group and (len(group) >= at_once or size + length > BYTES_AT_ONCE):
            yield group
            group, size = [], 0
        group.append(document)
        size += length
    if group:
        yield group
