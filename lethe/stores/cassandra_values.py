"""Values in Cassandra's own bytes, as its protocol takes them from version 4 on.

They are what the driver's binding makes, at a fifth of its time: it looks at column, type and encryption policy anew
for each value, and writes the same few maps of consents again and again.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from struct import Struct
from typing import Any

from cassandra.cqltypes import DateType, Int32Type, LongType, MapType, UTF8Type
from cassandra.query import PreparedStatement

Serialiser = Callable[[Any], bytes]

_PROTOCOL = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LONG = Struct(">q").pack
_DIFFERENT_MAPS = 4096


def serialiser(kind: Any) -> Serialiser:
    """The function from a value, which is not None, to its bytes; `kind`: the driver's class of a CQL type."""
    if issubclass(kind, UTF8Type):
        return str.encode
    if issubclass(kind, Int32Type):
        return Struct(">i").pack
    if issubclass(kind, LongType):
        return _LONG
    if issubclass(kind, DateType):
        return lambda moment: _LONG((moment - _EPOCH) // _MILLISECOND)
    if issubclass(kind, MapType):
        return _map_serialiser(kind)
    return lambda value: bytes(kind.serialize(value, _PROTOCOL))


def position_of(event_time: datetime, offset: int) -> tuple[int, int]:
    """(event ms, offset) of a row's values as the driver gives them: its times are UTC, and do not say so."""
    return (event_time.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND, offset


def _map_serialiser(kind: Any) -> Serialiser:
    @lru_cache(maxsize=_DIFFERENT_MAPS)
    def from_items(items: tuple[tuple[Any, Any], ...]) -> bytes:
        return bytes(kind.serialize(dict(items), _PROTOCOL))

    return lambda value: from_items(tuple(value.items()))


def binder(statement: PreparedStatement) -> Callable[[Sequence[Any]], list[bytes | None]]:
    """The function from a row's values, in the statement's order, to what a bound statement holds of them."""
    serialisers = [serialiser(column.type) for column in statement.column_metadata]

    def bind(values: Sequence[Any]) -> list[bytes | None]:
        return [
            None if value is None else serialise(value)
            for serialise, value in zip(serialisers, values, strict=True)
        ]

    return bind
