"""What the tests of the stream send: made-up people, and single profiles with what a test wants to be in them."""

import json
import os
import random
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from lethe.producers.simulation import Simulation
from lethe.profiles.rules import Rules
from lethe.register.load import current
from tests.unit.profiles.examples import document

LONG = os.environ.get("LETHE_TEST_LENGTH") == "long"

Bytes = tuple[bytes, bytes | None]


def simulated(people: int, seed: int = 1, **changes: Any) -> Simulation:
    """Messages about so many people; another seed, other people."""
    return Simulation(people, datetime.now(UTC), Rules.from_register(current()), seed=seed, **changes)


def bytes_of(simulation: Simulation) -> list[Bytes]:
    """Keys and values, in sending order."""
    return [(sent.key, sent.value) for sent in simulation]


def profile(user_id: str | None = None, hours_ago: float = 1.0, **changes: Any) -> dict[str, Any]:
    """A valid profile of a person, by default of a new one."""
    at = datetime.now(UTC) - timedelta(hours=hours_ago)
    login = {"uuid": user_id or str(uuid.uuid4()), "username": "x"}
    return document(**({"login": login, "event_time": text_of(at)} | changes))


def text_of(at: datetime) -> str:
    """RFC 3339, in milliseconds."""
    return at.isoformat(timespec="milliseconds")


def sendable(body: dict[str, Any]) -> Bytes:
    """A profile under its person's key."""
    return body["login"]["uuid"].encode(), json.dumps(body, ensure_ascii=False).encode()


def padded(length: int) -> Bytes:
    """A valid profile whose message has exactly this many bytes."""
    body = profile(location={"state": "x"})
    lacking = length - len(sendable(body)[1] or b"")
    return sendable(body | {"location": {"state": "x" * (lacking + 1)}})


def shuffled(messages: Iterable[Bytes], seed: int) -> list[Bytes]:
    """Another order, the same for the same seed."""
    whole = list(messages)
    random.Random(seed).shuffle(whole)
    return whole
