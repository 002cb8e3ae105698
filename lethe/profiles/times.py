"""Times and dates of messages, strict and quick: RFC 3339 in, Unix ms or a date out, None where malformed.

`datetime.fromisoformat` alone would take week dates, commas and times without an offset: a pattern is checked
first, and the quick conversion does the arithmetic.
"""

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

DAY_MS = 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = _EPOCH.toordinal()
_FIRST_MS = (date.min.toordinal() - _EPOCH_ORDINAL) * DAY_MS
_END_MS = (date.max.toordinal() + 1 - _EPOCH_ORDINAL) * DAY_MS
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_OFFSET = "(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_INSTANT = re.compile(f"{_DAY}[Tt]{_CLOCK}{_OFFSET}").fullmatch  # RFC 3339 s5.6 date-time
_DAY_OR_INSTANT = re.compile(f"{_DAY}(?:[Tt]{_CLOCK}{_OFFSET})?").fullmatch
_parse = datetime.fromisoformat


def instant_ms(text: object) -> int | None:
    """Unix ms of an RFC 3339 time with its offset; finer fractions are cut, not rounded."""
    if not isinstance(text, str) or _INSTANT(text) is None:
        return None
    try:
        since = _parse(text) - _EPOCH
    except ValueError:
        return _unusual_instant_ms(text.upper())
    milliseconds = since.days * DAY_MS + since.seconds * 1000 + since.microseconds // 1000
    return milliseconds if _FIRST_MS <= milliseconds < _END_MS else None  # in UTC it may have no year


def _unusual_instant_ms(text: str) -> int | None:
    """What Python does not read: a leap second (in a month's last minute, s5.7), and t and z, now upper case."""
    leaps = text[17:19] == "60"
    try:
        moment = _parse(f"{text[:17]}59{text[19:]}" if leaps else text)
    except ValueError:
        return None
    milliseconds = (moment - _EPOCH) // timedelta(milliseconds=1) + 1000 * leaps
    if not _FIRST_MS <= milliseconds < _END_MS:
        return None
    return None if leaps and not _starts_month(milliseconds // 1000) else milliseconds


def _starts_month(second: int) -> bool:
    """Whether the Unix second is a month's first, in UTC: the one that a leap second runs into."""
    return second % 86_400 == 0 and utc_day(second * 1000).day == 1


def calendar_day(text: object) -> date | None:
    """The day, as written, of an RFC 3339 date or time: a birthday does not move with an offset."""
    if not isinstance(text, str) or _DAY_OR_INSTANT(text) is None:
        return None
    return _day(text[:10])


@lru_cache(maxsize=65_536)
def _day(text: str) -> date | None:
    """The calendar day YYYY-MM-DD, digits already checked; None where there is no such day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def moment_ms(text: object) -> int | None:
    """Unix ms of an RFC 3339 time, or of a date's first moment in UTC."""
    if isinstance(text, str) and len(text) == 10:
        day = calendar_day(text)
        return None if day is None else (day.toordinal() - _EPOCH_ORDINAL) * DAY_MS
    return instant_ms(text)


@lru_cache(maxsize=65_536)
def _utc_day(day_number: int) -> date:
    return date.fromordinal(day_number + _EPOCH_ORDINAL)


def utc_day(milliseconds: int) -> date:
    """The UTC day of Unix ms between the years 1 and 9999."""
    return _utc_day(milliseconds // DAY_MS)
