"""The stores' schemas, derived from the register: Cassandra's table, MongoDB's validators and TTLs."""

from collections.abc import Mapping
from typing import Any

from lethe.register.entries import OwnField, RegisterField, Store
from lethe.register.model import CONTRIBUTIONS, CQL_TYPES, PROFILES, Register
from lethe.register.terms import Format, Reference, System, Type

Validator = dict[str, Any]

_BSON_TYPES: dict[Type, tuple[str, ...]] = {
    Type.TEXT: ("string",),
    Type.INT: ("int", "long"),  # drivers take the smaller one that fits
    Type.LONG: ("long", "int"),
    Type.NUMBER: ("double", "int", "long"),
    Type.BOOLEAN: ("bool",),
    Type.TIMESTAMP: ("date",),
    Type.MAP: ("object",),
    Type.LIST: ("array",),
    Type.BYTES: ("binData",),
}
# A contribution is one of five: counted, not counted (then no figure may stand in it), ended, a consent without a
# profile, or erased.
_COUNTED, _SHARD, _ENDED, _ERASED, _ROOT = "counted", "shard", "ended", "erased_at", "root"


def cassandra_statements(
    register: Register, keyspace: str, replication: Mapping[str, str | int]
) -> list[str]:
    """CQL that brings any earlier schema to the register's; each statement can be run again.

    A table for each store in Cassandra, with Lethe's own columns; `profiles` has one more for each field with `plain`
    or `generalise` protection, and one for each group of encrypted fields. A column that a newer register lacks is
    left alone: dropping data is a migration of its own. `replication`: Cassandra's options, with `class`.
    """
    options = ", ".join(f"'{name}': '{value}'" for name, value in replication.items())
    statements = [f"CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = {{{options}}}"]
    for name, store in register.stores.items():
        if name.startswith(f"{System.CASSANDRA}."):
            statements += _table(f"{keyspace}.{collection(name)}", store, cassandra_columns(register, name))
    return statements


def _table(table: str, store: Store, columns: Mapping[str, str]) -> list[str]:
    keys = [str(store.found_by), *store.clustered_by]
    body = ", ".join(f"{name} {cql_type}" for name, cql_type in columns.items())
    return [
        f"CREATE TABLE IF NOT EXISTS {table} ({body}, PRIMARY KEY ({', '.join(keys)}))",
        *(
            f"ALTER TABLE {table} ADD IF NOT EXISTS {name} {cql_type}"
            for name, cql_type in columns.items()
            if name not in keys
        ),
        *(f"CREATE INDEX IF NOT EXISTS ON {table} ({name}) USING 'sai'" for name in store.indexed_by),
    ]


def cassandra_columns(register: Register, store: str = PROFILES) -> dict[str, str]:
    """Every column of a table with its CQL type: Lethe's own, then the register's, then the ciphertexts."""
    own = {name: CQL_TYPES[field.type] for name, field in register.stores[store].fields.items()}
    stored = {column.name: column.cql_type for column in register.stored_columns(store)}
    return own | stored | {group.name: CQL_TYPES[Type.BYTES] for group in register.groups(store)}


def mongodb_validators(register: Register) -> dict[str, Validator]:
    """`$jsonSchema` validators by collection, for each in which a subject can be found.

    They are closed: a field that the register does not declare is refused by the server.
    """
    return {
        collection(name): {"$jsonSchema": _schema(register, name, store)}
        for name, store in register.stores.items()
        if name.startswith(f"{System.MONGODB}.") and store.reference is not Reference.NONE
    }


def mongodb_ttls(register: Register) -> dict[str, tuple[str, int]]:
    """Collections whose documents the server removes: the date field, and seconds after it.

    Those are the stores kept for a period from a timestamp of their own. Contributions are not among them,
    since the aggregates change with each; nor is what is kept by criteria.
    """
    found = {}
    for name, store in register.stores.items():
        retention = register.retentions[store.retention]
        start = store.fields.get(retention.counts_from or "")
        if not name.startswith(f"{System.MONGODB}.") or retention.shortest is None or start is None:
            continue
        if start.type is Type.TIMESTAMP and retention.counts_from is not None:
            found[collection(name)] = (retention.counts_from, int(retention.shortest.total_seconds()))
    return found


def collection(store: str) -> str:
    """The name of a store within its system."""
    return store.partition(".")[2]


def _schema(register: Register, name: str, store: Store) -> Validator:
    own = {key: _own_property(field) for key, field in store.fields.items()}
    columns = {
        field.column_name(path): _property(field)
        for path, field in register.fields.items()
        if name in field.stores
    }
    if name != CONTRIBUTIONS:
        return _closed(own | columns, required=("_id",))
    said = {key: own[key] for key in ("_id", "consents", _ROOT)}
    placed = said | {key: own[key] for key in ("at", "offset", "write_time")}
    stands = placed | {key: own[key] for key in (_COUNTED, "moments")}
    counted = stands | {_SHARD: own[_SHARD]}
    minor = {"minor": own["minor"]}
    required = [column.name for column in register.stored_columns(name) if column.required]
    return {
        "oneOf": [
            _closed(counted | minor | columns | {_COUNTED: {"enum": [True]}}, required=[*counted, *required]),
            _closed(stands | minor | {_COUNTED: {"enum": [False]}}, required=stands),
            _closed(placed | {_ENDED: {"enum": [True]}}, required=[*placed, _ENDED]),
            _closed(said, required=said),
            _closed({key: own[key] for key in ("_id", _ERASED)}, required=("_id", _ERASED)),
        ]
    }


def _closed(properties: Mapping[str, Validator], required: Any) -> Validator:
    return {
        "bsonType": "object",
        "required": list(required),
        "properties": dict(properties),
        "additionalProperties": False,
    }


def _own_property(field: OwnField) -> Validator:
    return {"bsonType": list(_BSON_TYPES[field.type])} | _pattern(field.format)


def _property(field: RegisterField) -> Validator:
    rule: Validator = {"bsonType": [*_BSON_TYPES[field.type]]} | _pattern(field.format)
    if field.allowed:
        rule["enum"] = [*field.allowed]
    if not field.required:
        rule["bsonType"].append("null")
        rule |= {"enum": [*field.allowed, None]} if field.allowed else {}
    return rule


def _pattern(format_: Format | None) -> Validator:
    return {"pattern": format_.pattern} if format_ is not None and format_.pattern else {}
