"""Consent messages that must be refused: for every reason that there is on `user_consents`, ways to earn it."""

import orjson

from lethe.producers.consents import ANALYTICS, consent
from lethe.producers.faults import OF_BYTES, Broken, Draw
from lethe.producers.people import user_id
from lethe.profiles.contract import MAX_MESSAGE_BYTES, MAX_POLICY_VERSION, Document
from lethe.profiles.reasons import Reason
from lethe.profiles.times import DAY_MS

_CHANGES: dict[Reason, tuple[Document, ...]] = {
    Reason.TOO_LARGE: ({"policy_version": "x" * MAX_MESSAGE_BYTES},),
    Reason.BAD_LOGIN_UUID: ({"user_id": None}, {"user_id": "someone"}, {"user_id": 7}),
    Reason.BAD_CONSENTS: (
        {"granted": "yes"},
        {"at": "2026-01-15"},
        {"purpose": None},
        {"policy_version": None},
        {"policy_version": "x" * (MAX_POLICY_VERSION + 1)},
        {"by_guardian": 1},
    ),
    Reason.UNKNOWN_PURPOSE: ({"purpose": "profiling"}, {"purpose": ""}),
}

REASONS = frozenset({*_CHANGES, Reason.NOT_JSON, Reason.NOT_AN_OBJECT, Reason.KEY_MISMATCH})


def broken_consent(reason: Reason, person: str, draw: Draw) -> Broken:
    """A grant of a person (a user id) made into a message that is refused for the reason, one of REASONS."""
    random, key = draw.random, person.encode()
    at_ms = draw.now_ms - int((1 + random.random() * 300) * DAY_MS)
    version = random.choice(sorted(draw.rules.policy_versions))
    document: Document = {"user_id": person, **consent(ANALYTICS, True, at_ms, version)}
    if reason in OF_BYTES:
        return Broken(reason, key, random.choice(OF_BYTES[reason])(orjson.dumps(document)), None)
    if reason is Reason.KEY_MISMATCH:
        key = user_id(f"{random.getrandbits(128):032x}").encode()
    else:
        document |= random.choice(_CHANGES[reason])
    return Broken(reason, key, orjson.dumps(document), None)
