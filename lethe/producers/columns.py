"""From a CSV file's columns to the message contract: which column is which field, and how its cells are read."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

import orjson

from lethe.errors import InputError
from lethe.profiles.contract import Document
from lethe.register.model import Register
from lethe.register.terms import Type

REQUIRED = ("login.uuid", "email", "dob.date", "registered.date", "nat")  # no profile is valid without
CONSENTS = "consents"
CONSENT_FIELDS = ("granted", "at", "policy_version", "by_guardian")

Reader: TypeAlias = Callable[[str], object]

_WHOLE = re.compile(r"-?[0-9]{1,18}").fullmatch
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?").fullmatch
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _whole(text: str) -> object:
    return int(text) if _WHOLE(text) else text


def _number(text: str) -> object:
    return float(text) if _NUMBER(text) else text


def _boolean(text: str) -> object:
    return _BOOLEANS.get(text.lower(), text)


def _json(text: str) -> object:
    try:
        return cast("object", orjson.loads(text))
    except orjson.JSONDecodeError:
        return text


# What is no number, boolean or JSON stays a text, for the contract's rules to judge.
_READERS: dict[Type, Reader] = {
    Type.INT: _whole,
    Type.LONG: _whole,
    Type.NUMBER: _number,
    Type.BOOLEAN: _boolean,
}


def readers(register: Register) -> dict[str, Reader]:
    """Every path that a column can give, with how its cells are read.

    `consents` takes JSON, a list as in a message; or `consents.<purpose>.granted`, `.at`, `.policy_version` and
    `.by_guardian` make one entry of it.
    """
    found: dict[str, Reader] = {
        path: _READERS.get(field.type, str)
        for path, field in register.fields.items()
        if not field.derived and not path.startswith(f"{CONSENTS}.")
    }
    found[CONSENTS] = _json
    for purpose in sorted(register.consent_purposes()):
        for name in CONSENT_FIELDS:
            reader = _boolean if name in ("granted", "by_guardian") else str
            found[f"{CONSENTS}.{purpose}.{name}"] = reader
    return found


@dataclass(frozen=True, slots=True)
class Columns:
    """A header that has been understood."""

    width: int
    cells: tuple[tuple[int, tuple[str, ...], Reader], ...]  # place, path, reader
    unsent: tuple[int, ...]  # numbers, from 1, of columns that give no field

    def document(self, row: Sequence[str]) -> Document:
        """The profile in a row; an empty cell is a field that is not there."""
        document: Document = {}
        consents: dict[str, Document] = {}
        for place, path, read in self.cells:
            text = row[place].strip()
            if not text:
                continue
            if path[0] == CONSENTS and len(path) > 1:
                consents.setdefault(path[1], {"purpose": path[1]})[path[2]] = read(text)
            else:
                _put(document, path, read(text))
        if consents:
            document[CONSENTS] = list(consents.values())
        return document


def _put(document: Document, path: Sequence[str], value: object) -> None:
    for name in path[:-1]:
        document = cast("Document", document.setdefault(name, {}))
    document[path[-1]] = value


def mapping(pairs: Iterable[str]) -> list[tuple[str, str]]:
    """(column, path) of each COLUMN=dotted.path. Raises InputError for one that has no `=`."""
    found = []
    for pair in pairs:
        column, sign, path = pair.rpartition("=")
        if not (sign and column and path):
            raise InputError(f"--map {pair}: expected COLUMN=dotted.path")
        found.append((column.strip(), path.strip()))
    return found


def understand(header: Sequence[str], mapped: Sequence[tuple[str, str]], register: Register) -> Columns:
    """What the columns give. Raises InputError where the mapping or the header can't be meant so.

    A header is a user's: where the file has none, it is a person's data, and no message repeats it.
    """
    known, names = readers(register), [name.strip() for name in header]
    for column, path in mapped:
        if path not in known:
            raise InputError(f"--map {column}={path}: the contract has no {path}; see docs/messages.md")
        if column not in names:
            raise InputError(f"--map {column}={path}: the header has no column of that name")
    taken = {column for column, _ in mapped}
    direct = [(name, name) for name in names if name in known and name not in taken]
    given: dict[str, int] = {}
    for column, path in [*mapped, *direct]:
        places = [place for place, name in enumerate(names) if name == column]
        if path in given or len(places) > 1:
            raise InputError(f"more than one column gives {path}")
        given[path] = places[0]
    _check(given, len(names))
    unsent = [place + 1 for place in range(len(names)) if place not in given.values()]
    cells = tuple((place, _split(path), known[path]) for path, place in given.items())
    return Columns(len(names), cells, tuple(unsent))


def _check(given: Iterable[str], width: int) -> None:
    paths = set(given)
    missing = [path for path in REQUIRED if path not in paths]
    if missing:
        hint = "; is --delimiter right?" if width == 1 else ""
        raise InputError(
            f"no column gives {', '.join(missing)}; name columns so, or add --map COLUMN={missing[0]}{hint}"
        )
    if CONSENTS in paths and any(path.startswith(f"{CONSENTS}.") for path in paths):
        raise InputError("consents come in one column as JSON, or in columns of their own, not in both")


def _split(path: str) -> tuple[str, ...]:
    return tuple(path.split("."))
