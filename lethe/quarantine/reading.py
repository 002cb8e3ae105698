"""What quarantined messages say: opened for somebody to read, with the keys as they are now."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo.database import Database

from lethe.errors import LetheError, PayloadError
from lethe.protection.day_keys import DayKeys
from lethe.protection.key_store import KeyStore
from lethe.protection.payloads import Closed, Content, header_of, open_batch
from lethe.protection.pseudonym import load_pepper
from lethe.protection.subject_keys import SubjectKeys
from lethe.quarantine.selection import Selection
from lethe.settings import Paths
from lethe.stores.mongodb import Document


class Keys:
    """Everything that opens payloads; the key state is read again when there is a newer one."""

    def __init__(self, paths: Paths | None = None) -> None:
        """Raises KeyStateError and ConfigurationError as KeyStore.load and load_pepper do."""
        where = paths or Paths()
        self._store, self._pepper, self._day_keys = KeyStore(where), load_pepper(where), DayKeys(where)
        self._subject_keys = SubjectKeys(self._store.load(), self._pepper)

    def open(self, found: Sequence[Document]) -> list[Content | LetheError | None]:
        """What each document holds; in place of one that can't be opened, why; None where it has no payload."""
        subject_keys = self._current()
        closed = [
            Closed(each["_id"], next(iter(each.get("subject_ids", ())), None), each["payload"])
            for each in found
            if "payload" in each
        ]
        opened = iter(open_batch(subject_keys, self._day_keys, closed))
        return [next(opened) if "payload" in each else None for each in found]

    def audit_refs(self, found: Sequence[Document]) -> list[str | None]:
        """Of each document the audit_ref of whom its message is about; None where it is nobody, or nobody can tell."""
        subject_keys = self._current()
        return [_audit_ref(subject_keys, each) for each in found]

    def _current(self) -> SubjectKeys:
        if self._subject_keys.state.epoch != self._store.epoch():
            self._subject_keys = SubjectKeys(self._store.load(), self._pepper)
        return self._subject_keys


def _audit_ref(keys: SubjectKeys, document: Document) -> str | None:
    subject = next(iter(document.get("subject_ids", ())), None)
    if subject is None or "payload" not in document:
        return None
    try:
        header = header_of(document["payload"])
    except PayloadError:
        return None
    if header.day is not None:
        return None
    (derived,) = keys.derive([subject], [header.generation])
    return None if derived is None else derived.audit_ref


Looks = Mapping[str | None, Sequence[str]]  # places, by the audit_ref of whom they are about


@dataclass(frozen=True, slots=True)
class Shown:
    """One document and what it holds: the message, why it can't be opened, or None where it has no payload."""

    document: Document
    content: Content | LetheError | None


def show(
    db: Database[Document], places: Sequence[str], keys: Keys, record: Callable[[Looks], None]
) -> list[Shown]:
    """The documents of these places, those that are there, in the places' order.

    `record` is called with their places by audit_ref, before anything is opened; not where none is there.
    """
    by_place = {each["_id"]: each for each in db.quarantine.find(Selection(places=tuple(places)).query())}
    found = [by_place[place] for place in places if place in by_place]
    if not found:
        return []
    looks: dict[str | None, list[str]] = {}
    for document, ref in zip(found, keys.audit_refs(found), strict=True):
        looks.setdefault(ref, []).append(document["_id"])
    record(looks)
    return [Shown(document, content) for document, content in zip(found, keys.open(found), strict=True)]


def printable(data: bytes) -> str:
    """Text for a terminal: what is no printable character, or no UTF-8, is written as an escape, but for line ends."""
    text = data.decode("utf-8", "backslashreplace")
    return "".join(each if each.isprintable() or each == "\n" else _escape(each) for each in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def document_of(shown: Shown) -> dict[str, Any]:
    """For machines; `message` is null where there is none, or none that can be opened. Bytes are as in `printable`."""
    told = {name: str(shown.document[name]) for name in ("_id", "reason")}
    content, message = shown.content, None
    if isinstance(content, Content):
        key = None if content.key is None else content.key.decode("utf-8", "backslashreplace")
        value = content.value.decode("utf-8", "backslashreplace")
        message = {"key": key, "value": value, "timestamp_ms": content.timestamp_ms}
    return {
        "place": told["_id"],
        "reason": told["reason"],
        "at": shown.document["at"].isoformat(timespec="milliseconds"),
        "message": message,
        "unreadable": str(content) if isinstance(content, LetheError) else None,
    }


def text_of(shown: Shown) -> str:
    """For a terminal."""
    content, document = shown.content, shown.document
    head = f"{document['_id']}  {document['reason']}  refused {document['at'].isoformat(timespec='seconds')}"
    if content is None:
        return f"{head}\nno message is kept of what is refused for this\n"
    if not isinstance(content, Content):
        return f"{head}\n{content}\n"
    key = "none" if content.key is None else printable(content.key)
    return f"{head}\ntimestamp: {content.timestamp_ms} ms\nkey: {key}\n{printable(content.value)}\n"
