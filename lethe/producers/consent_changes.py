"""People whose consents change alone, on `user_consents`; and children, whose guardians consent for them.

What they come to does not depend on which topic the stream is quicker with: a child's profile tells of a guardian's
consent itself, and what comes alone for a child leaves one in force.
"""

from collections.abc import Iterable
from random import Random

import orjson

from lethe.producers.consents import (
    ANALYTICS,
    MARKETING,
    UNKNOWN_VERSION,
    Choice,
    Consents,
    allows,
    consent,
)
from lethe.producers.people import rfc3339
from lethe.producers.sent import Kind, Sent
from lethe.profiles.contract import CONSENTS_TOPIC, Document
from lethe.profiles.rules import Rules
from lethe.profiles.times import DAY_MS

CHILDREN = 0.2  # of the people here
CHILDREN_WHO_END = 0.3  # of the children
_MOST = 3  # messages alone, a person
_WITH_UNKNOWN_FIELD = 0.05  # of messages
# What a message alone does, in hundredths: "turned" changes who is counted, all others as it happens.
_WAYS = ("turned", "stale", "unknown wording", "marketing", "repeated")
_HUNDREDTHS = (50, 15, 10, 15, 10)
_DRAWN = tuple(way for way, share in zip(_WAYS, _HUNDREDTHS, strict=True) for _ in range(share))


class ConsentChanges:
    """Makes consent messages up, and what makes a child of a person."""

    def __init__(self, random: Random, now_ms: int, rules: Rules) -> None:
        """`now_ms`: the time that ages and times count to."""
        self._random, self._now_ms, self._rules = random, now_ms, rules
        self._versions = sorted(rules.policy_versions)

    def alone(self, user_id: str, choices: Iterable[Choice], guardian: bool = False) -> list[Sent]:
        """Messages of a person who has made these choices; a child's are all a guardian's, and about analytics."""
        held, sent = list(choices), list[Sent]()
        for _ in range(1 + int(self._random.random() * _MOST)):
            way = "turned" if guardian else _DRAWN[int(self._random.random() * len(_DRAWN))]
            if way == "repeated" and sent:
                sent.append(self._random.choice(sent)._replace(kind=Kind.REPEATED))
                continue
            purpose, choice, version = self._choice(way, held)
            entry = consent(purpose, not choice.withdrawn, choice.at_ms, version)
            told = (choice,) if purpose == ANALYTICS else ()
            held.extend(told)
            sent.append(self._message({"user_id": user_id, **entry}, told, guardian))
        return sent

    def _choice(self, way: str, held: list[Choice]) -> tuple[str, Choice, str | None]:
        """Purpose, choice and policy version of the next message."""
        draw = self._random.random
        newest = max(held).at_ms if held else self._now_ms - DAY_MS
        later = newest + 1 + int(draw() * (self._now_ms - newest - 1))
        version = self._versions[int(draw() * len(self._versions))]
        if way == "stale":
            return ANALYTICS, Choice(self._now_ms - int((400 + draw() * 99) * DAY_MS), draw() < 0.5), version
        if way == "unknown wording":
            return ANALYTICS, Choice(later, False, False), UNKNOWN_VERSION
        if way == "marketing":
            return MARKETING, Choice(later, draw() < 0.5), version
        withdrawn = allows(held)
        return ANALYTICS, Choice(later, withdrawn), None if withdrawn and draw() < 0.5 else version

    def _message(self, document: Document, choices: tuple[Choice, ...], guardian: bool) -> Sent:
        unknown: tuple[str, ...] = ()
        if guardian:
            document["by_guardian"] = True
        if self._random.random() < _WITH_UNKNOWN_FIELD:
            document["channel"], unknown = "app", ("channel",)
        key = str(document["user_id"]).encode()
        value = orjson.dumps(document)
        return Sent(key, value, Kind.CONSENT_ALONE, None, None, unknown, choices, CONSENTS_TOPIC)

    def childhood(self) -> tuple[Document, tuple[Choice, ...]]:
        """What to change in a person's profile to make it a child's with a guardian's consent; and the choices.

        The child stays one for a year at least, however late the message is read.
        """
        draw = self._random.random
        youngest = (self._rules.minimum_age - 2) * 365
        born = self._now_ms - int((400 + draw() * (youngest - 400)) * DAY_MS)
        registered = self._now_ms - int((60 + draw() * 30) * DAY_MS)
        at = registered + int(draw() * 10 * DAY_MS)
        version = self._versions[int(draw() * len(self._versions))]
        given: Consents = [_guardians(MARKETING, True, at, version)]
        choices: tuple[Choice, ...] = ()
        if draw() < 0.7:
            given.append(_guardians(ANALYTICS, True, at, version))
            choices = (Choice(at, False),)
        changes: Document = {
            "dob": {"date": rfc3339(born)},
            "registered": {"date": rfc3339(registered)},
            "consents": given,
        }
        return changes, choices

    def without_guardian(self, at_ms: int) -> tuple[Document, tuple[Choice, ...]]:
        """What to change in a child's profile for the guardian to withdraw everything; and the choices."""
        given = [_guardians(purpose, False, at_ms, None) for purpose in (MARKETING, ANALYTICS)]
        return {"consents": given}, (Choice(at_ms, True),)


def _guardians(purpose: str, granted: bool, at_ms: int, version: str | None) -> dict[str, object]:
    return consent(purpose, granted, at_ms, version) | {"by_guardian": True}
