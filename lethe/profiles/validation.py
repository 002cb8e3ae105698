"""The rules that make a JSON object a profile, in the order of `Reason`; the first broken one stands."""

import re
from calendar import isleap
from datetime import date
from functools import lru_cache

from lethe.profiles.consent import read_consents
from lethe.profiles.contract import (
    AHEAD_MS,
    MAX_AGE_YEARS,
    Consent,
    Document,
    Message,
    Profile,
    Refusal,
)
from lethe.profiles.countries import countries
from lethe.profiles.parsing import identify
from lethe.profiles.reasons import Reason
from lethe.profiles.rules import Rules
from lethe.profiles.times import DAY_MS, calendar_day, instant_ms, moment_ms, utc_day

# RFC 5321 s4.1.2 (dot-string only) with RFC 6531's letters of any script; each part is unambiguous, so that
# no text makes the match backtrack.
_ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
_LETTER = "[A-Za-z0-9\u0080-\U0010ffff]"
_LABEL = f"{_LETTER}(?:[A-Za-z0-9\u0080-\U0010ffff-]{{0,61}}{_LETTER})?"
_EMAIL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+(?![0-9]+\Z){_LABEL}").fullmatch
_MAX_EMAIL = 254  # characters, RFC 5321 s4.5.3.1.3 without its brackets
_MAX_LOCAL = 64  # before the @, s4.5.3.1.1


class _BrokenRuleError(Exception):
    """Carries the reason out of the checks; costs nothing while all of them hold."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def validate(document: Document, message: Message, now_ms: int, rules: Rules) -> Profile | Refusal:
    """The profile that a parsed message holds, or the first rule that it breaks, of those that need no consent state.

    Who is under age is refused. Never an exception.
    """
    found = check(document, message, now_ms, rules)
    if isinstance(found, Profile) and found.under_age:
        return Refusal(Reason.UNDER_AGE, found.user_id)
    return found


def check(document: Document, message: Message, now_ms: int, rules: Rules) -> Profile | Refusal:
    """As `validate`, but who breaks no rule but that of age is only marked: `minors.admit` knows of guardians."""
    user_id = identify(document, message)
    if isinstance(user_id, Refusal):
        return user_id
    try:
        event_ms = _event_ms(document, message, now_ms)
        _check_email(document.get("email"))
        birth_date = _birth_date(_member(document, "dob", "date"), now_ms)
        registered_ms = _registered_ms(_member(document, "registered", "date"), birth_date, now_ms)
        nationality = _nationality(document.get("nat"))
        consents = _consents(document.get("consents"), now_ms)
    except _BrokenRuleError as broken:
        return Refusal(broken.reason, user_id)
    under_age = birth_date > _born_by(now_ms // DAY_MS, rules.minimum_age)
    if rules.reach_ms is not None and event_ms + rules.reach_ms <= now_ms:
        return Refusal(Reason.UNDER_AGE if under_age else Reason.PAST_RETENTION, user_id)
    return Profile(
        user_id,
        event_ms,
        message.partition,
        message.offset,
        birth_date,
        registered_ms,
        nationality,
        consents,
        document,
        under_age,
    )


def is_email(text: object) -> bool:
    """Whether it is an address that mail could reach: local part, @, a domain of two labels or more."""
    if not isinstance(text, str) or len(text) > _MAX_EMAIL or _EMAIL(text) is None:
        return False
    return text.index("@") <= _MAX_LOCAL and (text.isascii() or text.isprintable())


def _member(document: Document, outer: str, inner: str) -> object:
    value = document.get(outer)
    return value.get(inner) if isinstance(value, dict) else None


def _event_ms(document: Document, message: Message, now_ms: int) -> int:
    stated = document.get("event_time")
    event_ms = message.timestamp_ms if stated is None else instant_ms(stated)
    if event_ms is None or (stated is None and event_ms < 0):  # Kafka's -1: a record without a time
        raise _BrokenRuleError(Reason.BAD_EVENT_TIME)
    if event_ms > now_ms + AHEAD_MS:
        raise _BrokenRuleError(Reason.EVENT_TIME_AHEAD)
    return event_ms


def _check_email(text: object) -> None:
    if not is_email(text):
        raise _BrokenRuleError(Reason.BAD_EMAIL)


@lru_cache(maxsize=64)
def _born_by(today: int, years: int) -> date:
    """The last birth date of those who have turned `years` on a UTC day, given in days since 1970."""
    day = utc_day(today * DAY_MS)
    leap_day_missing = (day.month, day.day) == (2, 29) and not isleap(day.year - years)
    return date(day.year - years, day.month, 28 if leap_day_missing else day.day)


def _birth_date(text: object, now_ms: int) -> date:
    birth_date = calendar_day(text)
    if birth_date is None:
        raise _BrokenRuleError(Reason.BAD_BIRTH_DATE)
    today = now_ms // DAY_MS
    if birth_date > _born_by(today, 0):
        raise _BrokenRuleError(Reason.BIRTH_IN_FUTURE)
    if birth_date < _born_by(today, MAX_AGE_YEARS):
        raise _BrokenRuleError(Reason.BIRTH_OVER_120_YEARS)
    return birth_date


def _registered_ms(text: object, birth_date: date, now_ms: int) -> int:
    registered_ms = moment_ms(text)
    if registered_ms is None:
        raise _BrokenRuleError(Reason.BAD_REGISTERED_DATE)
    if registered_ms > now_ms + AHEAD_MS:  # the same clock that may run ahead for event times
        raise _BrokenRuleError(Reason.REGISTERED_IN_FUTURE)
    if utc_day(registered_ms) < birth_date:
        raise _BrokenRuleError(Reason.REGISTERED_BEFORE_BIRTH)
    return registered_ms


def _nationality(code: object) -> str:
    if not isinstance(code, str) or code not in countries():
        raise _BrokenRuleError(Reason.BAD_NATIONALITY)
    return code


def _consents(value: object, now_ms: int) -> tuple[Consent, ...]:
    consents = read_consents(value, now_ms)
    if consents is None:
        raise _BrokenRuleError(Reason.BAD_CONSENTS)
    return consents
