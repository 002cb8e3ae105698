"""Cases and holds as MongoDB's documents: their fields by name, `_id` for the id, nothing where there is nothing."""

from collections.abc import Mapping
from dataclasses import asdict
from enum import StrEnum
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from lethe.requests.cases import SEALED, Case
from lethe.requests.holds import Hold
from lethe.stores.mongodb import Document

OPEN = "open"  # there while new requests join: the unique index is over these


def document_of(case: Case) -> Document:
    """A case's document; its sealed fields stand beside the others."""
    fields = _plain(asdict(case))
    sealed = fields.pop("sealed", {})
    return {"_id": fields.pop("case_id"), **fields, **sealed, **({OPEN: True} if case.is_joinable else {})}


def case_of(document: Mapping[str, Any]) -> Case:
    """Read `document_of`."""
    fields = {name: value for name, value in document.items() if name not in ("_id", OPEN)}
    sealed = {name: bytes(fields.pop(name)) for name in SEALED if name in fields}
    found: Case = _reader(Case).validate_python({"case_id": document["_id"], "sealed": sealed, **fields})
    return found


def hold_document(hold: Hold) -> Document:
    """A hold's document."""
    fields = _plain(asdict(hold))
    return {"_id": fields.pop("hold_id"), **fields}


def hold_of(document: Mapping[str, Any]) -> Hold:
    """Read `hold_document`."""
    fields = {name: value for name, value in document.items() if name != "_id"}
    found: Hold = _reader(Hold).validate_python({"hold_id": document["_id"], **fields})
    return found


@cache
def _reader(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _plain(value: Any) -> Any:
    """What BSON can say, without what is None or an empty sequence."""
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items() if each not in (None, ())}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.value if isinstance(value, StrEnum) else value
