"""The quick way from values to Cassandra's bytes gives what the driver's own way gives."""

import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cassandra.cqltypes import lookup_casstype
from cassandra.protocol import ColumnMetadata
from cassandra.query import BatchStatement, BoundStatement, PreparedStatement
from hypothesis import given
from hypothesis import strategies as st

from lethe.register.model import CQL_TYPES
from lethe.stores.cassandra_values import binder, serialiser

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INTS, LONGS = st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1)
TIMES = st.integers(-62_000_000_000_000, 253_000_000_000_000).map(  # Unix ms of the years 5 to 9987
    lambda ms: EPOCH + ms * timedelta(milliseconds=1)
)
VALUES: dict[str, tuple[str, st.SearchStrategy[Any]]] = {
    "text": ("UTF8Type", st.text()),
    "int": ("Int32Type", INTS),
    "bigint": ("LongType", LONGS),
    "double": ("DoubleType", st.floats(allow_nan=False)),
    "boolean": ("BooleanType", st.booleans()),
    "timestamp": ("DateType", TIMES),
    "map<text, text>": ("MapType(UTF8Type, UTF8Type)", st.dictionaries(st.text(), st.text(), max_size=4)),
    "list<text>": ("ListType(UTF8Type)", st.lists(st.text(), max_size=4)),
    "blob": ("BytesType", st.binary()),
}


def statement(*kinds: str) -> PreparedStatement:
    """A prepared statement with a column of each kind, the first being the key."""
    columns = [
        ColumnMetadata("lethe", "profiles", f"c{number}", lookup_casstype(kind))
        for number, kind in enumerate(kinds)
    ]
    return PreparedStatement(columns, b"id", [0], "INSERT …", "lethe", 5, None, None)


def test_every_type_that_a_register_can_name_is_tried_here() -> None:
    assert set(CQL_TYPES.values()) == VALUES.keys()


@pytest.mark.parametrize("cql_type", VALUES)
@given(data=st.data())
def test_a_value_gets_the_bytes_that_the_driver_gives_it(cql_type: str, data: st.DataObject) -> None:
    name, values = VALUES[cql_type]
    kind, value = lookup_casstype(name), data.draw(values)
    assert serialiser(kind)(value) == kind.serialize(value, 5)


def test_the_same_map_told_in_another_order_keeps_its_own_bytes() -> None:
    kind = lookup_casstype("MapType(UTF8Type, UTF8Type)")
    serialise = serialiser(kind)
    for consents in ({"a": "1", "b": "2"}, {"b": "2", "a": "1"}, {"a": "1"}, {}):
        assert serialise(consents) == kind.serialize(consents, 5)


def test_a_row_is_bound_as_the_driver_binds_it_and_an_absent_value_stays_absent() -> None:
    prepared = statement("UTF8Type", "Int32Type", "LongType", "UTF8Type")
    values = ("0" * 64, 5, 1_764_000_000_000_000, None)
    assert binder(prepared)(values) == BoundStatement(prepared).bind(values).values


def test_a_row_with_a_value_too_many_or_too_few_is_not_bound() -> None:
    bind = binder(statement("UTF8Type", "Int32Type"))
    for values in (("a",), ("a", 1, 2)):
        with pytest.raises(ValueError, match="zip"):
            bind(values)


def test_a_number_that_its_column_can_not_hold_is_refused_not_cut() -> None:
    with pytest.raises(struct.error):
        serialiser(lookup_casstype("Int32Type"))(2**31)


def test_each_row_of_a_batch_keeps_its_own_values_and_the_first_says_where_it_goes() -> None:
    prepared = statement("UTF8Type", "Int32Type")
    bind, bound, batch = binder(prepared), BoundStatement(prepared), BatchStatement()
    for row in (("a", 1), ("b", 2)):
        bound.values = bind(row)
        batch.add(bound)
    sent = [values for _, _, values in batch._statements_and_parameters]
    assert sent == [[b"a", b"\0\0\0\1"], [b"b", b"\0\0\0\2"]]
    assert batch.routing_key == b"a"
