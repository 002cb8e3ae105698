"""From a valid profile to the columns that the register stores.

Each column that is computed has a rule here. A column without one is the message's own value at its path, so
that adding a field to the register needs no edit here. Ages are whole years from the first day of a month to
the event's day (UTC), as every figure counts them.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Protocol, TypeAlias

from lethe.profiles.contract import Profile
from lethe.profiles.countries import countries
from lethe.profiles.text import clean, email_parts, number_text, phone_digits, postcode_area
from lethe.profiles.times import instant_ms, utc_day

Rule: TypeAlias = Callable[[Profile], object]

_AGE_BANDS = (16, 25, 35, 45, 55, 65, 75)  # years; first ages of the bands after the lowest


class StoredColumn(Protocol):
    """What enrichment needs to know of a column of the register."""

    @property
    def name(self) -> str:
        """As the stores call it."""

    @property
    def field_path(self) -> str:
        """Dotted path of the message field; counts only where the column has no rule of its own."""

    @property
    def cql_type(self) -> str:
        """Cassandra's type for its values."""


def enricher(columns: Iterable[StoredColumn]) -> Callable[[Profile], dict[str, object]]:
    """A function from a profile to those columns; build it once. None where the message has no such value."""
    chosen = [
        (column.name, RULES.get(column.name) or value_at(column.field_path, READERS[column.cql_type]))
        for column in columns
    ]

    def enrich_with_chosen(profile: Profile) -> dict[str, object]:
        return {name: rule(profile) for name, rule in chosen}

    return enrich_with_chosen


def enrich(profile: Profile) -> dict[str, object]:
    """Every column that has a rule."""
    return {column: rule(profile) for column, rule in RULES.items()}


def value_at(path: str, read: Callable[[object], object] = number_text) -> Rule:
    """The value at a dotted path, read as a text unless told otherwise."""
    first, _, second = path.partition(".")
    if "." in second:
        return _deep_value(path.split("."), read)

    def inner(profile: Profile) -> object:
        value = profile.document.get(first)
        return read(value.get(second)) if isinstance(value, dict) else None

    return inner if second else lambda profile: read(profile.document.get(first))


def _deep_value(names: list[str], read: Callable[[object], object]) -> Rule:
    def deep(profile: Profile) -> object:
        value: object = profile.document
        for name in names:
            if not isinstance(value, dict):
                return None
            value = value.get(name)
        return read(value)

    return deep


def gender(value: object) -> str | None:
    """`female`, `male`, `other` for any other text, None where none is stated."""
    if value in ("female", "male"):
        return str(value)
    if not isinstance(value, str) or not (stated := value.strip().lower()):
        return None
    return stated if stated in ("female", "male") else "other"


@lru_cache(maxsize=65_536)
def month(day: date) -> str:
    """YYYY-MM."""
    return f"{day.year:04d}-{day.month:02d}"


def years_from_month(start: date, end: date) -> int:
    """Whole years from the first day of start's month to the day end; 0 where end is earlier."""
    return max(0, end.year - start.year - (end.month < start.month))


@lru_cache(maxsize=65_536)
def age_band(birth_date: date, day: date) -> str:
    """Ten-year bands of the age on a day: `0-15`, `16-24`, `25-34`, … `75+`."""
    age = years_from_month(birth_date, day)
    lowest = 0
    for first in _AGE_BANDS:
        if age < first:
            return f"{lowest}-{first - 1}"
        lowest = first
    return f"{lowest}+"


def _area(value: object) -> str | None:
    postcode = number_text(value)
    return postcode_area(postcode) if postcode else None


def _whole_number(bits: int) -> Callable[[object], int | None]:
    def read(value: object) -> int | None:
        fits = type(value) is int and -(2 ** (bits - 1)) <= value < 2 ** (bits - 1)
        return value if isinstance(value, int) and fits else None

    return read


def _number(value: object) -> float | None:
    if isinstance(value, float):
        return value
    return float(value) if type(value) is int and abs(value) < 2**63 else None


def _boolean(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _timestamp(value: object) -> datetime | None:
    milliseconds = instant_ms(value)
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)


READERS: dict[str, Callable[[object], object]] = {
    "text": number_text,
    "int": _whole_number(32),
    "bigint": _whole_number(64),
    "double": _number,
    "boolean": _boolean,
    "timestamp": _timestamp,
}

RULES: dict[str, Rule] = {
    "user_id": lambda profile: profile.user_id,
    "gender": value_at("gender", gender),
    "title": value_at("name.title", clean),
    "first_name": value_at("name.first", clean),
    "last_name": value_at("name.last", clean),
    "street_number": value_at("location.street.number"),
    "street_name": value_at("location.street.name", clean),
    "city": value_at("location.city", clean),
    "state": value_at("location.state", clean),
    "country": value_at("location.country", clean),
    "postcode": value_at("location.postcode"),
    "postcode_area": value_at("location.postcode", _area),
    "email": lambda profile: email_parts(str(profile.document["email"]))[0],
    "email_domain": lambda profile: email_parts(str(profile.document["email"]))[1],
    "timezone_offset": value_at("location.timezone.offset", clean),
    "id_name": value_at("id.name", clean),
    "id_value": value_at("id.value"),
    "username": value_at("login.username", clean),
    "phone": value_at("phone", phone_digits),
    "cell": value_at("cell", phone_digits),
    "birth_date": lambda profile: profile.birth_date,
    "birth_month": lambda profile: month(profile.birth_date),
    "age_band": lambda profile: age_band(profile.birth_date, utc_day(profile.event_ms)),
    "registered_date": lambda profile: utc_day(profile.registered_ms),
    "registered_month": lambda profile: month(utc_day(profile.registered_ms)),
    "account_age_years": lambda profile: years_from_month(
        utc_day(profile.registered_ms), utc_day(profile.event_ms)
    ),
    "nationality": lambda profile: profile.nationality,
    "country_name": lambda profile: countries()[profile.nationality].name,
    "region": lambda profile: countries()[profile.nationality].region,
    "subregion": lambda profile: countries()[profile.nationality].subregion,
}
