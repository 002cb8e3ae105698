"""The oracle: what the stores must hold after a set of messages and erasures, in plain Python.

It keeps every message and every erasure, and works the answer out from all of them whenever it is asked: there
is no state to update, so the order of feeding, repetition and interruption cannot matter to it. It is slow.

    model = Model(pepper, now=datetime.now(UTC))
    model.feed(message)                               # every record of the topic, in any order
    model.erase(user_id, erased_at_us, ends)          # as the suppression ledger recorded it
    model.rows(), model.users_by_nationality(), model.quarantine(), …
"""

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from lethe.profiles.contract import Message
from tests.model_reading import Reading, ms, read

Ends = Mapping[str, Mapping[str, int]]
Figure = tuple[int, float]  # users, average age


@dataclass
class Erasure:
    """The ledger's entry of a subject: several erasures raise one entry."""

    erased_at_us: int
    ends: dict[tuple[str, str], int] = field(default_factory=dict)

    def covers(self, message: Message) -> bool:
        """Whether the message lies below the end that its topic had at the erasure."""
        return message.offset < self.ends.get((message.topic, str(message.partition)), 0)


class Model:
    """Every message and erasure so far, and what follows from them."""

    def __init__(
        self,
        pepper: bytes,
        now: datetime,
        *,
        minimum_age: int = 16,
        retention: timedelta = timedelta(days=3 * 365),
        policy_versions: Iterable[str] = ("2026-01", "2026-06"),
        purposes: Iterable[str] = ("account", "analytics", "marketing"),
        column_purposes: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        """`now` is when messages are read, where `feed` is not told otherwise.

        `column_purposes`: the purposes of each column that does not serve `account`; it is None in the row of a
        subject who consents to none of them.
        """
        self.pepper, self.now = pepper, now
        self.minimum_age, self.retention = minimum_age, retention
        self.policy_versions, self.purposes = set(policy_versions), set(purposes)
        self.column_purposes = {name: set(served) for name, served in (column_purposes or {}).items()}
        self.readings: dict[tuple[str, int, int], Reading] = {}
        self.erasures: dict[str, Erasure] = {}

    def subject_id(self, user_id: str) -> str:
        """The name of a subject in the stores."""
        return hmac.new(self.pepper, user_id.encode(), hashlib.sha256).hexdigest()

    def feed(self, message: Message, now: datetime | None = None) -> None:
        """Take a record; one that was fed already (same topic, partition, offset) changes nothing."""
        place = (message.topic, message.partition, message.offset)
        if place not in self.readings:
            self.readings[place] = read(message, now or self.now, self.minimum_age, self.retention)

    def feed_all(self, messages: Iterable[Message]) -> None:
        """Take many records."""
        for message in messages:
            self.feed(message)

    def erase(self, user_id: str, erased_at_us: int, ends: Ends) -> None:
        """Take an erasure: its time in µs, and the topics' end offsets then (topic -> partition -> offset)."""
        entry = self.erasures.setdefault(user_id, Erasure(erased_at_us))
        entry.erased_at_us = max(entry.erased_at_us, erased_at_us)
        for topic, partitions in ends.items():
            for partition, end in partitions.items():
                place = (topic, str(partition))
                entry.ends[place] = max(entry.ends.get(place, 0), int(end))

    # What became of each message

    def _is_suppressed(self, reading: Reading) -> bool:
        subjects = {reading.user_id, (reading.message.key or b"").decode("latin-1")}
        entries = [self.erasures[subject] for subject in subjects if subject in self.erasures]
        return any(self._keeps_out(entry, reading) for entry in entries)

    @staticmethod
    def _keeps_out(entry: Erasure, reading: Reading) -> bool:
        if entry.covers(reading.message) or reading.reason is not None:
            return True
        acts = [reading.registered] + [consent["at"] for consent in reading.consents if consent["granted"]]
        came_later = ms(reading.event) * 1000 > entry.erased_at_us
        acted_later = max(ms(act) for act in acts) * 1000 > entry.erased_at_us
        return not (came_later and acted_later)

    def suppressed(self) -> set[str]:
        """Places ("topic:partition:offset") of messages that an erasure keeps out."""
        return {place(reading) for reading in self._taken() if self._is_suppressed(reading)}

    def quarantine(self) -> dict[str, str]:
        """Reason by place; of an erased subject nothing is kept."""
        return {
            place(reading): reading.reason
            for reading in self._taken()
            if reading.reason is not None and not self._is_suppressed(reading)
        }

    def quarantine_by_reason(self) -> dict[str, int]:
        """How many messages were refused for each reason."""
        return dict(Counter(self.quarantine().values()))

    def _taken(self) -> list[Reading]:
        return [reading for reading in self.readings.values() if not reading.ignored]

    # What stands

    def standing(self) -> dict[str, Reading]:
        """The latest accepted profile of each subject, by user_id: greatest (event ms, offset)."""
        latest: dict[str, Reading] = {}
        for reading in self._taken():
            if reading.reason is not None or self._is_suppressed(reading):
                continue
            user_id = str(reading.user_id)
            if user_id not in latest or position(reading) > position(latest[user_id]):
                latest[user_id] = reading
        return latest

    def consents(self, reading: Reading) -> dict[str, str]:
        """Declared purpose -> policy version in force: the latest of a purpose, of equal times a withdrawal."""
        result: dict[str, str] = {}
        for purpose in self.purposes & {consent["purpose"] for consent in reading.consents}:
            of_purpose = [consent for consent in reading.consents if consent["purpose"] == purpose]
            last = max(consent["at"] for consent in of_purpose)
            finals = [consent for consent in of_purpose if consent["at"] == last]
            known = [consent["version"] for consent in finals if consent["version"] in self.policy_versions]
            if all(consent["granted"] for consent in finals) and known:
                result[purpose] = max(known)
        return result

    def rows(self) -> dict[str, dict[str, Any]]:
        """Cassandra's rows by subject_id: the columns that tests compare."""
        return {self.subject_id(user_id): self._row(reading) for user_id, reading in self.standing().items()}

    def _row(self, reading: Reading) -> dict[str, Any]:
        consents = self.consents(reading)
        row = {
            "event_time": reading.event,
            "source_partition": reading.message.partition,
            "source_offset": reading.message.offset,
            "consents": consents,
            "nationality": reading.nationality,
            "gender": reading.gender,
            "city": reading.city,
            "birth_month": f"{reading.born:%Y-%m}".rjust(7, "0"),
            "registered_month": f"{reading.registered:%Y-%m}".rjust(7, "0"),
            "account_age_years": max(0, age_by_month(reading.registered.date(), reading.event.date())),
        }
        for column, purposes in self.column_purposes.items():
            if column in row and purposes.isdisjoint(consents):
                row[column] = None
        return row

    def contributions(self) -> dict[str, dict[str, Any]]:
        """Figures by subject_id of those who consent to analytics, else {} (stored, not counted)."""
        names = ("nationality", "gender", "birth_month", "registered_month")
        result: dict[str, dict[str, Any]] = {}
        for user_id, reading in self.standing().items():
            counted = "analytics" in self.consents(reading)
            figures = Model._row(self, reading)
            result[self.subject_id(user_id)] = {name: figures[name] for name in names} if counted else {}
        return result

    def not_counted(self) -> int:
        """How many subjects are stored without a consent to analytics."""
        return sum(not figures for figures in self.contributions().values())

    # Figures

    def _ages(self, on: date) -> list[tuple[str, int]]:
        return [
            (reading.nationality, age_by_month(reading.born, on))
            for reading in self.standing().values()
            if "analytics" in self.consents(reading)
        ]

    def users_by_nationality(self, on: date | None = None) -> dict[str, Figure]:
        """ISO code -> (users, average age on a day)."""
        ages: dict[str, list[int]] = {}
        for nationality, age in self._ages(on or self.now.date()):
            ages.setdefault(nationality, []).append(age)
        return {nationality: (len(found), sum(found) / len(found)) for nationality, found in ages.items()}

    def average_age(self, on: date | None = None) -> Figure | None:
        """(users, average age on a day) of everybody counted; None where nobody is."""
        ages = [age for _, age in self._ages(on or self.now.date())]
        return (len(ages), sum(ages) / len(ages)) if ages else None


def position(reading: Reading) -> tuple[int, int]:
    """A message's place in its subject's order."""
    return ms(reading.event), reading.message.offset


def place(reading: Reading) -> str:
    """Where a message lies, as quarantine names it."""
    return f"{reading.message.topic}:{reading.message.partition}:{reading.message.offset}"


def age_by_month(start: date, on: date) -> int:
    """Whole years from the first day of start's month to a day."""
    months = (on.year * 12 + on.month) - (start.year * 12 + start.month)
    return months // 12
