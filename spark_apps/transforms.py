"""The steps that a message passes, each a pure function of rows: parse, identify, suppress, validate, latest,
consent, enrich, protect.

A step works on all rows of a chunk and gives the rows that go on; those that don't leave with a reason or a
count. The rules themselves are lethe.profiles': one implementation for the stream and for everything else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from lethe.profiles import consent as consents
from lethe.profiles import parsing, validation
from lethe.profiles.contract import (
    CONTROL_HEADER_VALUE,
    HEADER,
    Document,
    Message,
    Profile,
    Refusal,
)
from lethe.profiles.rules import Rules
from lethe.protection.fields import seal_batch
from lethe.protection.subject_keys import Derived, SubjectKeys
from lethe.register.model import PROFILES, Group, Register
from lethe.stores.quarantine import Refused
from lethe.stores.suppression import Ledger, Suppressed, is_suppressed


@dataclass(slots=True)
class Row:
    """One message on its way. A refused one keeps its reason until it is known not to be suppressed."""

    message: Message
    document: Document
    refusal: Refusal | None = None
    subject_ids: tuple[str, ...] = ()
    generation: int = 0  # how often the subject was erased before
    profile: Profile | None = None
    keys: Derived | None = None
    standing: dict[str, str] = field(default_factory=dict)
    columns: dict[str, object] = field(default_factory=dict)

    @property
    def subject_id(self) -> str:
        """The subject that a profile is about."""
        return self.subject_ids[0]

    @property
    def contribution_id(self) -> str:
        """The name of the subject's contribution, which nobody without the key can tell."""
        assert self.keys is not None  # noqa: S101 - rows get here with them
        return self.keys.contribution_id

    @property
    def position(self) -> tuple[int, int]:
        """(event ms, offset): the later one stands."""
        assert self.profile is not None  # noqa: S101 - rows get here with one
        return self.profile.event_ms, self.profile.offset


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
        keyed = parsing.key_user_id(row.message.key)
        names = [name for name in dict.fromkeys((user_id, keyed)) if name is not None]
        row.subject_ids = tuple(pseudonym(name) for name in names)
    return list(rows)


def suppress(rows: Sequence[Row], ledger: Ledger, now_ms: int, rules: Rules) -> tuple[list[Row], int]:
    """The rows that may go on, and how many were dropped because their subject was erased.

    Stands before validation: of an erased subject not even a faulty message is kept. Who has returned goes on, with
    the generation that their keys are of.
    """
    everyone = list({subject for row in rows for subject in row.subject_ids})
    entries = ledger.lookup(everyone)
    if not entries:
        return list(rows), 0
    kept = [row for row in rows if not _is_suppressed(row, entries, now_ms, rules)]
    for row in kept:
        if row.subject_ids and row.subject_ids[0] in entries:
            row.generation = entries[row.subject_ids[0]].generation
    return kept, len(rows) - len(kept)


def _is_suppressed(row: Row, entries: Mapping[str, Suppressed], now_ms: int, rules: Rules) -> bool:
    hits = [entries[subject] for subject in row.subject_ids if subject in entries]
    if not hits:
        return False
    found = row.refusal or validation.validate(row.document, row.message, now_ms, rules)
    if isinstance(found, Refusal):
        return True
    source = (row.message.topic, row.message.partition, row.message.offset)
    return any(is_suppressed(hit, source, found.event_ms * 1000, proof_of_return_us(found)) for hit in hits)


def proof_of_return_us(profile: Profile) -> int:
    """The latest act of the person that a profile tells of (µs): a consent granted, or the registration."""
    granted = [consent.at_ms for consent in profile.consents if consent.granted]
    return max([*granted, profile.registered_ms]) * 1000


def validate(rows: Sequence[Row], now_ms: int, rules: Rules) -> tuple[list[Row], list[Refused]]:
    """Rows with a valid profile each, and the refused ones."""
    valid: list[Row] = []
    refused: list[Refused] = []
    for row in rows:
        found = row.refusal or validation.validate(row.document, row.message, now_ms, rules)
        if isinstance(found, Refusal):
            message = row.message
            subject = row.subject_ids[0] if row.subject_ids else None
            refused.append(
                Refused(message.topic, message.partition, message.offset, found.reason.value, subject)
            )
        else:
            row.profile = found
            valid.append(row)
    return valid, refused


def latest(rows: Sequence[Row]) -> tuple[list[Row], int]:
    """The latest profile of each subject, and how many were superseded within these rows."""
    standing: dict[str, Row] = {}
    for row in rows:
        held = standing.get(row.subject_id)
        if held is None or row.position > held.position:
            standing[row.subject_id] = row
    return list(standing.values()), len(rows) - len(standing)


def consent(rows: Sequence[Row], rules: Rules) -> list[Row]:
    """Give each row the consents in force: purpose -> policy version, of purposes that the register declares."""
    for row in rows:
        assert row.profile is not None  # noqa: S101 - rows get here with one
        declared = (consent for consent in row.profile.consents if consent.purpose in rules.purposes)
        row.standing = consents.in_force(declared, rules.policy_versions)
    return list(rows)


def enrich(rows: Sequence[Row], columns_of: Callable[[Profile], dict[str, object]]) -> list[Row]:
    """Give each row its columns, by their names in the register: `lethe.profiles.enrichment.enricher` of them."""
    for row in rows:
        assert row.profile is not None  # noqa: S101 - rows get here with one
        row.columns = columns_of(row.profile)
    return list(rows)


def derive(rows: Sequence[Row], keys: SubjectKeys) -> tuple[list[Row], int]:
    """Give each row its subject's keys; rows whose key was punctured are dropped, and counted as suppressed."""
    found = keys.derive([row.subject_id for row in rows], [row.generation for row in rows])
    for row, derived in zip(rows, found, strict=True):
        row.keys = derived
    kept = [row for row in rows if row.keys is not None]
    return kept, len(rows) - len(kept)


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


def protect(rows: Sequence[Row], by: Protection) -> list[Row]:
    """Leave in each row only what may be stored: declared so, for a purpose that stands, and encrypted where so said.

    A group of encrypted fields becomes one value, under the subject's key and bound to its row and column.
    """
    standing = [by.unconditional | row.standing.keys() for row in rows]
    computed = [row.columns for row in rows]
    for row, stands in zip(rows, standing, strict=True):
        columns = row.columns
        row.columns = {
            name: None if served.isdisjoint(stands) else columns[name] for name, served in by.columns.items()
        }
    for group in by.groups:
        names = [column.name for column in group.columns]
        chosen = [i for i, stands in enumerate(standing) if not group.purposes.isdisjoint(stands)]
        blobs = seal_batch(
            [_keys(rows[i]) for i in chosen],
            group.name,
            by.register_version,
            [{name: value for name in names if (value := computed[i][name]) is not None} for i in chosen],
        )
        for row in rows:
            row.columns[group.name] = None
        for i, blob in zip(chosen, blobs, strict=True):
            rows[i].columns[group.name] = blob
    return list(rows)


def _keys(row: Row) -> Derived:
    assert row.keys is not None  # noqa: S101 - rows get here with them
    return row.keys
