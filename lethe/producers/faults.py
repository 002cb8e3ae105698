"""Messages that must be refused: for every reason, ways to break a valid one by exactly that rule.

Each stays broken for a month at least, however late it is read: what is too young, too old or ahead of its time
is so by far.
"""

from collections.abc import Callable
from random import Random
from typing import NamedTuple, TypeAlias, cast

import orjson

from lethe.producers.people import born, rfc3339, user_id
from lethe.profiles.contract import MAX_AGE_YEARS, MAX_MESSAGE_BYTES, Document
from lethe.profiles.reasons import Reason
from lethe.profiles.rules import BACKSTOP_DAYS, Rules
from lethe.profiles.times import DAY_MS


class Draw(NamedTuple):
    """What a fault is made with."""

    random: Random
    now_ms: int
    rules: Rules

    def days(self, first: float, last: float) -> str:
        """A time so many days from now, anywhere between the two."""
        return rfc3339(self.now_ms + int(self.random.uniform(first, last) * DAY_MS))


class Broken(NamedTuple):
    """A message to be refused. `document` is None where it holds no JSON object."""

    reason: Reason
    key: bytes
    value: bytes | None
    document: Document | None


Change: TypeAlias = Callable[[Document, Draw], Document]
"""From a valid document to what is to be changed in it."""


def _set(**fields: object) -> Change:
    return lambda _document, _draw: fields


def _login(uuid: Callable[[str], object]) -> Change:
    def change(document: Document, _draw: Draw) -> Document:
        login = cast("Document", document["login"])
        return {"login": login | {"uuid": uuid(str(login["uuid"]))}}

    return change


def _event_days(first: float, last: float) -> Change:
    return lambda _document, draw: {"event_time": draw.days(first, last)}


def _past_retention(_document: Document, draw: Draw) -> Document:
    reach = (draw.rules.retention_days or 0) + BACKSTOP_DAYS
    return {"event_time": draw.days(-reach - 400, -reach - 1)}


def _born_days(first: float, last: float) -> Change:
    return lambda _document, draw: {"dob": {"date": draw.days(first, last)}}


def _registered_days(first: float, last: float) -> Change:
    return lambda _document, draw: {"registered": {"date": draw.days(first, last)}}


def _registered_before_birth(document: Document, _draw: Draw) -> Document:
    year, month = born(document).split("-")
    return {"registered": {"date": f"{int(year) - 1}-{month}-28T12:00:00.000Z"}}


def _under_age(_document: Document, draw: Draw) -> Document:
    youngest_days = (draw.rules.minimum_age - 2) * 365
    return {"dob": {"date": draw.days(-youngest_days, -400)}, "registered": {"date": draw.days(-90, -60)}}


def _consented_ahead(_document: Document, draw: Draw) -> Document:
    at = draw.days(60, 400)
    return {"consents": [{"purpose": "analytics", "granted": True, "at": at, "policy_version": "2026-06"}]}


def _consent(**fields: object) -> Change:
    whole = {
        "purpose": "analytics",
        "granted": True,
        "at": "2026-01-15T09:00:00Z",
        "policy_version": "2026-01",
    }
    entry = {name: value for name, value in (whole | fields).items() if value is not None}
    return _set(consents=[entry])


OF_DOCUMENTS: dict[Reason, tuple[Change, ...]] = {
    Reason.TOO_LARGE: (_set(email="x" * MAX_MESSAGE_BYTES),),
    Reason.BAD_LOGIN_UUID: (
        _set(login=None),
        _login(str.upper),
        _login(lambda uuid: uuid.replace("-", "")),
        _login(lambda _uuid: 7),
    ),
    Reason.BAD_EVENT_TIME: (
        _set(event_time="yesterday"),
        _set(event_time="2026-02-30T10:00:00Z"),
        _set(event_time="2026-02-20T10:00:00"),
        _set(event_time=1_760_000_000_000),
    ),
    Reason.EVENT_TIME_AHEAD: (_event_days(60, 400),),
    Reason.BAD_EMAIL: (
        _set(email=None),
        _set(email="no address"),
        _set(email="two@@example.org"),
        _set(email="someone@localhost"),
    ),
    Reason.BAD_BIRTH_DATE: (
        _set(dob=None),
        _set(dob={"date": "17/05/1990"}),
        _set(dob={"date": "1990-02-29T00:00:00Z"}),
    ),
    Reason.BIRTH_IN_FUTURE: (_born_days(60, 4000),),
    Reason.BIRTH_OVER_120_YEARS: (_born_days(-(MAX_AGE_YEARS + 60) * 366, -(MAX_AGE_YEARS + 1) * 366),),
    Reason.BAD_REGISTERED_DATE: (
        _set(registered=None),
        _set(registered={"date": "2019-W07-3"}),
        _set(registered={"date": "2019-13-01T00:00:00Z"}),
    ),
    Reason.REGISTERED_IN_FUTURE: (_registered_days(60, 4000),),
    Reason.REGISTERED_BEFORE_BIRTH: (_registered_before_birth,),
    Reason.BAD_NATIONALITY: (_set(nat=None), _set(nat="XX"), _set(nat="nl"), _set(nat="NLD")),
    Reason.BAD_CONSENTS: (
        _set(consents="yes"),
        _consent(granted="true"),
        _consent(at="2026-01-15"),
        _consent(policy_version=None),
        _consented_ahead,
    ),
    Reason.UNDER_AGE: (_under_age,),
    Reason.PAST_RETENTION: (_past_retention,),
}

OF_BYTES: dict[Reason, tuple[Callable[[bytes], bytes | None], ...]] = {
    Reason.PRODUCER_DELETION: (lambda _value: None,),
    Reason.NOT_JSON: (
        lambda value: value[: len(value) // 2],
        lambda value: value.replace(b'"', b"'"),
        lambda value: value.decode().encode("utf-16"),
        lambda _value: b"",
    ),
    Reason.NOT_AN_OBJECT: (
        lambda value: b"[" + value + b"]",
        lambda _value: b"null",
        lambda _value: b'"profile"',
    ),
}


def broken(reason: Reason, document: Document, draw: Draw) -> Broken:
    """A valid document (with its `event_time`, or without one) made into a message that is refused for the reason."""
    key = str(cast("Document", document["login"])["uuid"]).encode()
    if reason in OF_BYTES:
        make = draw.random.choice(OF_BYTES[reason])
        return Broken(reason, key, make(orjson.dumps(document)), None)
    if reason is Reason.KEY_MISMATCH:
        other = user_id(f"{draw.random.getrandbits(128):032x}").encode()
        return Broken(reason, other, orjson.dumps(document), document)
    changed = document | draw.random.choice(OF_DOCUMENTS[reason])(document, draw)
    return Broken(reason, key, orjson.dumps(changed), None if reason is Reason.TOO_LARGE else changed)
