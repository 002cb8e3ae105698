"""How the model walks through one subject's messages: round by round, and looking at everything said so far each time.

A round is what the stream takes at once. Its consent messages come first, then its profiles, each one after the other
in the order of the partition. What was said stays said: the state is worked out from all of it anew
whenever it is needed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.model_reading import CONSENTS_TOPIC, Reading, ms

Event = dict[str, Any]
Position = tuple[int, int]


@dataclass
class Erasure:
    """The ledger's entry of a subject: several erasures raise one entry."""

    erased_at_us: int
    ends: dict[tuple[str, str], int] = field(default_factory=dict)

    def covers(self, reading: Reading) -> bool:
        """Whether the message lies below the end that its topic had at the erasure."""
        message = reading.message
        return message.offset < self.ends.get((message.topic, str(message.partition)), 0)


@dataclass(frozen=True)
class Declared:
    """What the register says, as far as it matters here."""

    purposes: set[str]
    policy_versions: set[str]
    column_purposes: Mapping[str, set[str]]  # of the columns that stand by consent alone


def place(reading: Reading) -> str:
    """Where a message lies, as quarantine names it."""
    return f"{reading.message.topic}:{reading.message.partition}:{reading.message.offset}"


def position(reading: Reading) -> Position:
    """A profile's place in its subject's order."""
    return ms(reading.event), reading.message.offset


class Subject:
    """One person's messages, valid ones, and what has become of them."""

    def __init__(self, declared: Declared, erasure: Erasure | None) -> None:
        self.declared, self.erasure = declared, erasure
        self.said: list[Event] = []  # every event accepted
        self.standing: Reading | None = None
        self.last: Position | None = None  # of what stands, or of what ended it
        self.minor = False  # what stands was under age when it was processed
        self.lost: set[str] = set()  # columns that what stands does not have, or has no longer
        self.refused: dict[str, str] = {}  # reason by place
        self.suppressed: set[str] = set()  # places

    def walk(self, readings: Iterable[Reading]) -> "Subject":
        """Go through all of them."""
        by_round: dict[int, list[Reading]] = {}
        for reading in readings:
            by_round.setdefault(reading.round, []).append(reading)
        for number in sorted(by_round):
            in_order = sorted(
                by_round[number], key=lambda each: (each.message.partition, each.message.offset)
            )
            for reading in in_order:
                if reading.message.topic == CONSENTS_TOPIC:
                    self._consent(reading)
                    self._look()
            for reading in in_order:
                if reading.message.topic != CONSENTS_TOPIC:
                    self._profile(reading)
                    self._look()
        return self

    # What the subject has said

    def state(self) -> dict[str, Event]:
        """The event that counts for each declared purpose, of everything said."""
        everything = [event for event in self.said if event["purpose"] in self.declared.purposes]
        return {
            purpose: self._last([event for event in everything if event["purpose"] == purpose])
            for purpose in {event["purpose"] for event in everything}
        }

    def _last(self, events: list[Event]) -> Event:
        latest = max(event["at"] for event in events)
        left = [event for event in events if event["at"] == latest]
        left = [event for event in left if not event["granted"]] or left
        left = [event for event in left if event["version"] in self.declared.policy_versions] or left
        greatest = max(event["version"] for event in left)
        left = [event for event in left if event["version"] == greatest]
        return next((event for event in left if event["by_guardian"]), left[0])

    def in_force(self) -> dict[str, Event]:
        """The grants among them, of versions that are known."""
        known = self.declared.policy_versions
        return {
            purpose: event
            for purpose, event in self.state().items()
            if event["granted"] and event["version"] in known
        }

    def _holds_grant(self, purpose: str) -> bool:
        held = self.state().get(purpose)
        return held is not None and bool(held["granted"])

    def _has_guardian(self) -> bool:
        return any(event["by_guardian"] for event in self.in_force().values())

    # One message after the other

    def _consent(self, reading: Reading) -> None:
        (event,) = reading.consents
        if self.erasure is not None and (
            self.erasure.covers(reading)
            or ms(event["at"]) * 1000 <= self.erasure.erased_at_us
            or not (event["granted"] or self._holds_grant(event["purpose"]))
        ):
            self.suppressed.add(place(reading))
        else:
            self.said.append(event)

    def _profile(self, reading: Reading) -> None:
        if self.erasure is not None and self._keeps_out(self.erasure, reading):
            self.suppressed.add(place(reading))
            return
        self.said.extend(reading.consents)
        if self.last is not None and position(reading) <= self.last:
            return
        if not reading.under_age or self._has_guardian():
            self.standing, self.last, self.minor = reading, position(reading), reading.under_age
            self.lost = set()
            return
        if self.erasure is None:
            self.refused[place(reading)] = "under_age"
        else:
            self.suppressed.add(place(reading))
        if self.last is not None:
            self.standing, self.last = None, position(reading)

    def _keeps_out(self, entry: Erasure, reading: Reading) -> bool:
        acts = [reading.registered]
        acts += [event["at"] for event in [*reading.consents, *self.state().values()] if event["granted"]]
        came_later = ms(reading.event) * 1000 > entry.erased_at_us
        acted_later = max(ms(act) for act in acts) * 1000 > entry.erased_at_us
        return entry.covers(reading) or not (came_later and acted_later)

    def _look(self) -> None:
        """See what no longer stands."""
        if self.standing is None:
            return
        if self.minor and not self._has_guardian():
            self.standing = None
            return
        standing = self.in_force().keys()
        self.lost |= {
            column
            for column, purposes in self.declared.column_purposes.items()
            if purposes.isdisjoint(standing)
        }
