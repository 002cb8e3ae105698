"""The steps that a profile passes, each a pure function of rows or people: parse, identify, suppress, validate, derive,
protect. Consent and order are settled where what is held is read (lethe.stores.contributions).

A step works on all rows of a chunk and gives the rows that go on; those that don't leave with a reason or a
count. The rules themselves are lethe.profiles': one implementation for the stream and for everything else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from lethe.profiles import parsing, validation
from lethe.profiles.contract import (
    CONTROL_HEADER_VALUE,
    HEADER,
    ConsentMessage,
    Document,
    Message,
    Profile,
    Refusal,
)
from lethe.profiles.returns import is_below
from lethe.profiles.rules import Rules
from lethe.profiles.standing import Moments, keeps
from lethe.protection.fields import seal_batch
from lethe.protection.subject_keys import Derived, SubjectKeys
from lethe.register.model import PROFILES, Group, Register
from lethe.stores.quarantine import Refused
from lethe.stores.suppression import Ledger, Suppressed


@dataclass(slots=True)
class Row:
    """One message on its way. A refused one keeps its reason until it is known not to be suppressed."""

    message: Message
    document: Document
    refusal: Refusal | None = None
    subject_ids: tuple[str, ...] = ()
    erased_at: int | None = None  # µs; of a subject in the suppression ledger
    generation: int = 0  # how often the subject was erased before
    profile: Profile | None = None
    consent: ConsentMessage | None = None

    @property
    def subject_id(self) -> str:
        """The subject that a profile or a consent is about."""
        return self.subject_ids[0]


@dataclass(slots=True)
class Person:
    """One subject's rows in a chunk, in the order of the partition, and what they have come to."""

    subject_id: str
    generation: int
    erased_at: int | None
    rows: list[Row]
    keys: Derived | None = None
    names: tuple[str, ...] = ()
    columns: dict[str, object] = field(default_factory=dict)

    @property
    def root(self) -> int:
        """The root that the keys are of."""
        return self.keys.root if self.keys is not None else 1


def messages(chunk: pa.RecordBatch) -> list[Message]:
    """The Kafka records of an Arrow batch (topic, partition, offset, timestamp_ms, key, value, control)."""
    columns = [chunk.column(name).to_pylist() for name in ("topic", "partition", "offset", "timestamp_ms")]
    columns += [chunk.column(name).to_pylist() for name in ("key", "value", "control")]
    ours = ((HEADER, CONTROL_HEADER_VALUE),)
    return [
        Message(topic, partition, offset, timestamp_ms, key, value, ours if control else None)
        for topic, partition, offset, timestamp_ms, key, value, control in zip(*columns, strict=True)
    ]


def parse(records: Sequence[Message]) -> list[Row]:
    """Rows with a JSON object each, or the refusal of what holds none; Lethe's own records are left out."""
    rows = []
    for message in records:
        found = parsing.parse(message)
        if found is None:
            continue
        if isinstance(found, Refusal):
            rows.append(Row(message, {}, found))
        else:
            rows.append(Row(message, found))
    return rows


def identify(rows: Sequence[Row], pseudonym: Callable[[str], str]) -> list[Row]:
    """Give each row its subjects' ids: of `login.uuid`, and of the Kafka key where that names another."""
    for row in rows:
        user_id = row.refusal.user_id if row.refusal else parsing.identify(row.document, row.message)
        if isinstance(user_id, Refusal):
            row.refusal, user_id = user_id, user_id.user_id
        elif row.refusal is None and user_id is not None:  # the key says the same
            row.subject_ids = (pseudonym(user_id),)
            continue
        row.subject_ids = named_by(user_id, row.message, pseudonym)
    return list(rows)


def named_by(user_id: str | None, message: Message, pseudonym: Callable[[str], str]) -> tuple[str, ...]:
    """Everybody whom a refused message names: in itself, and by its Kafka key where that names another."""
    names = dict.fromkeys((user_id, parsing.key_user_id(message.key)))
    return tuple(pseudonym(name) for name in names if name is not None)


def suppress(rows: Sequence[Row], ledger: Ledger, read: Callable[[Row], object]) -> tuple[list[Row], int]:
    """The rows that may go on, and how many were dropped because their subject was erased.

    Stands before validation: of an erased subject not even a faulty message is kept. What lies above the offsets of the
    erasure goes on with its time: whether it is a return, the subject's consents have a say in
    (lethe.profiles.returns). `read` gives a row's profile or consent, or its refusal.
    """
    everyone = list({subject for row in rows for subject in row.subject_ids})
    entries = ledger.lookup(everyone)
    if not entries:
        return list(rows), 0
    kept = [row for row in rows if not _is_suppressed(row, entries, read)]
    return kept, len(rows) - len(kept)


def _is_suppressed(row: Row, entries: Mapping[str, Suppressed], read: Callable[[Row], object]) -> bool:
    hits = [entries[subject] for subject in row.subject_ids if subject in entries]
    if not hits:
        return False
    where = row.message
    if any(is_below(hit.ends, where.topic, where.partition, where.offset) for hit in hits):
        return True
    if row.refusal is not None or isinstance(read(row), Refusal):
        return True
    row.erased_at, row.generation = hits[0].erased_at, hits[0].generation
    return False


def validate(rows: Sequence[Row], now_ms: int, rules: Rules) -> tuple[list[Row], list[Refused]]:
    """Rows with a profile each that breaks no rule but that of age, and the refused ones."""
    valid: list[Row] = []
    refused: list[Refused] = []
    for row in rows:
        found = row.refusal or validation.check(row.document, row.message, now_ms, rules)
        if isinstance(found, Refusal):
            refused.append(refusal(row, found))
        else:
            row.profile = found
            valid.append(row)
    return valid, refused


def refusal(row: Row, why: Refusal) -> Refused:
    """What quarantine is told of a row."""
    return Refused(row.message, why.reason.value, row.subject_ids, row.generation)


def by_person(rows: Sequence[Row]) -> list[Person]:
    """The rows of each subject together, in their order."""
    people: dict[str, Person] = {}
    for row in rows:
        subject = row.subject_id
        if subject in people:
            people[subject].rows.append(row)
        else:
            people[subject] = Person(subject, row.generation, row.erased_at, [row])
    return list(people.values())


def derive(people: Sequence[Person], keys: SubjectKeys) -> tuple[list[Person], int]:
    """Give each person their keys, and the names of their contribution under every root.

    Who has been punctured is left out; how many rows that concerns is counted, as suppressed.
    """
    subjects, generations = [each.subject_id for each in people], [each.generation for each in people]
    found = zip(
        people, keys.derive(subjects, generations), keys.older_names(subjects, generations), strict=True
    )
    for person, derived, older in found:
        person.keys = derived
        person.names = (derived.contribution_id, *older) if derived else older
    kept = [person for person in people if person.keys is not None]
    return kept, sum(len(person.rows) for person in people if person.keys is None)


@dataclass(frozen=True, slots=True)
class Protection:
    """What the protect step goes by: the register's word on each column, and the name of its version."""

    columns: Mapping[str, frozenset[str]]  # stored plain or generalised -> the purposes it serves
    groups: Sequence[Group]  # encrypted together
    unconditional: frozenset[str]  # purposes that need no consent
    register_version: str

    @classmethod
    def from_register(cls, register: Register) -> "Protection":
        """For the rows of `profiles`."""
        return cls(
            {column.name: frozenset(column.purposes) for column in register.stored_columns(PROFILES)},
            register.groups(PROFILES),
            frozenset(register.purposes) - register.consent_purposes(),
            register.version,
        )

    @property
    def names(self) -> list[str]:
        """What `protect` leaves in each row, in its order."""
        return [*self.columns, *(group.name for group in self.groups)]

    def standing(self, moments: Moments) -> tuple[list[str], list[str]]:
        """Names of the plain columns and of the groups that stand in a row, given its moments."""

        def stands(purposes: frozenset[str]) -> bool:
            return not purposes.isdisjoint(self.unconditional) or keeps(moments, purposes)

        columns = [name for name, purposes in self.columns.items() if stands(purposes)]
        return columns, [group.name for group in self.groups if stands(group.purposes)]


def protect(people: Sequence[Person], moments: Sequence[Moments], by: Protection) -> list[Person]:
    """Leave with each person what may be stored: declared so, for a purpose that stands, encrypted where so said.

    `moments` is of each of them. A group of encrypted fields becomes one value, under the subject's key and bound to
    its row and column.
    """
    known: dict[Moments, tuple[list[str], list[str]]] = {}
    sealed: dict[str, list[tuple[Person, dict[str, object]]]] = {group.name: [] for group in by.groups}
    absent = dict.fromkeys(by.names)
    for person, each in zip(people, moments, strict=True):
        if each not in known:
            known[each] = by.standing(each)
        plain, groups = known[each]
        computed, person.columns = person.columns, absent.copy()
        for name in plain:
            person.columns[name] = computed[name]
        for name in groups:
            sealed[name].append((person, computed))
    for group in by.groups:
        names = [column.name for column in group.columns]
        whose = [person for person, _ in sealed[group.name]]
        values = [
            {name: value for name in names if (value := computed[name]) is not None}
            for _, computed in sealed[group.name]
        ]
        keys = [person.keys for person in whose if person.keys is not None]
        for person, blob in zip(
            whose, seal_batch(keys, group.name, by.register_version, values), strict=True
        ):
            person.columns[group.name] = blob
    return list(people)
