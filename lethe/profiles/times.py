"""Times and dates of messages, strict and quick: RFC 3339 in, Unix ms or a date out, None where malformed.

`datetime.fromisoformat` takes week dates, commas and times without an offset, and gives objects that cost
more than the arithmetic; days are cached instead, since birth and registration days repeat.
"""

import re
from calendar import monthrange
from datetime import date
from functools import lru_cache

DAY_MS = 86_400_000
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_FIRST_SECOND = (date.min.toordinal() - _EPOCH_ORDINAL) * 86_400
_END_SECOND = (date.max.toordinal() + 1 - _EPOCH_ORDINAL) * 86_400
_DAY = "([0-9]{4}-[0-9]{2}-[0-9]{2})"
_CLOCK = r"([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9]|60)(?:\.([0-9]+))?"
_OFFSET = "(?:[Zz]|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))"
_INSTANT = re.compile(f"{_DAY}[Tt]{_CLOCK}{_OFFSET}").fullmatch  # RFC 3339 s5.6 date-time
_DAY_OR_INSTANT = re.compile(f"{_DAY}(?:[Tt]{_CLOCK}{_OFFSET})?").fullmatch


@lru_cache(maxsize=65_536)
def _day(text: str) -> date | None:
    """The calendar day YYYY-MM-DD, None where there is no such day."""
    try:
        return date(int(text[:4]), int(text[5:7]), int(text[8:]))
    except ValueError:
        return None


def instant_ms(text: object) -> int | None:
    """Unix ms of an RFC 3339 time with its offset; finer fractions are cut, not rounded."""
    if not isinstance(text, str) or (match := _INSTANT(text)) is None:
        return None
    day_text, hour, minute, second, fraction, sign, offset_hour, offset_minute = match.groups()
    day = _day(day_text)
    if day is None:
        return None
    seconds = (day.toordinal() - _EPOCH_ORDINAL) * 86_400 + int(hour) * 3600 + int(minute) * 60
    if sign:
        offset = int(offset_hour) * 3600 + int(offset_minute) * 60
        seconds += offset if sign == "-" else -offset
        if not _FIRST_SECOND <= seconds < _END_SECOND:  # in UTC a year that dates don't have
            return None
    if second == "60" and not _holds_leap_second(seconds):
        return None
    milliseconds = int(fraction[:3].ljust(3, "0")) if fraction else 0
    return (seconds + int(second)) * 1000 + milliseconds


def _holds_leap_second(minute_start: int) -> bool:
    """Whether the minute that begins at this Unix second is the last of a month (RFC 3339 s5.7)."""
    if minute_start % 86_400 != 86_340:
        return False
    day = date.fromordinal(minute_start // 86_400 + _EPOCH_ORDINAL)
    return day.day == monthrange(day.year, day.month)[1]


def calendar_day(text: object) -> date | None:
    """The day, as written, of an RFC 3339 date or time: a birthday does not move with an offset."""
    if not isinstance(text, str) or _DAY_OR_INSTANT(text) is None:
        return None
    return _day(text[:10])


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


def whole_years(start: date, end: date) -> int:
    """Birthdays passed from start to end; one of 29 February passes on 1 March in other years."""
    return end.year - start.year - ((end.month, end.day) < (start.month, start.day))
