"""Steps 5 to 7: remove a subject from each store. Each may be repeated, and changes nothing the second time."""

from datetime import UTC, datetime
from typing import Any

from cassandra.cluster import Session

from lethe.register.load import current
from lethe.requests import names, unattributed
from lethe.requests.in_flight import settled_at
from lethe.requests.locate import CONTRIBUTIONS, QUARANTINE
from lethe.requests.record import Erasure
from lethe.settings import TopicSettings
from lethe.stores import cassandra, contributions, kafka


def erase_cassandra(erasure: Erasure, session: Session) -> None:
    """Delete profile and consents as of the time of the erasure: also what arrives late, written before, is gone."""
    with erasure.step("erase_cassandra"):
        cassandra.delete_subject(session, erasure.subject_id, settled_at(erasure))


def erase_mongodb(erasure: Erasure) -> dict[str, int]:
    """Remove the contribution, its share in the aggregates, and what quarantine tells of the subject.

    The record tells until when quarantine may hold of the subject what no message there tells to be theirs. Returns how
    many documents this attempt removed, by store.
    """
    with erasure.step("erase_mongodb"):
        until = unattributed.gone_by(datetime.now(UTC), current(), TopicSettings())
        erasure.set(**{"steps.erase_mongodb.unattributed_until": until})
        held = [
            contributions.erase(erasure.client, erasure.db, contribution_id, settled_at(erasure))
            for contribution_id in names.of(erasure).contribution_ids
        ]
        quarantined = erasure.db.quarantine.delete_many({"subject_ids": erasure.subject_id}).deleted_count
    return {CONTRIBUTIONS: len(held) - held.count(None), QUARANTINE: quarantined}


def tombstone_kafka(erasure: Erasure, config: dict[str, Any], user_id: str) -> dict[str, str]:
    """Append a tombstone to each topic, so that compaction removes what was said before.

    `config` is librdkafka's; `user_id` is the canonical one: the only step that needs it. Returns
    "partition:offset" by topic.
    """
    with erasure.step("tombstone_kafka"):
        placed = kafka.tombstone(config, user_id)
        erasure.set(**{"steps.tombstone_kafka.placed": placed})
    return placed
