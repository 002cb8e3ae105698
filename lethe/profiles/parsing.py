"""From a Kafka record to a JSON object and its subject. Nothing here raises, whatever the bytes are."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import orjson

from lethe.profiles.contract import MAX_MESSAGE_BYTES, Document, Message, Refusal, is_control
from lethe.profiles.reasons import Reason

_UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_.]{0,63}").fullmatch

OTHER = "(other)"  # stands for unknown fields whose names are not fit to be shown
MAX_UNKNOWN_NAMES = 32  # a message; further ones count as OTHER


def is_user_id(text: object) -> bool:
    """Whether it is a UUID in its one canonical lower-case form (RFC 9562 s4)."""
    return isinstance(text, str) and _UUID(text) is not None


def key_user_id(key: bytes | None) -> str | None:
    """The user id that a Kafka key holds, None where it holds none."""
    if key is None or len(key) != 36:
        return None
    text = key.decode("latin-1")
    return text if _UUID(text) else None


def parse(message: Message) -> Document | Refusal | None:
    """The message's JSON object, why there is none, or None for a record of Lethe's own.

    The Kafka key names the subject of a refusal here, since nothing else was read.
    Of equal names within an object the last stands.
    """
    if message.headers and is_control(message):
        return None
    value = message.value
    if value is None:
        return Refusal(Reason.PRODUCER_DELETION, key_user_id(message.key))
    if len(value) > MAX_MESSAGE_BYTES:
        return Refusal(Reason.TOO_LARGE, key_user_id(message.key))
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError:  # also: not UTF-8, a lone surrogate, too deep, a number beyond a double
        return Refusal(Reason.NOT_JSON, key_user_id(message.key))
    if not isinstance(document, dict):
        return Refusal(Reason.NOT_AN_OBJECT, key_user_id(message.key))
    return document


def identify(document: Document, message: Message) -> str | Refusal:
    """The subject's user_id: `login.uuid`, which must be the Kafka key too."""
    login = document.get("login")
    user_id = login.get("uuid") if isinstance(login, dict) else None
    if not isinstance(user_id, str) or _UUID(user_id) is None:
        return Refusal(Reason.BAD_LOGIN_UUID, key_user_id(message.key))
    if message.key != user_id.encode("ascii"):
        return Refusal(Reason.KEY_MISMATCH, user_id)
    return user_id


class _Level(NamedTuple):
    """The names that one object of the contract may have, and those among them that hold objects."""

    prefix: str  # dotted, with its last dot
    names: frozenset[str]
    inner: tuple[tuple[str, "_Level"], ...]


def _level(prefix: str, paths: Iterable[list[str]]) -> _Level:
    """Dotted names, split, as nested levels: a level of a message is then one set comparison."""
    below: dict[str, list[list[str]]] = {}
    for first, *rest in paths:
        below.setdefault(first, []).extend([rest] if rest else [])
    inner = tuple((name, _level(f"{prefix}{name}.", deeper)) for name, deeper in below.items() if deeper)
    return _Level(prefix, frozenset(below), inner)


@lru_cache(maxsize=8)
def _levels(known_paths: frozenset[str]) -> _Level:
    return _level("", (path.split(".") for path in known_paths))


def unknown_fields(document: Document, known_paths: frozenset[str]) -> list[str]:
    """Dotted names of fields that no register declares, one entry an occurrence.

    An unknown object counts once, by its own name. Items of a list stand under the list's name. Names are
    hostile: one that is not of the form [A-Za-z_][A-Za-z0-9_.]{0,63} (or beyond 32 a message) is OTHER.
    """
    found: list[str] = []
    _compare(document, _levels(known_paths), found)
    for place, name in enumerate(found):
        if place >= MAX_UNKNOWN_NAMES or _NAME(name) is None:
            found[place] = OTHER
    return found


def _compare(document: Document, level: _Level, found: list[str]) -> None:
    """Add the document's unknown names to found; goes no deeper than the known names do."""
    prefix, names, inner_levels = level
    if not names.issuperset(document):
        found.extend(prefix + name for name in document if name not in names)
    for name, inner in inner_levels:
        value = document.get(name)
        if isinstance(value, dict):
            _compare(value, inner, found)
        elif isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    _compare(item, inner, found)
