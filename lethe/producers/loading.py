"""A user's own file as profiles: each line checked by the stream's rules, and sent where it keeps them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeAlias

import orjson

from lethe.errors import InputError
from lethe.producers.columns import Columns, mapping, understand
from lethe.producers.lines import lines, records
from lethe.profiles.contract import PROFILES_TOPIC, Message, Profile, Refusal
from lethe.profiles.parsing import is_user_id, parse
from lethe.profiles.reasons import Reason
from lethe.profiles.rules import Rules
from lethe.profiles.validation import validate
from lethe.register.model import Register

Note: TypeAlias = Callable[[str], None]
"""Takes a line for the user, which tells no content of the file."""


class CsvFault(StrEnum):
    """What only a CSV file can have wrong; everything else is a Reason."""

    NOT_CSV = "not_csv"  # a quote that is out of place or never closed, or not as many fields as the header


class Item(NamedTuple):
    """What a line holds: a message's value, or why there is none."""

    number: int  # of the line, from 1
    value: bytes
    fault: Reason | CsvFault | None = None


@dataclass(slots=True)
class Counts:
    """What became of a file's lines."""

    accepted: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """A file of profiles; what is not the default counts for CSV only."""

    file: Path
    mapped: tuple[str, ...] = ()  # COLUMN=dotted.path
    delimiter: str | None = None  # a comma unless named

    @property
    def is_csv(self) -> bool:
        """Whether it is CSV, by its name. Raises InputError for a name that says neither CSV nor JSONL."""
        kind = self.file.suffix.lower()
        if kind not in (".csv", ".jsonl", ".ndjson"):
            raise InputError(f"{self.file}: its name must end in .jsonl or .csv")
        return kind == ".csv"

    @contextmanager
    def open(self, register: Register, note: Note) -> Iterator[Iterator[Item]]:
        """The items of the file, read as they are asked for. Raises InputError where it is of no use as a whole."""
        if self.is_csv:
            delimiter = _delimiter(self.delimiter)
        elif self.mapped or self.delimiter is not None:
            raise InputError(f"{self.file}: --map and --delimiter are for CSV")
        with self.file.open("rb") as stream:
            yield self._of_csv(stream, delimiter, register, note) if self.is_csv else _of_jsonl(stream)

    def _of_csv(self, stream: BinaryIO, delimiter: str, register: Register, note: Note) -> Iterator[Item]:
        found = records(stream, delimiter)
        header = next(found, None)
        if header is None or header.cells is None:
            raise InputError(f"{self.file}: it has no header")
        columns = understand(header.cells, mapping(self.mapped), register)
        if columns.unsent:
            note(f"columns that give no field, and are not sent: {', '.join(map(str, columns.unsent))}")
        return (_item(columns, *record) for record in found)


def _delimiter(text: str | None) -> str:
    if text is None:
        return ","
    sign = "\t" if text in ("tab", "\\t") else text
    if len(sign) != 1 or sign in '"\r\n ':
        raise InputError("--delimiter: expected one character, or tab")
    return sign


def _of_jsonl(stream: BinaryIO) -> Iterator[Item]:
    for number, content in lines(stream):
        if content is None:
            yield Item(number, b"", Reason.TOO_LARGE)
        elif value := content.strip():
            yield Item(number, value)


def _item(columns: Columns, number: int, cells: list[str] | None, too_large: bool) -> Item:
    if cells is None or len(cells) != columns.width:
        return Item(number, b"", Reason.TOO_LARGE if too_large else CsvFault.NOT_CSV)
    return Item(number, orjson.dumps(columns.document(cells)))


def judge(value: bytes, now_ms: int, rules: Rules) -> Profile | Refusal:
    """What the stream will make of a message that is sent now (Unix ms), under its own user id as key."""
    message = Message(PROFILES_TOPIC, 0, 0, now_ms, None, value)
    document = parse(message)
    if not isinstance(document, dict):
        return document or Refusal(Reason.NOT_JSON)
    login = document.get("login")
    user_id = login.get("uuid") if isinstance(login, dict) else None
    key = user_id.encode() if isinstance(user_id, str) and is_user_id(user_id) else None
    return validate(document, message._replace(key=key), now_ms, rules)


def load(items: Iterator[Item], rules: Rules, send: Callable[[bytes, bytes], None], note: Note) -> Counts:
    """Send every valid item, and note the number and the reason of every other.

    Raises what `send` raises.
    """
    counts = Counts()
    for number, value, fault in items:
        found = None if fault else judge(value, time.time_ns() // 1_000_000, rules)
        if isinstance(found, Profile):
            send(found.user_id.encode(), value)
            counts.accepted += 1
        else:
            counts.refused += 1
            note(f"line {number}: {found.reason if found else fault}")
    return counts
