"""The register: what personal data is held and why, as `register.yaml` says it, and what is asked of it.

Names that refer to each other (a field's purposes, a store's retention) are checked by `consistency`, once all
entries are read.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Annotated

from pydantic import Field as Setting
from pydantic import StrictInt

from lethe.register.entries import (
    Backups,
    Category,
    Entry,
    Measure,
    Name,
    Party,
    PolicyVersion,
    Purpose,
    Recipient,
    RegisterField,
    Retention,
    Store,
    StoreName,
    Text,
    Transfer,
)
from lethe.register.terms import Basis, Protection, Role, Type

PROFILES = "cassandra.profiles"
CONSENTS = "cassandra.consents"
EMAIL_INDEX = "cassandra.email_index"
CONTRIBUTIONS = "mongodb.contributions"
MESSAGES = "kafka.user_profiles"
SEALED = "sealed"  # what names of columns with ciphertext begin with

# What the stream itself writes beside the register's fields; it can't do without these stores.
WRITTEN = {
    MESSAGES: ("key", "timestamp"),
    PROFILES: (
        "subject_id",
        "event_time",
        "source_partition",
        "source_offset",
        "consents",
        "register_version",
    ),
    CONSENTS: (
        *("subject_id", "purpose", "at", "granted", "policy_version", "by_guardian"),
        *("source_topic", "source_partition", "source_offset"),
    ),
    EMAIL_INDEX: ("subject_id", "mac"),
    CONTRIBUTIONS: (
        *("_id", "consents", "at", "offset", "write_time", "counted", "moments", "minor", "ended"),
        *("shard", "erased_at"),
    ),
}


@dataclass(frozen=True, slots=True)
class Column:
    """A register field as one store holds it.

    `cql_type` is Cassandra's type for its values. One with protection `encrypt` is no column of the table: its values
    are in the ciphertext of its group.
    """

    name: str
    field_path: str
    protection: Protection
    cql_type: str
    purposes: tuple[str, ...]
    required: bool


CQL_TYPES = {
    Type.TEXT: "text",
    Type.INT: "int",
    Type.LONG: "bigint",
    Type.NUMBER: "double",
    Type.BOOLEAN: "boolean",
    Type.TIMESTAMP: "timestamp",
    Type.MAP: "map<text, text>",
    Type.LIST: "list<text>",
    Type.BYTES: "blob",
}


@dataclass(frozen=True, slots=True)
class Group:
    """Encrypted fields that stand and fall together, as one blob in one column; `purposes` keep it there."""

    name: str
    columns: tuple[Column, ...]
    purposes: frozenset[str]


class Register(Entry):
    """The whole register; made by `load`, which checks it."""

    role: Role
    controller: Party
    acts_for: tuple[Party, ...] = ()  # a processor's controllers, Art. 30(2)(a)
    joint_controllers: tuple[Party, ...]
    representative: Party | None
    data_protection_officer: Party | None
    supervisory_authority: Party
    subjects: Mapping[Name, Text]
    source: Text  # where the data comes from, Art. 15(1)(g)
    automated_decisions: Text  # Art. 15(1)(h)
    minimum_age: Annotated[StrictInt, Setting(ge=13, le=120)]  # years; Art. 8(1) lets no law go below 13
    smallest_group: Annotated[StrictInt, Setting(ge=2)]  # people behind a published figure (k)
    purposes: Mapping[Name, Purpose]
    policy_versions: Mapping[Text, PolicyVersion]
    recipients: Mapping[Name, Recipient]
    transfers: tuple[Transfer, ...]
    categories: Mapping[Name, Category]
    retentions: Mapping[Name, Retention]
    backups: Backups
    measures: tuple[Measure, ...]
    stores: Mapping[StoreName, Store]
    fields: Mapping[str, RegisterField]

    @property
    def example(self) -> bool:
        """Whether the controller is made up, so that documents must carry the mark."""
        return self.controller.example

    @cached_property
    def version(self) -> str:
        """12 hex digits that change with the register's content, not with its comments or order."""
        content = self.model_dump(mode="json", exclude_defaults=True)
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @cached_property
    def profile_retention(self) -> timedelta:
        """How long a profile is kept from its event time, at the period's shortest reading."""
        return self.retention_of(PROFILES)

    def retention_of(self, store: str) -> timedelta:
        """How long a store keeps what it holds; raises KeyError where only criteria say it."""
        period = self.retentions[self.stores[store].retention].shortest
        if period is None:
            raise KeyError(f"{store} is kept by criteria, not for a period")
        return period

    def known_paths(self) -> frozenset[str]:
        """Every declared path of the profile message."""
        return frozenset(path for path, field in self.fields.items() if not field.derived)

    def consent_purposes(self) -> frozenset[str]:
        """Purposes that need a consent in force."""
        return frozenset(name for name, each in self.purposes.items() if each.basis is Basis.CONSENT)

    def columns(self, store: str, *protections: Protection) -> list[Column]:
        """The register's fields in one store with one of these protections, in the register's order."""
        return [
            Column(
                field.column_name(path),
                path,
                field.protection,
                CQL_TYPES[field.type],
                field.purposes,
                field.required,
            )
            for path, field in self.fields.items()
            if store in field.stores and field.protection in protections
        ]

    def stored_columns(self, store: str) -> list[Column]:
        """What a store holds of the register's fields: those with `plain` or `generalise` protection."""
        return self.columns(store, Protection.PLAIN, Protection.GENERALISE)

    def encrypted_columns(self, store: str) -> list[Column]:
        """What a store holds encrypted, a value each within its group's blob."""
        return self.columns(store, Protection.ENCRYPT)

    def groups(self, store: str) -> list[Group]:
        """The encrypted fields of a store by what they stand on.

        `sealed` holds those with a purpose that needs no consent: they stay as long as the row. Fields that rest on
        consents alone are in `sealed_<purposes>`, a group for each set of purposes that can end by itself.
        """
        found: dict[str, list[Column]] = {}
        for column in self.encrypted_columns(store):
            found.setdefault(self._group_name(column), []).append(column)
        return [
            Group(name, tuple(columns), frozenset(p for column in columns for p in column.purposes))
            for name, columns in found.items()
        ]

    def group_with(self, store: str, path: str) -> Group | None:
        """The group of a store's encrypted fields that holds a message field; None where none does."""
        holds = (
            group for group in self.groups(store) if any(each.field_path == path for each in group.columns)
        )
        return next(holds, None)

    def _group_name(self, column: Column) -> str:
        rests_on_consent = self.consent_purposes().issuperset(column.purposes)
        return "_".join([SEALED, *sorted(column.purposes)]) if rests_on_consent else SEALED

    def contribution_fields(self) -> tuple[str, ...]:
        """Names of the figures in a counted contribution, in the register's order."""
        return tuple(column.name for column in self.stored_columns(CONTRIBUTIONS))
