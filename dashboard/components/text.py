"""How numbers, times and nationalities are written for a reader."""

import html
from datetime import datetime, timedelta
from functools import cache

import pycountry

from dashboard.data import Group
from lethe.profiles.countries import countries
from lethe.profiles.reasons import Reason

NOTHING = "–"

REASONS = {
    Reason.TOO_LARGE: "Larger than 256 kB",
    Reason.PRODUCER_DELETION: "Deletion by a producer",
    Reason.NOT_JSON: "Not JSON",
    Reason.NOT_AN_OBJECT: "Not a JSON object",
    Reason.BAD_LOGIN_UUID: "No valid user id",
    Reason.KEY_MISMATCH: "Key and user id differ",
    Reason.BAD_EVENT_TIME: "Event time not RFC 3339",
    Reason.EVENT_TIME_AHEAD: "Event time ahead of now",
    Reason.BAD_EMAIL: "E-mail not valid",
    Reason.BAD_BIRTH_DATE: "Birth date not a date",
    Reason.BIRTH_IN_FUTURE: "Born in the future",
    Reason.BIRTH_OVER_120_YEARS: "Born over 120 years ago",
    Reason.BAD_REGISTERED_DATE: "Registration not a date",
    Reason.REGISTERED_IN_FUTURE: "Registered in the future",
    Reason.REGISTERED_BEFORE_BIRTH: "Registered before birth",
    Reason.BAD_NATIONALITY: "Nationality not ISO 3166-1",
    Reason.BAD_CONSENTS: "Consents not valid",
    Reason.UNKNOWN_PURPOSE: "Consent to an unknown purpose",
    Reason.UNDER_AGE: "Under the minimum age",
    Reason.PAST_RETENTION: "Past the time of keeping",
}


def reason(name: str) -> str:
    """Why messages were refused, in words."""
    return REASONS[Reason(name)] if name in set(Reason) else name


def number(value: float) -> str:
    """1234.5 -> "1,234.5"; whole numbers without a fraction."""
    return f"{value:,.1f}" if value != int(value) else f"{int(value):,}"


def age(years: float) -> str:
    """In tenths, always with the tenth."""
    return f"{years:.1f}"


def clock(at: datetime | None) -> str:
    """A time of day in UTC, with the date."""
    return at.strftime("%Y-%m-%d %H:%M:%S UTC") if at else NOTHING


def ago(span: timedelta) -> str:
    """How long ago, in one unit; a clock that is a little ahead is now."""
    seconds = max(0, int(span.total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def people(count: int | None, k: int) -> str:
    """A published number of people; None is fewer than k."""
    return f"fewer than {k}" if count is None else number(count)


def name(group: Group) -> str:
    """A group's name: the country's where the code is known."""
    if group.is_other:
        return "Other"
    country = countries().get(group.code)
    return country.name if country else group.code


def code(group: Group) -> str:
    """Which nationalities a group is of: a code, or how many they are."""
    return f"{group.nationalities} nationalities" if group.is_other else group.code


def inert(words: str, length: int = 60) -> str:
    """Words for a chart, cut to a length. Plotly reads some HTML in every text, also in names that come from data."""
    cut = words if len(words) <= length else f"{words[: length - 1].rstrip(' ,')}…"
    return html.escape(cut, quote=False)


@cache
def alpha_3(code: str) -> str | None:
    """ISO 3166-1 alpha-3, by which the map knows countries."""
    country = pycountry.countries.get(alpha_2=code)
    return None if country is None else str(country.alpha_3)
