"""How a certificate says numbers, times and lists."""

from collections.abc import Iterable
from datetime import UTC, datetime


def joined(texts: Iterable[str]) -> str:
    """Each once, in their order."""
    return "; ".join(dict.fromkeys(texts))


def count(number: int, noun: str) -> str:
    """Such as `1 record`, `3,000 records`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def figure(number: int | None) -> str:
    """A count; a store that was not asked has none."""
    return "not asked" if number is None else f"{number:,}"


def latest(at: datetime) -> str:
    """Until when at the latest."""
    return f"{day(at)} at the latest"


def day(at: datetime) -> str:
    """A day in UTC, such as `2 December 2026`."""
    utc = at.astimezone(UTC)
    return f"{utc.day} {utc:%B %Y}"


def moment(at: datetime | None) -> str:
    """To the second, in UTC; `not yet` where there is none."""
    return "not yet" if at is None else f"{day(at)}, {at.astimezone(UTC):%H:%M:%S} UTC"
