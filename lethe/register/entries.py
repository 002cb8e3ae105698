"""The entries of the register: what a purpose, a store, a field say. All are frozen and refuse unknown keys."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StrictBool, StringConstraints
from pydantic import Field as Setting

from lethe.register.durations import iso_duration, shortest
from lethe.register.terms import (
    Basis,
    Format,
    Protection,
    RecipientKind,
    Reference,
    System,
    Type,
)

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

    def column_name(self, path: str) -> str:
        """What the field with this path is called in the stores."""
        return self.column or path.replace(".", "_")


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
    clustered_by: tuple[str, ...] = ()  # own fields that tell a subject's rows apart, in Cassandra
    indexed_by: tuple[str, ...] = ()  # own fields by which rows are looked for besides, in Cassandra
    purposes: tuple[Name, ...] = Setting(min_length=1)
    recipients: tuple[Name, ...]
    retention: Name
    backed_up: StrictBool
    fields: Mapping[str, OwnField] = Setting(default_factory=dict)
