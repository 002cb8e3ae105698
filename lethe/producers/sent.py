"""One message of a simulation, and what it is meant to be."""

from enum import StrEnum
from typing import NamedTuple

from lethe.producers.consents import Choice
from lethe.profiles.contract import PROFILES_TOPIC
from lethe.profiles.reasons import Reason


class Kind(StrEnum):
    """What a message is to those of the same person before it."""

    FIRST = "first"
    UPDATED = "updated"
    MOVED = "moved"  # to another country, and its nationality
    CONSENT = "consent"  # analytics withdrawn, or granted
    REPEATED = "repeated"  # an earlier message, byte for byte
    LATE = "late"  # sent after a message with a later event time
    EQUAL_TIME = "equal_time"  # another message with the same event time: the one sent last stands
    CONSENT_ALONE = "consent_alone"  # on user_consents
    CHILD = "child"  # the first profile of a child, with a guardian's consent
    CHILD_ENDED = (
        "child_ended"  # its next, where the guardian withdraws: refused, and nothing of the child's stands
    )
    FAULTY = "faulty"


WITH_CONSENTS_ALONE = frozenset({Kind.CONSENT_ALONE, Kind.CHILD, Kind.CHILD_ENDED})
"""Kinds that a simulation has only where consents change alone."""


class Facts(NamedTuple):
    """What a valid profile says of its subject, as far as figures go."""

    user_id: str
    event_ms: int  # Unix ms
    nationality: str
    birth_month: str  # YYYY-MM


class Sent(NamedTuple):
    """One message, and what it is meant to be: a subject's facts, a consent, or refused for a reason."""

    key: bytes
    value: bytes | None
    kind: Kind
    facts: Facts | None = None
    reason: Reason | None = None
    unknown_fields: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()  # that it tells of
    topic: str = PROFILES_TOPIC
    ends_ms: int | None = None  # event time of a refused profile that ends what stands of its person
