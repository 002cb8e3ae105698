"""The message contract of `user_profiles` and `user_consents`, as plain types: what comes in, and what a reading gives.

One implementation of the rules serves the stream, `lethe load` and quarantine replays: they call
`parsing.parse`, `validation.check` or `validate`, and `enrichment.enrich` for each profile, and
`consent_messages.parse_consent` for each consent.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from lethe.profiles.reasons import Reason

PROFILES_TOPIC = "user_profiles"
CONSENTS_TOPIC = "user_consents"

HEADER = "lethe"  # on every record that Lethe itself appends; its value says which kind
TOMBSTONE_HEADER_VALUE = b"tombstone"
CONTROL_HEADER_VALUE = b"control"

MAX_MESSAGE_BYTES = 262_144  # of the value
AHEAD_MS = 5 * 60 * 1000  # how far a producer's clock may run before ours
MAX_AGE_YEARS = 120
MAX_POLICY_VERSION = 64  # characters: a consent state holds it, also where no register knows it

Document = dict[str, object]
"""A message's JSON object, as parsed: hostile until validated."""


class Message(NamedTuple):
    """One Kafka record; `timestamp_ms` is the broker's or producer's time, Unix ms, -1 where it has none."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] | None = None


class Consent(NamedTuple):
    """What a subject said about one purpose at one time (Unix ms). A withdrawal is `granted=False`."""

    purpose: str
    granted: bool
    at_ms: int
    policy_version: str  # "" where a withdrawal names none
    by_guardian: bool = False


class ConsentMessage(NamedTuple):
    """A valid message of `user_consents`: one event."""

    user_id: str  # canonical lower-case UUID; never stored, never logged
    partition: int
    offset: int
    consent: Consent
    unknown_fields: tuple[str, ...] = ()  # names that the contract doesn't have


class Profile(NamedTuple):
    """A valid profile: (event_ms, offset) is its place in the subject's order."""

    user_id: str  # canonical lower-case UUID; never stored, never logged
    event_ms: int  # Unix ms
    partition: int
    offset: int
    birth_date: date
    registered_ms: int  # Unix ms
    nationality: str  # ISO 3166-1 alpha-2
    consents: tuple[Consent, ...]
    document: Document
    under_age: bool = (
        False  # by the register's age, at the time of reading: to be refused without a guardian's consent
    )


class Refusal(NamedTuple):
    """Why a message goes to quarantine, and whose it is where that could be read (else None)."""

    reason: Reason
    user_id: str | None = None


def is_control(message: Message) -> bool:
    """Whether Lethe itself appended the record: no profile, no refusal, to be ignored whatever its value."""
    return bool(message.headers) and any(name == HEADER for name, _ in message.headers or ())
