"""ISO 8601 durations, as the register writes periods (`P3Y`, `P7D`, `PT12H`)."""

import re
from datetime import timedelta

_DURATION = re.compile(
    r"P(?=.)(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=.)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?",
    re.ASCII,
)
# Days of the shortest and the longest run of n calendar months in a row, in any year, n = 0 to 11.
_SHORTEST_MONTHS = (0, 28, 59, 89, 120, 150, 181, 212, 242, 273, 303, 334)
_LONGEST_MONTHS = (0, 31, 62, 92, 123, 153, 184, 215, 245, 276, 306, 337)
_MOST_YEARS = 1000


def shortest(text: str) -> timedelta:
    """The shortest time that a duration can stand for: a year is 365 days, one month 28.

    Data kept so long is never kept longer than the calendar period allows. Raises ValueError where the text
    is no ISO 8601 duration of whole numbers, is nothing long, or is over 1,000 years.
    """
    return _length(text, 365, _SHORTEST_MONTHS)


def longest(text: str) -> timedelta:
    """The longest time that a duration can stand for: a year is 366 days, one month 31.

    What is said to be gone by then is gone however the calendar period is read. Raises ValueError as `shortest`.
    """
    return _length(text, 366, _LONGEST_MONTHS)


def _length(text: str, year_days: int, month_days: tuple[int, ...]) -> timedelta:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an ISO 8601 duration, such as P3Y, P18M, P7D or PT12H")
    part = {name: int(digits or 0) for name, digits in match.groupdict().items()}
    years, months = divmod(part["years"] * 12 + part["months"], 12)
    try:
        length = timedelta(
            days=years * year_days + month_days[months] + part["weeks"] * 7 + part["days"],
            hours=part["hours"],
            minutes=part["minutes"],
            seconds=part["seconds"],
        )
    except OverflowError:
        length = timedelta.max
    if not timedelta(0) < length <= timedelta(days=year_days * _MOST_YEARS):
        raise ValueError(f"{text!r} is not a period between a second and 1,000 years")
    return length


def spoken(text: str) -> str:
    """A duration in words, such as `3 years 6 months`; raises ValueError as `shortest`."""
    shortest(text)
    match = _DURATION.fullmatch(text)
    parts = match.groupdict() if match else {}
    numbers = ((unit, int(digits)) for unit, digits in parts.items() if digits and int(digits))
    return " ".join(f"{number} {unit if number > 1 else unit.removesuffix('s')}" for unit, number in numbers)


def iso_duration(text: str) -> str:
    """The text itself, where `shortest` can read it; raises ValueError."""
    shortest(text)
    return text
