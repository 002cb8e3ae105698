"""How the model reads one message: slow, plain, and written apart from lethe's own reading of it.

Nothing here comes from lethe but the record type: the rules are restated, in the order in which they are
checked, so that a slip in either shows as a difference.
"""

import json
import math
import string
import unicodedata
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pycountry

from lethe.profiles.contract import Message

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CODES = {country.alpha_2 for country in pycountry.countries}
JOINERS = "\u200c\u200d"
MINUTES_5 = timedelta(minutes=5)
CONSENTS_TOPIC = "user_consents"


@dataclass
class Reading:
    """What the model makes of a message: a reason, or the facts of a profile or a consent; or one to be ignored."""

    message: Message
    round: int = 0  # which messages were processed together
    reason: str | None = None
    ignored: bool = False
    user_id: str | None = None
    event: datetime = EPOCH
    born: date = date.min
    registered: datetime = EPOCH
    nationality: str = ""
    gender: str | None = None
    city: str | None = None
    consents: list[dict[str, Any]] = field(default_factory=list)
    under_age: bool = False  # and so to be refused, if no guardian has consented


class RefusedError(Exception):
    """The first rule that a message breaks."""


def ms(moment: datetime) -> int:
    """Unix ms, cut."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def read(
    message: Message, now: datetime, minimum_age: int, retention: timedelta, purposes: set[str]
) -> Reading:
    """Read a message as of `now`."""
    reading = Reading(message)
    is_consent = message.topic == CONSENTS_TOPIC
    if any(name == "lethe" for name, _ in message.headers or ()) or (is_consent and message.value is None):
        reading.ignored = True
        return reading
    try:
        document = _document(message, reading)
        if is_consent:
            _consent_alone(document, message, now, purposes, reading)
            return reading
        _identify(document, message, reading)
        _event_time(document, message, now, reading)
        _email(document.get("email"))
        _dates(document, now, reading)
        _rest(document, now, reading)
        _limits(reading, now, minimum_age, retention)
    except RefusedError as refused:
        reading.reason = str(refused)
    return reading


def _uuid_or_none(text: Any) -> str | None:
    try:
        return text if isinstance(text, str) and str(uuid.UUID(text)) == text else None
    except ValueError:
        return None


def _document(message: Message, reading: Reading) -> dict[str, Any]:
    reading.user_id = _uuid_or_none((message.key or b"").decode("latin-1"))
    if message.value is None:
        raise RefusedError("producer_deletion")
    if len(message.value) > 256 * 1024:
        raise RefusedError("too_large")
    document = _json(message.value)
    if not isinstance(document, dict):
        raise RefusedError("not_an_object")
    return document


def _json(value: bytes) -> Any:
    def no_constant(_name: str) -> Any:
        raise RefusedError("not_json")

    def finite(text: str) -> float:
        if math.isinf(number := float(text)):
            raise RefusedError("not_json")
        return number

    def whole(text: str) -> int:
        finite(text)
        return int(text)

    try:
        found = json.loads(
            value.decode("utf-8"), parse_constant=no_constant, parse_float=finite, parse_int=whole
        )
        json.dumps(found, ensure_ascii=False).encode("utf-8")  # no lone surrogate anywhere
    except (ValueError, RecursionError):
        raise RefusedError("not_json") from None
    return found


def _identify(document: dict[str, Any], message: Message, reading: Reading) -> None:
    login = document.get("login")
    user_id = _uuid_or_none(login.get("uuid")) if isinstance(login, dict) else None
    if user_id is None:
        raise RefusedError("bad_login_uuid")
    reading.user_id = user_id
    if message.key != user_id.encode():
        raise RefusedError("key_mismatch")


def moment(text: Any) -> datetime | None:
    """RFC 3339 s5.6, digit by digit; None where it is not. Cut to milliseconds, in UTC."""
    if not isinstance(text, str) or not text.isascii() or len(text) < 20:
        return None
    day, clock = _day(text[:10]), text[11:19]
    shaped = clock[2::3] == "::" and (clock[:2] + clock[3:5] + clock[6:]).isdigit()
    if day is None or text[10] not in "Tt" or not shaped:
        return None
    hour, minute, second = int(clock[:2]), int(clock[3:5]), int(clock[6:])
    rest, milliseconds = text[19:], 0
    if rest[0] == ".":
        digits = rest[1:].rstrip("Zz") if rest[-1] in "Zz" else rest[1:-6]
        if not digits.isdigit():
            return None
        milliseconds, rest = int((digits + "00")[:3]), rest[1 + len(digits) :]
    offset = _offset(rest)
    if offset is None or hour > 23 or minute > 59 or second > 60:
        return None
    try:
        start = datetime(day.year, day.month, day.day, hour, minute, tzinfo=timezone(offset)).astimezone(UTC)
        found = start + timedelta(seconds=second, milliseconds=milliseconds)
    except OverflowError:
        return None
    last_of_month = (start.hour, start.minute) == (23, 59) and found.day == 1
    return None if second == 60 and not last_of_month else found


def _offset(text: str) -> timedelta | None:
    if text in ("Z", "z"):
        return timedelta(0)
    if len(text) != 6 or text[0] not in "+-" or text[3] != ":" or not (text[1:3] + text[4:]).isdigit():
        return None
    hours, minutes = int(text[1:3]), int(text[4:])
    if hours > 23 or minutes > 59:
        return None
    return (1 if text[0] == "+" else -1) * timedelta(hours=hours, minutes=minutes)


def _day(text: str) -> date | None:
    if len(text) != 10 or not (text[:4] + text[5:7] + text[8:]).isdigit() or text[4] + text[7] != "--":
        return None
    try:
        return date(int(text[:4]), int(text[5:7]), int(text[8:]))
    except ValueError:
        return None


def _event_time(document: dict[str, Any], message: Message, now: datetime, reading: Reading) -> None:
    stated = document.get("event_time")
    if stated is not None:
        found = moment(stated)
    elif message.timestamp_ms >= 0:
        limit = min(message.timestamp_ms, ms(now) + 10_000_000)  # what lies beyond is refused all the same
        found = EPOCH + timedelta(milliseconds=limit)
    else:
        found = None
    if found is None:
        raise RefusedError("bad_event_time")
    if found > now + MINUTES_5:
        raise RefusedError("event_time_ahead")
    reading.event = found


def _email(address: Any) -> None:
    if not isinstance(address, str) or not address.isprintable() or address.count("@") != 1:
        raise RefusedError("bad_email")
    local, domain = address.split("@")
    labels = domain.split(".")
    local_signs = set(string.ascii_letters + string.digits + "!#$%&'*+/=?^_`{|}~-")
    label_signs = set(string.ascii_letters + string.digits + "-")
    good = (
        len(address) <= 254
        and 0 < len(local) <= 64
        and all(local.split("."))
        and all(sign in local_signs or ord(sign) >= 128 for sign in local.replace(".", ""))
        and len(labels) >= 2
        and all(0 < len(label) <= 63 and label[0] != "-" and label[-1] != "-" for label in labels)
        and all(sign in label_signs or ord(sign) >= 128 for sign in "".join(labels))
        and not (labels[-1].isascii() and labels[-1].isdigit())
    )
    if not good:
        raise RefusedError("bad_email")


def _dates(document: dict[str, Any], now: datetime, reading: Reading) -> None:
    born, registered = (
        value.get("date") if isinstance(value := document.get(name), dict) else None
        for name in ("dob", "registered")
    )
    if not isinstance(born, str):
        raise RefusedError("bad_birth_date")
    day = _day(born[:10])
    if day is None or (len(born) > 10 and not _is_time_of_day(born[10:])):
        raise RefusedError("bad_birth_date")
    if day > now.date():
        raise RefusedError("birth_in_future")
    if _age(day, now.date()) > 120 or (day.year + 120, day.month, day.day) < _parts(now.date()):
        raise RefusedError("birth_over_120_years")
    since = moment(registered)
    if since is None and isinstance(registered, str) and (first := _day(registered)) is not None:
        since = datetime(first.year, first.month, first.day, tzinfo=UTC)
    if since is None:
        raise RefusedError("bad_registered_date")
    if since > now + MINUTES_5:
        raise RefusedError("registered_in_future")
    if since.date() < day:
        raise RefusedError("registered_before_birth")
    reading.born, reading.registered = day, since


def _is_time_of_day(text: str) -> bool:
    """Whether it is an RFC 3339 time of day: of a birth, only the day counts."""
    seconds = "00" if text[7:9] == "60" else text[7:9]
    return moment(f"2000-01-01{text[:7]}{seconds}{text[9:]}") is not None


def _parts(day: date) -> tuple[int, int, int]:
    return day.year, day.month, day.day


def _age(born: date, today: date) -> int:
    years = 0
    while (born.year + years + 1, born.month, born.day) <= _parts(today):
        years += 1
    return years


def _rest(document: dict[str, Any], now: datetime, reading: Reading) -> None:
    code = document.get("nat")
    if not isinstance(code, str) or code not in CODES:
        raise RefusedError("bad_nationality")
    reading.nationality = code
    reading.consents = _consents(document.get("consents"), now)
    stated = document.get("gender")
    if isinstance(stated, str) and stated.strip():
        lowered = stated.strip().lower()
        reading.gender = lowered if lowered in ("female", "male") else "other"
    location = document.get("location")
    city = location.get("city") if isinstance(location, dict) else None
    if isinstance(city, str):
        shown = "".join(sign for sign in city if sign.isprintable() or sign.isspace() or sign in JOINERS)
        reading.city = unicodedata.normalize("NFC", " ".join(shown.split())) or None


def _limits(reading: Reading, now: datetime, minimum_age: int, retention: timedelta) -> None:
    reading.under_age = _age(reading.born, now.date()) < minimum_age
    if reading.event + retention + timedelta(days=30) <= now:
        raise RefusedError("under_age" if reading.under_age else "past_retention")


def _consent_alone(
    document: dict[str, Any], message: Message, now: datetime, purposes: set[str], reading: Reading
) -> None:
    user_id = _uuid_or_none(document.get("user_id"))
    if user_id is None:
        raise RefusedError("bad_login_uuid")
    reading.user_id = user_id
    if message.key != user_id.encode():
        raise RefusedError("key_mismatch")
    reading.consents = _consents([document], now)
    if reading.consents[0]["purpose"] not in purposes:
        raise RefusedError("unknown_purpose")


def _consents(value: Any, now: datetime) -> list[dict[str, Any]]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise RefusedError("bad_consents")
    consents = []
    for entry in value:
        if not isinstance(entry, dict):
            raise RefusedError("bad_consents")
        at, granted, version = moment(entry.get("at")), entry.get("granted"), entry.get("policy_version")
        guardian = entry.get("by_guardian")
        good = (
            isinstance(entry.get("purpose"), str)
            and isinstance(granted, bool)
            and at is not None
            and at <= now + MINUTES_5
            and (len(version) <= 64 if isinstance(version, str) else version is None and not granted)
            and (guardian is None or isinstance(guardian, bool))
        )
        if not good:
            raise RefusedError("bad_consents")
        event = {"purpose": entry["purpose"], "granted": granted, "at": at, "version": version or ""}
        consents.append(event | {"by_guardian": guardian is True})
    return consents
