"""What made-up people consent to: every way in which a consent can stand, or not."""

from collections.abc import Iterable, Sequence
from random import Random
from typing import NamedTuple, TypeAlias

from lethe.producers.people import rfc3339
from lethe.profiles.times import DAY_MS

ANALYTICS, MARKETING = "analytics", "marketing"
UNKNOWN_VERSION = "1999-01"  # no register's

Consents: TypeAlias = list[dict[str, object]]

# How common each is, in hundredths. All but the first two leave a subject stored and not counted.
_WAYS = ("granted", "granted again", "silent", "refused", "withdrawn", "tied", "unknown wording")
_HUNDREDTHS = (72, 4, 8, 6, 6, 2, 2)
_DRAWN = tuple(way for way, share in zip(_WAYS, _HUNDREDTHS, strict=True) for _ in range(share))
_NEWEST_DAYS, _OLDEST_DAYS = 40, 400


class Choice(NamedTuple):
    """What a person said about analytics at one time. The greatest of all that they said stands."""

    at_ms: int  # Unix ms
    withdrawn: bool
    known: bool = True  # whether the register knows the wording

    @property
    def counts(self) -> bool:
        """Whether the person is counted while it stands."""
        return self.known and not self.withdrawn


def allows(choices: Iterable[Choice]) -> bool:
    """Whether the greatest of these choices, if there is one, allows analytics."""
    greatest = max(choices, default=None)
    return greatest is not None and greatest.counts


def consent(purpose: str, granted: bool, at_ms: int, version: str | None) -> dict[str, object]:
    """One entry of a message's `consents`; a withdrawal may name no policy version."""
    entry: dict[str, object] = {"purpose": purpose, "granted": granted, "at": rfc3339(at_ms)}
    return entry if version is None else entry | {"policy_version": version}


def first_consents(
    random: Random, now_ms: int, versions: Sequence[str]
) -> tuple[Consents | None, tuple[Choice, ...]]:
    """The consents of a person's first profile, None for a profile without, and what they say about analytics.

    All were given at least 40 days before `now_ms`: people who were erased since don't return by them (design,
    Return).
    """
    draw = random.random
    way = _DRAWN[int(draw() * len(_DRAWN))]
    early = now_ms - int((_NEWEST_DAYS + 20 + draw() * (_OLDEST_DAYS - _NEWEST_DAYS)) * DAY_MS)
    late = early + int(draw() * 20 * DAY_MS) + 1
    version = versions[int(draw() * len(versions))]
    granted, withdrawn = Choice(early, False), Choice(late, True)
    given: Consents = []
    choices: tuple[Choice, ...] = ()
    match way:
        case "granted":
            given, choices = [consent(ANALYTICS, True, early, version)], (granted,)
        case "granted again":
            given = [consent(ANALYTICS, True, late, version), consent(ANALYTICS, False, early, None)]
            choices = (Choice(late, False), Choice(early, True))
        case "refused":
            given, choices = [consent(ANALYTICS, False, early, None)], (Choice(early, True),)
        case "withdrawn":
            given = [consent(ANALYTICS, True, early, version), consent(ANALYTICS, False, late, version)]
            choices = (granted, withdrawn)
        case "tied":
            given = [consent(ANALYTICS, False, late, None), consent(ANALYTICS, True, late, version)]
            choices = (withdrawn, Choice(late, False))
        case "unknown wording":
            given, choices = [consent(ANALYTICS, True, late, UNKNOWN_VERSION)], (Choice(late, False, False),)
        case _:
            if draw() < 0.5:
                return None, ()
    if draw() < 0.5:
        given.append(consent(MARKETING, draw() < 0.6, late, version))
    return given, choices
