"""Topics in memory: what a simulation sent, as the records that a broker would make of it."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from zlib import crc32

from lethe.producers.sent import Sent
from lethe.profiles.contract import Message
from lethe.profiles.rules import Rules
from lethe.register.load import current

PARTITIONS = 4
NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
RULES = Rules.from_register(current())


def records(sent: Iterable[Sent], timestamp_ms: int = NOW_MS) -> list[Message]:
    """Each key in a partition of its own choice, offsets counted up from 0 in each of each topic."""
    offsets: Counter[tuple[str, int]] = Counter()
    result = []
    for message in sent:
        place = (message.topic, crc32(message.key) % PARTITIONS)
        result.append(Message(*place, offsets[place], timestamp_ms, message.key, message.value))
        offsets[place] += 1
    return result
