"""What stays readable of the erased after their erasure: by store, in which copies, and until when; by the register."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial

from lethe.register.durations import spoken
from lethe.register.entries import Store
from lethe.register.model import Register
from lethe.register.terms import System, Type
from lethe.requests.certificate import plan
from lethe.requests.certificate.facts import Facts, TopicFacts
from lethe.requests.certificate.levels import backups_gone, gone_from_topic
from lethe.requests.certificate.model import Copies, Residue
from lethe.requests.certificate.plan import Treatment
from lethe.settings import TopicSettings


def residue(facts: Facts, register: Register, topics: TopicSettings) -> tuple[Residue, ...]:
    """Of every store that was emptied or tombstoned, in the register's order."""
    told = {topic.store: topic for topic in facts.topics}
    return tuple(
        each
        for name, store in plan.stores(register, Treatment.ERASED, Treatment.TOMBSTONED).items()
        for each in (
            _of_topic(told[name], name, store, register, topics)
            if plan.system_of(name) is System.KAFKA
            else _of_table(name, store, register, facts.case.erased_at)
        )
    )


def _of_topic(
    told: TopicFacts, name: str, store: Store, register: Register, topics: TopicSettings
) -> Iterator[Residue]:
    """Messages are in clear, the tombstone's key too."""
    fields = {path: field.category for path, field in register.fields.items() if name in field.stores}
    readable = fields | {own: field.category for own, field in store.fields.items()}
    until = gone_from_topic(told.tombstoned_at, topics)
    kept = _in_words(timedelta(milliseconds=topics.retention_ms))
    here = partial(
        Residue, store=name, kinds=_kinds(readable, register), readable=tuple(readable), unreadable=()
    )
    yield here(copies=Copies.TOPIC, until=until, rests_on=f"The topic keeps a message for {kept} at most")
    if store.backed_up:
        yield here(copies=Copies.BACKUPS, until=backups_gone(until, register), rests_on=_kept(register))


def _of_table(name: str, store: Store, register: Register, erased_at: datetime) -> Iterator[Residue]:
    """Encrypted fields, and bytes of Lethe's own, are under the key that is destroyed."""
    stored, sealed = register.stored_columns(name), register.encrypted_columns(name)
    own = {each: field.category for each, field in store.fields.items() if field.type is not Type.BYTES}
    readable = {column.name: register.fields[column.field_path].category for column in stored} | own
    unreadable = [*(column.name for column in sealed), *sorted(store.fields.keys() - own.keys())]
    here = partial(
        Residue,
        store=name,
        kinds=_kinds(readable, register),
        readable=tuple(readable),
        unreadable=tuple(unreadable),
    )
    waits = "Deleted rows stay in files until they are rewritten: L4"
    yield here(copies=Copies.FILES, until=None, rests_on=waits)
    if store.backed_up:
        until = backups_gone(erased_at, register)
        yield here(copies=Copies.BACKUPS, until=until, rests_on=_kept(register))


def _kinds(categories: Mapping[str, str], register: Register) -> tuple[str, ...]:
    """The categories of these fields in words, each once."""
    return tuple(dict.fromkeys(register.categories[category].what for category in categories.values()))


def _kept(register: Register) -> str:
    return f"Backups are kept for {spoken(register.backups.kept_for)}"


def _in_words(period: timedelta) -> str:
    """A period in its largest whole unit, such as `7 days` or `90 minutes`."""
    seconds = period.total_seconds()
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= length and seconds % length == 0:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{seconds:g} seconds"
