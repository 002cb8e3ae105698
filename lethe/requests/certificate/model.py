"""The document: what stands in a certificate, and nothing that names a person. Its JSON Schema is made from here.

Format 1. A later format has another name and another model; what was signed stays as it is.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)

from lethe.errors import CertificateError
from lethe.register.terms import System
from lethe.requests.certificate.facts import Outcome
from lethe.requests.certificate.plan import Treatment

FORMAT: Final = "lethe certificate 1"
# One line: nothing that moves a terminal's cursor, or turns the direction of reading.
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+$")]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.]{0,99}$")]
Hash = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]  # what every JSON reader reads exactly
Number = Annotated[str, StringConstraints(pattern="^[A-Z2-7]{4}(-[A-Z2-7]{4}){3}$")]


def _as_text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


Time = Annotated[
    AwareDatetime,
    PlainSerializer(_as_text, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"}),
]


class Part(BaseModel):
    """Base of everything in the document."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Party(Part):
    """Who answers for the erasure, or takes complaints."""

    name: Text
    address: Text
    email: Text


class Controller(Party):
    """The controller; `example`: a made-up one, and the certificate with it."""

    example: bool


class Ground(Part):
    """Why the person had the right (GDPR Art. 17(1))."""

    article: Text
    what: Text


class Case(Part):
    """The request and its times."""

    id: Annotated[str, StringConstraints(pattern="^[0-9A-Za-z-]{8,64}$")]
    kind: Code
    channel: Code
    ground: Ground
    received_at: Time
    decided_at: Time
    erased_at: Time
    verified_at: Time


class Subject(Part):
    """The one person, by a name that nobody can compute any more."""

    audit_ref: Hash


class Subjects(Part):
    """Many people: the root of the tree (RFC 6962) of their audit_refs with what became of each."""

    count: Annotated[int, Field(ge=2, le=2**53 - 1)]
    outcomes: Mapping[Outcome, Count]
    merkle_root: Hash


class Key(Part):
    """The destroyed key. `epoch`: the first state of the keys without it."""

    epoch: Count
    punctured_at: Time
    verified_at: Time
    older_destroyed_at: Time


class Store(Part):
    """One store of the register: what it is, what was done about it, and what was found.

    `found`, `left`, `check`: where it was asked. `tombstones`: the last offset by partition. `keeps`: for how long and
    why it stays, where it does.
    """

    name: Text
    what: Text
    treatment: Treatment
    found: Count | None = None
    left: Count | None = None
    check: Code | None = None
    tombstones: Mapping[Annotated[str, StringConstraints(pattern="^[0-9]+$")], Count] | None = None
    tombstoned_at: Time | None = None
    keeps: Text | None = None


class Copies(StrEnum):
    """Where copies of what was erased may still be."""

    TOPIC = "topic"
    FILES = "files"
    BACKUPS = "backups"


class Residue(Part):
    """What can still be read of one store, in which copies, and until when at the latest.

    `until`: null where no date is known; then L4 says what it waits for. `kinds`: the categories of what is readable.
    `readable`, `unreadable`: names of the register's fields and columns; the latter are under the destroyed key.
    """

    store: Text
    copies: Copies
    kinds: tuple[Text, ...]
    readable: tuple[Text, ...]
    unreadable: tuple[Text, ...]
    until: Time | None
    rests_on: Text


class State(StrEnum):
    """Whether a level stands."""

    REACHED = "reached"
    PENDING = "pending"


class Standing(Part):
    """Reached when and by what evidence; or pending: not before `earliest`, by `latest` if that is known, and on what.

    All of them null but those of its state.
    """

    state: State
    at: Time | None = None
    evidence: Text | None = None
    earliest: Time | None = None
    latest: Time | None = None
    waits_for: Text | None = None


class BytesOf(Standing):
    """One system's share in L4."""

    system: System


class Level(Standing):
    """How far the erasure has come. `parts`: of L4, by system."""

    level: Literal["L1", "L2", "L3", "L4"]
    what: Text
    parts: tuple[BytesOf, ...] = ()


class Recipient(Part):
    """Who received the data, and when they were told (GDPR Art. 19)."""

    name: Text
    what: Text
    by: Code
    told_at: Time | None
    answered_at: Time | None


class Body(Part):
    """A certificate before it is signed. `previous`: SHA-256 of the revision before, signature included."""

    format: Literal["lethe certificate 1"]
    number: Number
    revision: Annotated[int, Field(ge=1, le=2**53 - 1)]
    previous: Hash | None
    issued_at: Time
    controller: Controller
    supervisory_authority: Party
    register_version: Annotated[str, StringConstraints(pattern="^[0-9a-f]{12}$")]
    case: Case
    subjects: Subject | Subjects
    key: Key
    stores: tuple[Store, ...]
    levels: Annotated[tuple[Level, ...], Field(min_length=4, max_length=4)]
    residue: tuple[Residue, ...]
    unattributed_until: Time | None
    recipients: tuple[Recipient, ...]


class Signature(Part):
    """Ed25519 (RFC 8032) over the canonical form (RFC 8785) of all the rest; `key_id` names the public key."""

    algorithm: Literal["Ed25519"]
    key_id: Annotated[str, StringConstraints(pattern="^[0-9a-f]{16}$")]
    value: Text


class Certificate(Body):
    """A certificate as it is given out."""

    signature: Signature


Document = dict[str, Any]

_PLACES = frozenset({"id", "number", "email", "previous", "audit_ref", "merkle_root", "value"})
_IDENTIFIERS = re.compile(
    r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[0-9a-f]{64}|\S@\S", re.ASCII
)  # a user_id, a subject_id, an e-mail address


def document(part: Part) -> Document:
    """As JSON has it; raises CertificateError where a text looks like the name of a person."""
    found = part.model_dump(mode="json")
    for place, text in _texts(found, ""):
        if place.rpartition(".")[2] not in _PLACES and _IDENTIFIERS.search(text):
            raise CertificateError(f"certificate: {place} holds what looks like the name of a person")
    return found


def _texts(value: object, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _texts(each, f"{place}.{name}" if place else str(name))
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each, place)


def read(found: Mapping[str, Any]) -> Certificate:
    """A certificate from its document; raises CertificateError with the first place that is not as it must be."""
    if found.get("format") != FORMAT:
        raise CertificateError(f"certificate: its format is not {FORMAT!r}")
    try:
        return Certificate.model_validate(found)
    except ValidationError as error:
        raise CertificateError(f"certificate: {first_place(error)}") from None


def first_place(error: ValidationError) -> str:
    """Where a document is wrong, and how; never the value, and of a name only what moves no cursor."""
    detail = error.errors(include_url=False, include_input=False)[0]
    place = re.sub(r"[^\w.-]", "?", ".".join(map(str, detail["loc"])), flags=re.ASCII)
    return f"{place or 'the whole'}: {detail['msg']}"
