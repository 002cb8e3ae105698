"""How far an erasure has come: L1 to L4, each with its evidence or with what it waits for. Functions of facts alone."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from lethe.register.durations import longest, spoken
from lethe.register.model import Register
from lethe.register.terms import System
from lethe.requests.certificate import plan
from lethe.requests.certificate.facts import BytesFacts, Facts, Progress, TopicFacts
from lethe.requests.certificate.model import BytesOf, Level, State
from lethe.requests.certificate.plan import Treatment
from lethe.settings import TopicSettings

WHAT: Final = {
    "L1": "Cannot be queried: no store that was asked finds the person",
    "L2": "Key destroyed: with the keys as they are now nobody can read what was encrypted under the person's own "
    "key, in whatever copy of the stores",
    "L3": "Older keys dead: no copy of the keys from before the erasure can be opened any more, not from a backup "
    "either",
    "L4": "Bytes gone: the stores' own files hold nothing of the person any more",
}
_WAITS: Final = {
    System.KAFKA: "the topics to be compacted, or their retention to pass, the tombstones' own too",
    System.CASSANDRA: "its files to be rewritten without the deleted rows, the commit log to turn over, and snapshots "
    "to go",
    System.MONGODB: "freed pages and the log of operations to be written over",
}


def gone_from_topic(at: datetime, topics: TopicSettings) -> datetime:
    """When what stood in a topic at a moment, and was sent by a clock as fast as may be, is gone at the latest."""
    return at + timedelta(
        milliseconds=topics.retention_ms + topics.segment_ms + topics.check_ms + topics.timestamp_after_max_ms
    )


def backups_gone(at: datetime, register: Register) -> datetime:
    """When every copy made until then must be gone, by the longest reading of the register's `backups.kept_for`."""
    return at + longest(register.backups.kept_for)


def levels(facts: Facts, register: Register, topics: TopicSettings, now: datetime) -> tuple[Level, ...]:
    """All four of a verified erasure. Raises ValueError where it is not verified: `conditions` tells before."""
    verified_at = facts.case.verified_at
    if verified_at is None:
        raise ValueError("levels of an erasure that is not verified")
    checks = sorted({store.check_after for store in facts.stores})
    first = Level(
        level="L1",
        what=WHAT["L1"],
        state=State.REACHED,
        at=verified_at,
        evidence=f"Asked again after the erasure, {len(facts.stores)} stores held nothing; by {', '.join(checks)}",
    )
    second = Level(
        level="L2",
        what=WHAT["L2"],
        state=State.REACHED,
        at=verified_at,
        evidence=f"The state of the keys of epoch {facts.key.epoch} gives no key, as was tried",
    )
    third = Level(
        level="L3",
        what=WHAT["L3"],
        state=State.PENDING,
        earliest=facts.key.older_destroyed_at,
        latest=backups_gone(facts.key.older_destroyed_at, register),
        waits_for=f"backups of the keys to be replaced: they are kept for {spoken(register.backups.kept_for)}",
    )
    pending = (first, second, third, _bytes(facts, register, topics, verified_at))
    return advanced(pending, facts.progress, now)


def _bytes(facts: Facts, register: Register, topics: TopicSettings, verified_at: datetime) -> Level:
    names = plan.stores(register, Treatment.ERASED, Treatment.TOMBSTONED)
    systems = dict.fromkeys(plan.system_of(name) for name in names)
    parts = [
        _topics(facts.topics, topics)
        if system is System.KAFKA
        else BytesOf(system=system, state=State.PENDING, earliest=verified_at, waits_for=_WAITS[system])
        for system in systems
    ]
    return _whole(
        Level(level="L4", what=WHAT["L4"], state=State.PENDING, waits_for="all of its parts"), parts
    )


def _topics(told: Sequence[TopicFacts], topics: TopicSettings) -> BytesOf:
    """Nothing goes before its segment is closed; what is not compacted goes with its retention."""
    last = max(topic.tombstoned_at for topic in told)
    closed = timedelta(milliseconds=min(topics.segment_ms, topics.retention_ms))
    return BytesOf(
        system=System.KAFKA,
        state=State.PENDING,
        earliest=last + closed,
        latest=gone_from_topic(last, topics),
        waits_for=_WAITS[System.KAFKA],
    )


def _whole(level: Level, parts: Sequence[BytesOf]) -> Level:
    """A level of these parts: reached with the last of them, pending as long as the slowest is."""
    left = [part for part in parts if part.state is State.PENDING]
    if left:
        latest = [part.latest for part in left]
        return level.model_copy(
            update={
                "parts": tuple(parts),
                "earliest": max(part.earliest for part in left if part.earliest is not None),
                "latest": None if None in latest else max(at for at in latest if at is not None),
            }
        )
    at = max(part.at for part in parts if part.at is not None)
    return _reached(level, at, "All of its parts are reached").model_copy(update={"parts": tuple(parts)})


def _reached(level: Level, at: datetime, evidence: str) -> Level:
    return Level(level=level.level, what=level.what, state=State.REACHED, at=at, evidence=evidence)


def advanced(held: Iterable[Level], progress: Progress, now: datetime) -> tuple[Level, ...]:
    """The levels with what has been reached since; one that is reached stays as it is, whatever is told later."""
    return tuple(
        level
        if level.state is State.REACHED
        else _third(level, progress, now)
        if level.level == "L3"
        else _fourth(level, progress)
        for level in held
    )


def _third(level: Level, progress: Progress, now: datetime) -> Level:
    """By sight of the backups, or by the time that the register gives them."""
    if (seen := progress.older_replaced_at) is not None and seen <= now:
        return _reached(
            level, seen, "Every backup of an older state of the keys, or of its own key, is replaced"
        )
    if level.latest is not None and level.latest <= now:
        return _reached(level, level.latest, "The time is over for which the register lets backups live")
    return level


def _fourth(level: Level, progress: Progress) -> Level:
    parts = [
        _gone(part, progress.bytes_gone[part.system])
        if part.state is State.PENDING and part.system in progress.bytes_gone
        else _due(part, progress.next_purge_at)
        for part in level.parts
    ]
    return _whole(level, parts)


def _gone(part: BytesOf, gone: BytesFacts) -> BytesOf:
    return BytesOf(
        system=part.system,
        state=State.REACHED,
        at=gone.gone_at,
        evidence=f"The check {gone.check} found nothing in its files",
    )


def _due(part: BytesOf, next_purge_at: datetime | None) -> BytesOf:
    """Files are cleaned when the next purge runs; a topic is by its own settings."""
    if part.state is State.REACHED or part.system is System.KAFKA or next_purge_at is None:
        return part
    return part.model_copy(update={"earliest": next_purge_at})
