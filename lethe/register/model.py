"""The register: what personal data is held and why, as `register.yaml` says it.

Every entry is frozen and refuses keys that it does not know. Names that refer to each other (a field's
purposes, a store's retention) are checked by `consistency`, once all entries are read.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StrictBool, StrictInt, StringConstraints
from pydantic import Field as Setting

from lethe.register.durations import iso_duration, shortest
from lethe.register.terms import (
    Basis,
    Format,
    Moment,
    Protection,
    RecipientKind,
    Reference,
    Role,
    System,
    Type,
)

PROFILES = "cassandra.profiles"
CONTRIBUTIONS = "mongodb.contributions"
MESSAGES = "kafka.user_profiles"

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Name = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]*$")]
StoreName = Annotated[str, StringConstraints(pattern=f"^({'|'.join(System)})[.][a-z][a-z0-9_]*$")]
Duration = Annotated[str, AfterValidator(iso_duration)]


class Entry(BaseModel):
    """Base of everything that stands in the register."""

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)


class Party(Entry):
    """A controller, representative, data protection officer or authority (GDPR Art. 30(1)(a))."""

    name: Text
    address: Text
    email: Text
    example: StrictBool = False  # made up: documents carry the mark


class Purpose(Entry):
    """What data is used for, and what makes that lawful."""

    what: Text
    basis: Basis
    interest: Text | None = None  # the interest pursued, Art. 6(1)(f)
    law: Text | None = None  # the obligation, Art. 6(1)(c)


class PolicyVersion(Entry):
    """A wording that subjects consented to; its file's SHA-256 proves which (GDPR Art. 7(1))."""

    date: date
    language: Annotated[str, StringConstraints(pattern="^[a-z]{2}(-[A-Z]{2})?$")]
    wording: Text  # file, relative to the register's folder
    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


class Recipient(Entry):
    """Who receives data, and by which reference they know a person (GDPR Art. 19, 30(1)(d))."""

    what: Text
    kind: RecipientKind
    knows_by: Reference
    country: Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")]  # ISO 3166-1


class Transfer(Entry):
    """A transfer to a third country or an international organisation (GDPR Art. 30(1)(e))."""

    recipient: Name
    to: Text
    safeguards: Text  # the Art. 46 instrument, or the documentation that Art. 49(1) asks for


class Retention(Entry):
    """How long something is kept: a period, or the criteria where none can be told (GDPR Art. 15(1)(d))."""

    period: Duration | None = None
    counts_from: Name | None = None  # a field, or a Moment
    criteria: Text | None = None
    why: Text | None = None

    @property
    def shortest(self) -> timedelta | None:
        """The period, at its shortest reading; None where criteria stand for one."""
        return None if self.period is None else shortest(self.period)


class Category(Entry):
    """A kind of personal data (GDPR Art. 30(1)(c))."""

    what: Text
    identifies: StrictBool = False  # names a person by itself: never stored plain
    special: StrictBool = False  # Art. 9 or 10


class Measure(Entry):
    """A technical or organisational measure (GDPR Art. 32(1)) that is in place."""

    article: Annotated[str, StringConstraints(pattern=r"^32\(1\)(\([a-d]\))?$")]
    what: Text


class Backups(Entry):
    """How long copies of the stores that are backed up may live."""

    kept_for: Duration
    what: Text


class RegisterField(Entry):
    """A field of the profile message by its dotted path, or (`from`) one that is derived from such fields."""

    category: Name
    protection: Protection
    purposes: tuple[Name, ...]
    recipients: tuple[Name, ...]
    stores: tuple[StoreName, ...]
    retention: Name | None = None  # of what is stored beyond the topic
    sources: tuple[str, ...] = Setting(default=(), alias="from")
    column: Name | None = None  # its name in stores; default: the path with _ for dots
    type: Type = Type.TEXT
    format: Format | None = None
    allowed: tuple[Text, ...] = ()
    required: StrictBool = False
    why: Text | None = None

    @property
    def derived(self) -> bool:
        """Whether Lethe makes it, where a message field comes as it is."""
        return bool(self.sources)


class OwnField(Entry):
    """What Lethe itself adds to a store."""

    category: Name
    type: Type = Type.TEXT
    sources: tuple[str, ...] = Setting(default=(), alias="from")
    format: Format | None = None
    what: Text | None = None


class Store(Entry):
    """A place where data stands, and how a subject is found there."""

    what: Text
    subjects: tuple[Name, ...] = Setting(min_length=1)
    reference: Reference
    found_by: str | None = None  # the own field that holds the reference
    purposes: tuple[Name, ...] = Setting(min_length=1)
    recipients: tuple[Name, ...]
    retention: Name
    backed_up: StrictBool
    fields: Mapping[str, OwnField] = Setting(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Column:
    """A register field as one store holds it. `cql_type` is Cassandra's type for it."""

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
    Type.BYTES: "blob",
}


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
                column_name(path, field),
                path,
                field.protection,
                CQL_TYPES[Type.BYTES if field.protection is Protection.ENCRYPT else field.type],
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
        """What a store is to hold encrypted: routed to the protect step, and stored by nothing else."""
        return self.columns(store, Protection.ENCRYPT)

    def contribution_fields(self) -> tuple[str, ...]:
        """Names of the figures in a counted contribution, in the register's order."""
        return tuple(column.name for column in self.stored_columns(CONTRIBUTIONS))


def column_name(path: str, field: RegisterField) -> str:
    """What a field is called in the stores."""
    return field.column or path.replace(".", "_")


def moments() -> frozenset[str]:
    """What a retention may count from besides fields."""
    return frozenset(Moment)
