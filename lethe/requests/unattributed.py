"""Refused messages that name nobody, such as what is no JSON under no key: no erasure finds a subject's among them.

What they say is under the key of the day on which they were refused, and ends with it.
"""

from datetime import datetime, timedelta

from lethe.register.model import Register
from lethe.requests.locate import QUARANTINE
from lethe.settings import TopicSettings


def gone_by(now: datetime, register: Register, topics: TopicSettings) -> datetime | None:
    """When the last of what anybody sent until now is gone from quarantine; None where the register tells no period.

    As long as the topic holds a message the stream may still refuse it, or do so again from a new checkpoint; from then
    on the retention of quarantine counts.
    """
    period = register.retentions[register.stores[QUARANTINE].retention].shortest
    if period is None:
        return None
    ahead_ms = topics.timestamp_after_max_ms
    in_topic_ms = topics.retention_ms + topics.segment_ms + topics.check_ms + ahead_ms
    return now + timedelta(milliseconds=in_topic_ms) + period
