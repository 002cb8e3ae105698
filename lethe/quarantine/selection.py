"""Which documents of quarantine a command means: by reason, time, topic, partition and offset, or by place."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from lethe.errors import InputError
from lethe.moments import time_text
from lethe.stores.kafka import TOPICS
from lethe.stores.mongodb import Document

MAX_PLACES: Final = 1_000  # in one command: each stands in the audit trail

_NUMBER = r"(?:0|[1-9][0-9]{0,17})"
_PLACE = re.compile(rf"(?:{'|'.join(TOPICS)}):{_NUMBER}:{_NUMBER}").fullmatch


@dataclass(frozen=True, slots=True)
class Selection:
    """What is set must hold; nothing set means everything. Offsets and times include their ends."""

    reasons: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    topic: str | None = None
    partition: int | None = None
    first_offset: int | None = None
    last_offset: int | None = None
    places: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises InputError where places stand beside a filter, or an interval's end comes before its beginning."""
        if self.places and self._filter():
            raise InputError("give places or a filter, not both")
        if (
            self.first_offset is not None
            and self.last_offset is not None
            and self.last_offset < self.first_offset
        ):
            raise InputError("--last-offset is smaller than --first-offset")
        if self.since is not None and self.until is not None and self.until < self.since:
            raise InputError("--until is earlier than --since")

    @property
    def is_everything(self) -> bool:
        """Whether nothing is set."""
        return not self.places and not self._filter()

    def document(self) -> Document:
        """For the audit trail: what is set, and no more; times as texts."""
        if self.places:
            return {"places": list(self.places)}
        held = self._filter().items()
        return {
            "filter": {name: time_text(each) if isinstance(each, datetime) else each for name, each in held}
        }

    def _filter(self) -> Document:
        named: Mapping[str, Any] = {
            "reasons": list(self.reasons),
            "since": self.since,
            "until": self.until,
            "topic": self.topic,
            "partition": self.partition,
            "first_offset": self.first_offset,
            "last_offset": self.last_offset,
        }
        return {name: value for name, value in named.items() if value not in (None, [])}

    def query(self) -> Document:
        """For MongoDB."""
        if self.places:
            return {"_id": {"$in": list(self.places)}}
        wanted: Document = {}
        if self.reasons:
            wanted["reason"] = {"$in": list(self.reasons)}
        if self.topic is not None:
            wanted["topic"] = self.topic
        if self.partition is not None:
            wanted["partition"] = self.partition
        wanted |= _between("at", self.since, self.until)
        return wanted | _between("offset", self.first_offset, self.last_offset)


def _between(name: str, first: Any, last: Any) -> Document:
    bounds = {sign: value for sign, value in (("$gte", first), ("$lte", last)) if value is not None}
    return {name: bounds} if bounds else {}


def places_of(texts: Sequence[str]) -> tuple[str, ...]:
    """Places as they are typed, each once; raises InputError, without the text, where one is none."""
    wrong = [str(position) for position, text in enumerate(texts, start=1) if not _PLACE(text)]
    if wrong:
        raise InputError(f"place {', '.join(wrong)}: not TOPIC:PARTITION:OFFSET, as `list --lines` shows it")
    found = tuple(dict.fromkeys(texts))
    if len(found) > MAX_PLACES:
        raise InputError(f"{len(found):,} places: at most {MAX_PLACES:,} at once; use a filter")
    return found


def topic_of(text: str | None) -> str | None:
    """A topic as it is typed; raises InputError where it is none of ours."""
    if text is not None and text not in TOPICS:
        raise InputError(f"--topic: one of {', '.join(TOPICS)}")
    return text
