"""The message contract of `user_profiles`, as plain types: what comes in, and what a reading of it gives.

One implementation of the rules serves the stream, `lethe load` and quarantine replays: they call
`parsing.parse`, `validation.validate` and `enrichment.enrich` for each message.
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


class Refusal(NamedTuple):
    """Why a message goes to quarantine, and whose it is where that could be read (else None)."""

    reason: Reason
    user_id: str | None = None


def is_control(message: Message) -> bool:
    """Whether Lethe itself appended the record: no profile, no refusal, to be ignored whatever its value."""
    return bool(message.headers) and any(name == HEADER for name, _ in message.headers or ())
