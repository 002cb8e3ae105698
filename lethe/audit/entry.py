"""One entry of the audit trail: who did what, to whom or in which case, why, and with which result.

It names people by audit_ref and case_id alone. What looks like a user id or an e-mail address is refused, which guards
against accidents, not against intent.
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import orjson

from lethe.audit.who import Who
from lethe.errors import InputError
from lethe.evidence import merkle
from lethe.stores.mongodb import Document

BEGINNING: Final = "0" * 64  # what the first entry names as the hash of the one before

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}").fullmatch
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_:.+-]{0,199}").fullmatch
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_:]{0,99}").fullmatch
_REFERENCE = re.compile(r"[0-9a-f]{64}").fullmatch
_TEXT = re.compile(r"[A-Za-z0-9_:.+/=*<>(), -]{0,200}").fullmatch  # no @
_UNFIT = re.compile(r"[^A-Za-z0-9_:.+/=*<>(), -]")
_USER_ID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_LARGEST: Final = 2**53 - 1  # RFC 8785 s3.2.2.3
_OPTIONS: Final = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER | orjson.OPT_PASSTHROUGH_DATETIME


class Action(StrEnum):
    """Everything that the trail tells of."""

    STREAM_BATCH = "stream_batch"
    CASE_OPENED = "case_opened"
    CASE_REVEAL = "case_reveal"  # whom one is about
    CASE_IDENTITY = "case_identity"
    CASE_DECISION = "case_decision"
    CASE_ADVICE = "case_advice"
    CASE_HOLD = "case_hold"
    CASE_EXTENSION = "case_extension"
    CASE_WORK = "case_work"  # it was begun, or came to something
    CASE_ANSWER = "case_answer"
    ERASURE_STEP = "erasure_step"
    RECIPIENT_NOTICE = "recipient_notice"
    CERTIFICATE = "certificate"
    RESTRICTION = "restriction"
    OBJECTION = "objection"
    RECTIFICATION = "rectification"
    EXPORT = "export"
    EXPORT_PASSPHRASE = "export_passphrase"  # noqa: S105 - that one was shown
    QUARANTINE_SHOW = "quarantine_show"
    QUARANTINE_REPLAY = "quarantine_replay"
    QUARANTINE_REPLAYED = "quarantine_replayed"  # what a replay came to
    BLIND_INDEX = "blind_index"
    KEY_PUNCTURE = "key_puncture"
    KEY_EPOCH = "key_epoch"
    KEY_ROTATION = "key_rotation"
    RIGHTS = "rights"
    RETENTION = "retention"
    LEDGER = "ledger"
    TRAIL_DROP = "trail_drop"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is given to the trail. `key`: the same for every attempt at the same thing, such as `<case>:<step>`.

    `purpose`: one of the register's. `result`: counts, outcomes, offsets; of texts, whole numbers, booleans, null,
    lists and maps of them. Raises InputError for what may not stand in the trail; the message names the field alone.
    """

    who: Who
    action: Action
    purpose: str
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    case_id: str | None = None
    audit_ref: str | None = None
    result: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what may not stand in the trail."""
        for name, value, is_fit in (
            ("role", self.who.role, _WORD),
            ("account", self.who.account, _NAME),
            ("run", self.who.run, _NAME),
            ("purpose", self.purpose, _WORD),
            ("key", self.key, _NAME),
            ("case_id", self.case_id, _NAME),
            ("audit_ref", self.audit_ref, _REFERENCE),
        ):
            if value is not None and not is_fit(value):
                raise InputError(f"audit trail: {name} is not of its form")
        named = (self.who.run, self.key.replace(self.case_id, "") if self.case_id else self.key)
        if any(_USER_ID.search(text) for text in named if text):
            raise InputError("audit trail: run or key holds what looks like a user id")
        for place in _unfit("result", self.result):
            raise InputError(f"audit trail: {place} is nothing that may stand in it")

    def placed(self, position: int, previous: str, at: str) -> Document:
        """As it is stored: after the entry with the hash `previous` (hex), at a time (`time_text`)."""
        given = {
            "_id": position,
            "at": at,
            "previous": previous,
            "key": self.key,
            "role": self.who.role,
            "account": self.who.account,
            "run": self.who.run,
            "action": self.action.value,
            "purpose": self.purpose,
            "case_id": self.case_id,
            "audit_ref": self.audit_ref,
            "result": dict(self.result),
        }
        return {name: value for name, value in given.items() if value is not None}


def _unfit(place: str, value: object) -> Iterator[str]:
    """Where a value holds what may not stand in an entry."""
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) and _FIELD(name) for name in value):
            yield f"a name in {place}"
        else:
            for name, inner in value.items():
                yield from _unfit(f"{place}.{name}", inner)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _unfit(f"{place}.{number}", inner)
    elif isinstance(value, str):
        if not _TEXT(value) or _USER_ID.search(value):
            yield place
    elif isinstance(value, int):
        if abs(value) > _LARGEST:
            yield place
    elif value is not None:
        yield place


def fitting(text: str) -> str:
    """A text of others' as it may stand in a result: what may not is masked."""
    return _UNFIT.sub("?", _USER_ID.sub("?", text))[:200]


def exported(document: Mapping[str, Any]) -> Document:
    """A stored entry as it is hashed and given out: its `_id` is called `position`."""
    return {("position" if name == "_id" else name): value for name, value in document.items()}


def written(document: Mapping[str, Any]) -> bytes:
    """The canonical form (RFC 8785) of a stored entry, in a tenth of the time that the general way takes.

    Of what an Entry may hold it is what `lethe.evidence.signing.canonical` makes; of anything else it is never what an
    Entry could be. Raises ValueError for what is no JSON.
    """
    try:
        return orjson.dumps(exported(document), option=_OPTIONS)
    except TypeError as error:
        raise ValueError("an entry holds what is no JSON") from error


def entry_hash(document: Mapping[str, Any]) -> bytes:
    """SHA-256(0x00 || canonical form) of a stored entry: its link in the chain, and its leaf in the tree (RFC 6962).

    Raises ValueError as `written` does.
    """
    return merkle.leaf_hash(written(document))
