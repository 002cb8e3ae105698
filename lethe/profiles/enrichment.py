"""From a valid profile to the columns that the register may store; protection and stores choose."""

from datetime import date
from functools import lru_cache

from lethe.profiles.contract import Document, Profile
from lethe.profiles.countries import countries
from lethe.profiles.text import clean, email_parts, phone_digits, postcode_area, postcode_text
from lethe.profiles.times import utc_day

_GENDERS = {"female": "female", "male": "male"}
_AGE_BANDS = (16, 25, 35, 45, 55, 65, 75)  # years; first ages of the bands after the lowest
_EMPTY: Document = {}


def enrich(profile: Profile) -> dict[str, object]:
    """Every column of a profile by its name in the register; None where the message has no such value.

    Ages are whole years from the first day of a month to the event's day (UTC), as every figure counts them.
    """
    document = profile.document
    event_day = utc_day(profile.event_ms)
    registered = utc_day(profile.registered_ms)
    country = countries()[profile.nationality]
    email, email_domain = email_parts(str(document["email"]))
    columns: dict[str, object] = {
        "user_id": profile.user_id,
        "gender": gender(document.get("gender")),
        "email": email,
        "email_domain": email_domain,
        "phone": phone_digits(document.get("phone")),
        "cell": phone_digits(document.get("cell")),
        "birth_date": profile.birth_date,
        "birth_month": month(profile.birth_date),
        "age_band": age_band(profile.birth_date, event_day),
        "registered_date": registered,
        "registered_month": month(registered),
        "account_age_years": years_from_month(registered, event_day),
        "nationality": profile.nationality,
        "country_name": country.name,
        "region": country.region,
        "subregion": country.subregion,
    }
    _add_names(columns, document)
    _add_location(columns, _object(document, "location"))
    return columns


def _object(document: Document, name: str) -> Document:
    value = document.get(name)
    return value if isinstance(value, dict) else _EMPTY


def _add_names(columns: dict[str, object], document: Document) -> None:
    name = _object(document, "name")
    columns["title"] = clean(name.get("title"))
    columns["first_name"] = clean(name.get("first"))
    columns["last_name"] = clean(name.get("last"))
    columns["username"] = clean(_object(document, "login").get("username"))
    number = _object(document, "id")
    columns["id_name"] = clean(number.get("name"))
    columns["id_value"] = clean(number.get("value"))


def _add_location(columns: dict[str, object], location: Document) -> None:
    street = _object(location, "street")
    postcode = postcode_text(location.get("postcode"))
    columns["street_number"] = postcode_text(street.get("number"))  # a number or a text, as a postcode is
    columns["street_name"] = clean(street.get("name"))
    columns["city"] = clean(location.get("city"))
    columns["state"] = clean(location.get("state"))
    columns["country"] = clean(location.get("country"))
    columns["postcode"] = postcode
    columns["postcode_area"] = postcode_area(postcode) if postcode else None
    columns["timezone_offset"] = clean(_object(location, "timezone").get("offset"))


def gender(value: object) -> str | None:
    """`female`, `male`, `other` for any other text, None where none is stated."""
    if not isinstance(value, str) or not (stated := value.strip().lower()):
        return None
    return _GENDERS.get(stated, "other")


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
