"""The oracle: what the stores must hold after a set of messages and erasures, in plain Python.

It keeps every message and every erasure, and works the answer out from all of them whenever it is asked: there
is no state to update, so the order of feeding, repetition and interruption cannot matter to it. It is slow.

    model = Model(pepper, now=datetime.now(UTC))
    model.feed(message)                               # every record of both topics, in any order
    model.feed(message, now, round=2)                 # where it matters what was processed before what
    model.erase(user_id, erased_at_us, ends)          # as the suppression ledger recorded it
    model.rows(), model.users_by_nationality(), model.quarantine(), …
"""

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from lethe.profiles.contract import Message
from tests.model_reading import Reading, ms, read
from tests.model_subject import Declared, Erasure, Position, Subject, place

Ends = Mapping[str, Mapping[str, int]]
Figure = tuple[int, float]  # users, average age


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

        `column_purposes`: the purposes of each column that does not serve `account`; it is None in a row for which
        none of them has been in force ever since its profile was processed.
        """
        self.pepper, self.now = pepper, now
        self.minimum_age, self.retention = minimum_age, retention
        columns = {name: set(served) for name, served in (column_purposes or {}).items()}
        self.declared = Declared(set(purposes), set(policy_versions), columns)
        self.readings: dict[tuple[str, int, int], Reading] = {}
        self.erasures: dict[str, Erasure] = {}
        self._walked: tuple[object, dict[str, Subject]] = (None, {})

    def subject_id(self, user_id: str) -> str:
        """The name of a subject in the stores."""
        return hmac.new(self.pepper, user_id.encode(), hashlib.sha256).hexdigest()

    def feed(self, message: Message, now: datetime | None = None, round: int = 0) -> None:  # noqa: A002
        """Take a record; one that was fed already (same topic, partition, offset) changes nothing.

        Messages of an earlier round were processed before those of a later one; within a round all consent
        messages before all profiles, and these in the order of each partition. It matters where a result depends
        on the moment: whether a child's profile is accepted, and a person's return; and what columns that stand
        by consent alone a row has.
        """
        place = (message.topic, message.partition, message.offset)
        if place not in self.readings:
            reading = read(message, now or self.now, self.minimum_age, self.retention, self.declared.purposes)
            reading.round = round
            self.readings[place] = reading

    def feed_all(self, messages: Iterable[Message], round: int = 0) -> None:  # noqa: A002
        """Take many records."""
        for message in messages:
            self.feed(message, round=round)

    def erase(self, user_id: str, erased_at_us: int, ends: Ends) -> None:
        """Take an erasure: its time in µs, and the topics' end offsets then (topic -> partition -> offset)."""
        entry = self.erasures.setdefault(user_id, Erasure(erased_at_us))
        entry.erased_at_us = max(entry.erased_at_us, erased_at_us)
        for topic, partitions in ends.items():
            for partition, end in partitions.items():
                place = (topic, str(partition))
                entry.ends[place] = max(entry.ends.get(place, 0), int(end))

    # What became of each message

    def subjects(self) -> dict[str, Subject]:
        """Everybody of whom there is a valid message, by user_id, after all their messages."""
        known = (len(self.readings), str(self.erasures))
        if self._walked[0] != known:
            valid: dict[str, list[Reading]] = {}
            for reading in self._taken():
                if reading.reason is None:
                    valid.setdefault(str(reading.user_id), []).append(reading)
            walked = {
                user_id: Subject(self.declared, self.erasures.get(user_id)).walk(readings)
                for user_id, readings in valid.items()
            }
            self._walked = (known, walked)
        return self._walked[1]

    def _refused(self) -> dict[str, tuple[str, bool]]:
        """By place, the reason of each message that is refused by what it says alone, and whether it is suppressed."""
        result = {}
        for reading in self._taken():
            if reading.reason is not None:
                subjects = {reading.user_id, (reading.message.key or b"").decode("latin-1")}
                result[place(reading)] = (reading.reason, not subjects.isdisjoint(self.erasures))
        return result

    def suppressed(self) -> set[str]:
        """Places ("topic:partition:offset") of messages that an erasure keeps out."""
        refused = {name for name, (_, suppressed) in self._refused().items() if suppressed}
        return refused.union(*(subject.suppressed for subject in self.subjects().values()))

    def quarantine(self) -> dict[str, str]:
        """Reason by place; of an erased subject nothing is kept."""
        kept = {name: reason for name, (reason, suppressed) in self._refused().items() if not suppressed}
        for subject in self.subjects().values():
            kept |= subject.refused
        return kept

    def quarantine_by_reason(self) -> dict[str, int]:
        """How many messages were refused for each reason."""
        return dict(Counter(self.quarantine().values()))

    def _taken(self) -> list[Reading]:
        return [reading for reading in self.readings.values() if not reading.ignored]

    # What stands

    def standing(self) -> dict[str, Reading]:
        """The latest accepted profile of each subject whose row has not ended, by user_id."""
        return {
            user_id: subject.standing
            for user_id, subject in self.subjects().items()
            if subject.standing is not None
        }

    def ended(self) -> dict[str, Position]:
        """By subject_id of those whose row has ended: (event ms, offset) below which no profile brings it back."""
        return {
            self.subject_id(user_id): subject.last
            for user_id, subject in self.subjects().items()
            if subject.standing is None and subject.last is not None
        }

    def consent_states(self) -> dict[str, dict[str, list[Any]]]:
        """By subject_id: purpose -> [granted, at (ms), policy version, by a guardian], of who has said anything."""
        return {
            self.subject_id(user_id): {
                purpose: [event["granted"], ms(event["at"]), event["version"], event["by_guardian"]]
                for purpose, event in state.items()
            }
            for user_id, subject in self.subjects().items()
            if (state := subject.state())
        }

    def lost_columns(self) -> dict[str, set[str]]:
        """By subject_id: which of the columns that stand by consent alone a row does not have."""
        return {self.subject_id(user_id): self.subjects()[user_id].lost for user_id in self.standing()}

    def consents(self, user_id: str) -> dict[str, str]:
        """Declared purpose -> policy version in force."""
        return {name: event["version"] for name, event in self.subjects()[user_id].in_force().items()}

    def rows(self) -> dict[str, dict[str, Any]]:
        """Cassandra's rows by subject_id: the columns that tests compare."""
        return {
            self.subject_id(user_id): self._row(user_id, reading)
            for user_id, reading in self.standing().items()
        }

    def _row(self, user_id: str, reading: Reading) -> dict[str, Any]:
        row = {
            "event_time": reading.event,
            "source_partition": reading.message.partition,
            "source_offset": reading.message.offset,
            "consents": self.consents(user_id),
            "nationality": reading.nationality,
            "gender": reading.gender,
            "city": reading.city,
            "birth_month": f"{reading.born:%Y-%m}".rjust(7, "0"),
            "registered_month": f"{reading.registered:%Y-%m}".rjust(7, "0"),
            "account_age_years": max(0, age_by_month(reading.registered.date(), reading.event.date())),
        }
        return row | dict.fromkeys(self.subjects()[user_id].lost & row.keys())

    def contributions(self) -> dict[str, dict[str, Any]]:
        """Figures by subject_id of those who consent to analytics, else {} (stored, not counted)."""
        names = ("nationality", "gender", "birth_month", "registered_month")
        result: dict[str, dict[str, Any]] = {}
        for user_id, reading in self.standing().items():
            counted = "analytics" in self.consents(user_id)
            figures = self._row(user_id, reading)
            result[self.subject_id(user_id)] = {name: figures[name] for name in names} if counted else {}
        return result

    def not_counted(self) -> int:
        """How many subjects are stored without a consent to analytics."""
        return sum(not figures for figures in self.contributions().values())

    # Figures

    def _ages(self, on: date) -> list[tuple[str, int]]:
        return [
            (reading.nationality, age_by_month(reading.born, on))
            for user_id, reading in self.standing().items()
            if "analytics" in self.consents(user_id)
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


def age_by_month(start: date, on: date) -> int:
    """Whole years from the first day of start's month to a day."""
    months = (on.year * 12 + on.month) - (start.year * 12 + start.month)
    return months // 12
