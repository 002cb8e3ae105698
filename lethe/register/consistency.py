"""What no entry of the register can tell alone: that names are declared, and that entries agree."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from lethe.register.entries import OwnField, RegisterField, Retention, Store
from lethe.register.model import MESSAGES, PROFILES, SEALED, WRITTEN, Register
from lethe.register.source import Place
from lethe.register.terms import Basis, Moment, Protection, Reference, Role, System

# Reserved by CQL (Cassandra's ReservedKeywords): no column can have such a name unquoted.
RESERVED = frozenset(
    re.findall(
        "[a-z]+",
        "add allow alter and apply asc authorize batch begin by columnfamily create default delete desc describe "
        "drop entries execute from full grant if in index infinity insert into is keyspace limit materialized mbean "
        "mbeans modify nan norecursive not null of on or order primary rename replace revoke schema select set table "
        "to token truncate unlogged unset update use using view where with",
    )
)

_MOMENTS = frozenset(Moment)

Names = Mapping[str, Collection[str]]
"""Declared names by section, those of entries that are wrong in themselves too."""


class Finding(NamedTuple):
    """What is wrong, and where."""

    place: Place
    what: str


def find(register: Register, names: Names) -> Iterator[Finding]:
    """Everything that does not agree, in no order."""
    yield from _purposes(register)
    yield from _roles(register)
    for number, transfer in enumerate(register.transfers):
        yield from _declared(("transfers", number, "recipient"), transfer.recipient, "recipients", names)
    for name, retention in register.retentions.items():
        yield from _retention(("retentions", name), retention)
    for name, store in register.stores.items():
        yield from _store(register, name, store, names)
    for path, field in register.fields.items():
        yield from _field(register, path, field, names)
    yield from _columns(register)
    yield from _written(register, names)


def _declared(place: Place, used: str | Iterable[str], section: str, names: Names) -> Iterator[Finding]:
    spots = (
        [(place, used)] if isinstance(used, str) else [((*place, at), name) for at, name in enumerate(used)]
    )
    for spot, name in spots:
        if name not in names[section]:
            yield Finding(spot, f"{name!r} is not declared under {section}")


def _purposes(register: Register) -> Iterator[Finding]:
    for name, purpose in register.purposes.items():
        place: Place = ("purposes", name)
        if purpose.basis is Basis.LEGITIMATE_INTERESTS and purpose.interest is None:
            yield Finding(place, "basis legitimate_interests needs `interest`: which one is pursued")
        if purpose.basis is Basis.LEGAL_OBLIGATION and purpose.law is None:
            yield Finding(place, "basis legal_obligation needs `law`: which one obliges")
        if purpose.basis is Basis.CONSENT and not register.policy_versions:
            yield Finding(place, "basis consent needs a wording: declare it under policy_versions")


def _roles(register: Register) -> Iterator[Finding]:
    if register.role is Role.PROCESSOR and not register.acts_for:
        yield Finding(("role",), "a processor names the controllers that it acts for: add `acts_for`")
    if register.role is Role.CONTROLLER and register.acts_for:
        yield Finding(("acts_for",), "only a processor acts for others: say `role: processor`")


def _retention(place: Place, retention: Retention) -> Iterator[Finding]:
    if (retention.period is None) == (retention.criteria is None):
        yield Finding(place, "needs either `period` or `criteria`")
    if retention.period is not None and retention.counts_from is None:
        yield Finding(place, "a period needs `counts_from`: the field or moment it counts from")


def _store(register: Register, name: str, store: Store, names: Names) -> Iterator[Finding]:
    place: Place = ("stores", name)
    yield from _declared((*place, "subjects"), store.subjects, "subjects", names)
    yield from _declared((*place, "purposes"), store.purposes, "purposes", names)
    yield from _declared((*place, "recipients"), store.recipients, "recipients", names)
    yield from _declared((*place, "retention"), store.retention, "retentions", names)
    yield from _counted_from(register, name, store)
    if store.found_by is not None and store.found_by not in store.fields:
        yield Finding((*place, "found_by"), f"{store.found_by!r} is not among the store's own fields")
    for section, keys in (("clustered_by", store.clustered_by), ("indexed_by", store.indexed_by)):
        for number, key in enumerate(keys):
            if key not in store.fields:
                yield Finding((*place, section, number), f"{key!r} is not among the store's own fields")
    if store.found_by is not None and store.reference is Reference.NONE:
        yield Finding((*place, "found_by"), "a store with `reference: none` finds nobody")
    for own_name, own in store.fields.items():
        yield from _own_field(register, (*place, "fields", own_name), own, names)


def _counted_from(register: Register, name: str, store: Store) -> Iterator[Finding]:
    retention = register.retentions.get(store.retention)
    if retention is None or retention.period is None or retention.counts_from is None:
        return
    known = store.fields.keys() | register.fields.keys() | _MOMENTS
    if retention.counts_from not in known:
        yield Finding(
            ("retentions", store.retention, "counts_from"),
            f"{retention.counts_from!r} is neither a field of {name} or of the message, nor one of "
            f"{', '.join(sorted(_MOMENTS))}",
        )


def _own_field(register: Register, place: Place, own: OwnField, names: Names) -> Iterator[Finding]:
    yield from _declared((*place, "category"), own.category, "categories", names)
    yield from _sources(register, place, own.sources, names)


def _sources(register: Register, place: Place, sources: Iterable[str], names: Names) -> Iterator[Finding]:
    for number, source in enumerate(sources):
        field = register.fields.get(source)
        if source not in names["fields"] or (field is not None and field.derived):
            yield Finding((*place, "from", number), f"{source!r} is not a field of the message")


def _encrypted(register: Register, place: Place, field: RegisterField) -> Iterator[Finding]:
    """MongoDB's stores hold no ciphertext of the register's fields: only `profiles` does."""
    if field.protection is Protection.ENCRYPT:
        for name in kept_in(field):
            if name != PROFILES:
                yield Finding(
                    (*place, "stores"), f"encrypt, and {name} holds no ciphertext: only {PROFILES} does"
                )


def _field(register: Register, path: str, field: RegisterField, names: Names) -> Iterator[Finding]:
    place: Place = ("fields", path)
    yield from _declared((*place, "category"), field.category, "categories", names)
    yield from _declared((*place, "purposes"), field.purposes, "purposes", names)
    yield from _declared((*place, "recipients"), field.recipients, "recipients", names)
    yield from _declared((*place, "stores"), field.stores, "stores", names)
    yield from _sources(register, place, field.sources, names)
    if field.retention is not None:
        yield from _declared((*place, "retention"), field.retention, "retentions", names)
    yield from _topic(place, field)
    yield from _protection(register, place, path, field)
    yield from _encrypted(register, place, field)
    yield from _stored(register, place, field)


def kept_in(field: RegisterField) -> list[str]:
    """The stores beyond the topic that brings a field."""
    return [name for name in field.stores if not name.startswith(f"{System.KAFKA}.")]


def _topic(place: Place, field: RegisterField) -> Iterator[Finding]:
    if not field.derived and MESSAGES not in field.stores:
        yield Finding(place, f"a message field stands in the topic that brings it: add {MESSAGES} to stores")
    if field.derived and len(kept_in(field)) < len(field.stores):
        yield Finding((*place, "stores"), "a derived field stands in no topic")
    if len(set(field.stores)) < len(field.stores):
        yield Finding((*place, "stores"), "a store is named twice")


def _protection(register: Register, place: Place, path: str, field: RegisterField) -> Iterator[Finding]:
    kept, place = kept_in(field), (*place, "protection")
    match field.protection:
        case Protection.DROP:
            if kept:
                yield Finding(place, f"drop, and yet stored in {', '.join(kept)}")
            if field.purposes:
                yield Finding(place, "drop, and yet with a purpose")
        case Protection.GENERALISE if not field.derived:
            if kept:
                yield Finding(place, "generalise: only a field derived from it is stored beyond the topic")
            if not _is_source(register, path):
                yield Finding(place, "generalise, but no field is derived from it; say drop, or add one")
        case _:
            if not kept and (field.derived or not _is_source(register, path)):
                yield Finding(place, f"{field.protection}, but stored nowhere; say drop, or add a store")
    category = register.categories.get(field.category)
    if (
        field.protection is Protection.PLAIN
        and category is not None
        and (category.identifies or category.special)
    ):
        why = "names a person by itself" if category.identifies else "is special (Art. 9, 10)"
        yield Finding(place, f"plain, but its category {field.category!r} {why}; say encrypt")


def _is_source(register: Register, path: str) -> bool:
    return any(path in field.sources for field in register.fields.values()) or any(
        path in own.sources for store in register.stores.values() for own in store.fields.values()
    )


def _stored(register: Register, place: Place, field: RegisterField) -> Iterator[Finding]:
    kept = kept_in(field) if field.protection is not Protection.DROP else []
    if kept and not field.purposes:
        yield Finding((*place, "purposes"), f"stored in {', '.join(kept)} for no purpose")
    if kept and field.retention is None:
        yield Finding(place, f"stored in {', '.join(kept)} with no retention")
    for name in kept:
        store = register.stores.get(name)
        if store is not None and field.retention in register.retentions.keys() - {store.retention}:
            yield Finding(
                (*place, "retention"),
                f"{field.retention!r}, but {name} keeps a whole row for {store.retention!r}",
            )


def _columns(register: Register) -> Iterator[Finding]:
    taken = {
        (name, own): "one of Lethe's own" for name, store in register.stores.items() for own in store.fields
    }
    for path, field in register.fields.items():
        name = field.column_name(path)
        place: Place = ("fields", path)
        if not name.isidentifier() or name != name.lower():
            yield Finding(place, f"{name!r} can't name a column; give it another by `column`")
        if name.split("_")[0] == SEALED:
            yield Finding(place, f"column {name!r} is a name of ciphertexts; give it another by `column`")
        if name in RESERVED:
            yield Finding(place, f"column {name!r} is reserved by Cassandra; give it another by `column`")
        for store in dict.fromkeys(kept_in(field)):
            if (store, name) in taken:
                yield Finding(place, f"column {name!r} of {store} is {taken[store, name]} already")
            taken.setdefault((store, name), f"that of {path}")


def _written(register: Register, names: Names) -> Iterator[Finding]:
    for name, fields in WRITTEN.items():
        store = register.stores.get(name)
        if store is None:
            if name not in names["stores"]:
                yield Finding(("stores",), f"{name} is missing, and the stream writes or reads it")
            continue
        for own in fields:
            if own not in store.fields:
                yield Finding(("stores", name), f"Lethe writes {own!r} there; declare it under fields")
    for name, store in register.stores.items():
        if name.startswith(f"{System.CASSANDRA}.") and store.found_by != "subject_id":
            yield Finding(("stores", name), "its key is subject_id: say `found_by: subject_id`")
    profiles = register.stores.get(PROFILES)
    if profiles is None:
        return
    retention = register.retentions.get(profiles.retention)
    if retention is not None and retention.period is None:
        yield Finding(("stores", PROFILES, "retention"), "profiles are kept for a period, not by criteria")
