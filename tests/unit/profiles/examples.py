"""Messages for the tests of lethe.profiles: a valid one, and changes to it."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, settings

from lethe.profiles.contract import CONSENTS_TOPIC, PROFILES_TOPIC, Message
from lethe.profiles.rules import Rules

# On a machine that does other things too: no deadline an example, and nothing left on disk.
CALM = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
ALICE, BOB = "3fa85f64-5717-4562-b3fc-2c963f66afa6", "9b2d1c1e-0d7f-4b57-8f4c-0a4d0f6c2e11"
KNOWN_PATHS = frozenset(
    {"gender", "email", "nat", "event_time", "name.title", "name.first", "name.last", "login.uuid"}
    | {"login.username", "location.city", "location.street.name", "location.postcode", "dob.date"}
    | {"registered.date", "consents.purpose", "consents.granted", "consents.at", "consents.policy_version"}
)
RULES = Rules(
    minimum_age=16,
    purposes=frozenset({"account", "analytics", "marketing"}),
    policy_versions=frozenset({"2026-01", "2026-06"}),
    retention_days=1095,
    known_paths=KNOWN_PATHS,
)


def consent(granted: Any = True, at: Any = "2026-10-01T00:00:00Z", **changes: Any) -> dict[str, Any]:
    return {"purpose": "analytics", "granted": granted, "at": at, "policy_version": "2026-06", **changes}


def document(**changes: Any) -> dict[str, Any]:
    """A valid document; a change to ... leaves the field out."""
    whole: dict[str, Any] = {
        "gender": "female",
        "name": {"title": "Ms", "first": "Zoé", "last": "Ångström"},
        "location": {"street": {"number": 7, "name": "Kade"}, "city": "Delft", "postcode": 2611},
        "email": "Zoe@Example.ORG",
        "login": {"uuid": ALICE, "username": "zoe"},
        "dob": {"date": "1990-05-17T23:30:00.000+05:00", "age": 36},
        "registered": {"date": "2015-03-02T08:00:00.000Z", "age": 11},
        "phone": "(272) 790-0888",
        "cell": "+31 6 1234 5678",
        "nat": "NL",
        "consents": [consent()],
        "event_time": "2026-11-24T10:00:00.123Z",
    }
    return {name: value for name, value in (whole | changes).items() if value is not ...}


def message(body: Any = None, key: str | bytes | None = ALICE, **changes: Any) -> Message:
    """A record of a document (or of bytes as they are) under a key."""
    value = body if isinstance(body, bytes) else json.dumps(document() if body is None else body).encode()
    fields: dict[str, Any] = {"partition": 1, "offset": 7, "timestamp_ms": NOW_MS - 1000, **changes}
    key_bytes = key.encode() if isinstance(key, str) else key
    return Message(PROFILES_TOPIC, key=key_bytes, value=fields.pop("value", value), **fields)


def consent_message(body: Any = None, key: str | bytes | None = ALICE, **changes: Any) -> Message:
    """A record of `user_consents`: by default Alice's grant."""
    whole = {"user_id": ALICE, **consent()} if body is None else body
    return message(whole, key, **changes)._replace(topic=CONSENTS_TOPIC)
