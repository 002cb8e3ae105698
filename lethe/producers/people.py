"""Made-up people: randomuser.me-shaped profiles in several scripts, the same ones for the same random numbers.

Names, places and the shapes of numbers are in `data/people.json`. Addresses are of domains that RFC 2606 keeps
for examples.
"""

import json
import re
import unicodedata
from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache, lru_cache, partial
from importlib.resources import files
from itertools import accumulate
from random import Random
from typing import Any, Generic, NamedTuple, TypeVar, cast

from lethe.errors import InputError
from lethe.profiles.contract import Document
from lethe.profiles.times import DAY_MS, utc_day

_DOMAINS = ("example.com", "example.org", "example.net")
_PICTURES = "https://pictures.example/portraits"
_ADJECTIVES = ("tiny", "silver", "lazy", "happy", "blue", "brave", "quiet", "golden", "heavy", "green")
_ANIMALS = ("swan", "otter", "bear", "heron", "fox", "lynx", "gecko", "koala", "moose", "wren")
_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
_RUN = re.compile("#+|@")
_VARIANTS = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
_RARITY = 1.5  # the n-th locale is n**1.5 times as rare as the first, so that some groups are small
_OLDEST = 90  # years
_PARTS = 512  # a pool

T = TypeVar("T")


class Name(NamedTuple):
    """A name, and its letters alone, for addresses."""

    written: str
    letters: str


class Locale(NamedTuple):
    """Where people of one nationality get their names, places and numbers from; pairs: female, male."""

    code: str
    country: str
    titles: tuple[str, str]
    timezone: str
    phone: str  # '#' a digit, '@' a letter; so are the next two
    postcode: str
    id_name: str
    id_value: str | None
    first: tuple[tuple[Name, ...], tuple[Name, ...]]
    last: tuple[Name, ...]
    cities: tuple[tuple[str, str], ...]  # city, state
    streets: tuple[str, ...]


def _name(written: str) -> Name:
    """Accents go where a Latin letter is left; other scripts keep their letters (RFC 6531)."""
    lowered = written.lower()
    plain = "".join(
        sign for sign in unicodedata.normalize("NFKD", lowered) if not unicodedata.combining(sign)
    )
    text = plain if plain.isascii() else unicodedata.normalize("NFC", lowered)
    return Name(written, "".join(sign for sign in text if unicodedata.category(sign)[0] in "LM"))


def _locale(code: str, entry: Mapping[str, Any]) -> Locale:
    female, male = (tuple(_name(name) for name in entry[group].split()) for group in ("female", "male"))
    id_name, id_value = entry.get("id", ("", None))
    return Locale(
        code=code,
        country=entry["country"],
        titles=(entry["titles"][0], entry["titles"][1]),
        timezone=entry["timezone"],
        phone=entry["phone"],
        postcode=entry["postcode"],
        id_name=id_name,
        id_value=id_value,
        first=(female, male),
        last=tuple(_name(name) for name in entry["last"]),
        cities=tuple(entry["cities"].items()),
        streets=tuple(entry["streets"]),
    )


@cache
def locales() -> dict[str, Locale]:
    """Every locale there is, by ISO 3166-1 code; read once a process."""
    text = files("lethe.producers").joinpath("data/people.json").read_text(encoding="utf-8")
    return {code: _locale(code, entry) for code, entry in json.loads(text).items()}


def choose(codes: Sequence[str]) -> tuple[Locale, ...]:
    """The locales with these codes, all where none is named. Raises InputError for a code without a locale."""
    known = locales()
    unknown = [code for code in codes if code not in known]
    if unknown:
        raise InputError(f"locales: no {', '.join(unknown)}; there are {', '.join(known)}")
    return tuple(known[code] for code in dict.fromkeys(codes or known))


# Putting a time together from parts takes a quarter of the time that formatting its numbers does.
_MINUTES = tuple(f"T{minute // 60:02d}:{minute % 60:02d}:" for minute in range(1440))
_SECONDS = tuple(f"{second:02d}." for second in range(60))
_MILLISECONDS = tuple(f"{ms:03d}Z" for ms in range(1000))


def rfc3339(milliseconds: int) -> str:
    """Unix ms in UTC, with milliseconds."""
    day, rest = divmod(milliseconds, DAY_MS)
    minute, rest = divmod(rest, 60_000)
    return _day(day) + _MINUTES[minute] + _SECONDS[rest // 1000] + _MILLISECONDS[rest % 1000]


@lru_cache(maxsize=65_536)
def _day(number: int) -> str:
    return utc_day(number * DAY_MS).isoformat()


class Pool(Generic[T]):
    """Parts that many people may share: made until there are enough, and drawn from those after that.

    What is made only once a time costs most of a message otherwise.
    """

    def __init__(self, random: Random, make: Callable[[], T]) -> None:
        """`make` gives one more part."""
        self._random, self._make = random, make
        self._parts: list[T] = []

    def draw(self) -> T:
        """One of them."""
        if len(self._parts) == _PARTS:
            return self._parts[int(self._random.random() * _PARTS)]
        self._parts.append(self._make())
        return self._parts[-1]


class People:
    """Makes people up, one after the other, all of them old enough to be accepted."""

    def __init__(self, random: Random, chosen: Sequence[Locale], now_ms: int, minimum_age: int) -> None:
        """`now_ms`: the time that their ages count to; `minimum_age` in years."""
        self._random, self._chosen, self._now_ms = random, chosen, now_ms
        self._today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
        self._youngest = minimum_age + 1
        self._span = max(1, _OLDEST - self._youngest)
        self._years: dict[int, int] = {}  # by day since 1970: reckoned once a day
        self._homes = {each.code: Pool(random, partial(self._home, each)) for each in chosen}
        self._portraits = [Pool(random, partial(self._portrait, group)) for group in ("women", "men")]
        self._joined = Pool(random, lambda: self._date(now_ms - int((40 + random.random() * 3600) * DAY_MS)))
        self._rarity = list(accumulate((place + 1) ** -_RARITY for place in range(len(chosen))))

    def person(self) -> Document:
        """A whole profile, but for `consents` and `event_time`."""
        draw = self._random.random
        locale = self._chosen[bisect(self._rarity, draw() * self._rarity[-1])]
        sex = int(draw() * 2)
        first = locale.first[sex][int(draw() * len(locale.first[sex]))]
        last = locale.last[int(draw() * len(locale.last))]
        age_days = (self._youngest + draw() ** 2 * self._span) * 365.25
        digits = self._random.randbytes(93).hex()
        home = self._homes[locale.code].draw()
        username = f"{_ADJECTIVES[int(draw() * 10)]}{_ANIMALS[int(draw() * 10)]}{int(draw() * 900) + 100}"
        return {
            "gender": ("female", "male")[sex],
            "name": {"title": locale.titles[sex], "first": first.written, "last": last.written},
            "location": home["location"],
            "email": self._email(first, last, username),
            "login": {
                "uuid": user_id(digits[:32]),
                "username": username,
                "password": digits[32:42],
                "salt": digits[42:50],
                "md5": digits[50:82],
                "sha1": digits[82:122],
                "sha256": digits[122:186],
            },
            "dob": self._date(self._now_ms - int(age_days * DAY_MS)),
            "registered": self._joined.draw(),
            "phone": home["phone"],
            "cell": self._number(locale.phone),
            "id": {
                "name": locale.id_name,
                "value": None if locale.id_value is None else self._number(locale.id_value),
            },
            "picture": self._portraits[sex].draw(),
            "nat": locale.code,
        }

    def moved(self, document: Document) -> Document:
        """The same person in another country, of that nationality; where only one was chosen, in another home."""
        others = [locale for locale in self._chosen if locale.code != document["nat"]] or self._chosen
        locale = others[int(self._random.random() * len(others))]
        home = self._homes[locale.code].draw()
        return document | home | {"cell": self._number(locale.phone), "nat": locale.code}

    def changed(self, document: Document) -> Document:
        """The same person with another home, and another telephone."""
        return document | self._homes[str(document["nat"])].draw()

    def _home(self, locale: Locale) -> Document:
        """Where people live, with their telephone there."""
        return {"location": self._location(locale), "phone": self._number(locale.phone)}

    def _portrait(self, group: str) -> Document:
        name = f"{group}/{int(self._random.random() * 100)}.jpg"
        return {
            "large": f"{_PICTURES}/{name}",
            "medium": f"{_PICTURES}/med/{name}",
            "thumbnail": f"{_PICTURES}/thumb/{name}",
        }

    def _location(self, locale: Locale) -> Document:
        draw = self._random.random
        city, state = locale.cities[int(draw() * len(locale.cities))]
        postcode = self._number(locale.postcode)
        return {
            "street": {
                "number": int(draw() * 9000) + 1,
                "name": locale.streets[int(draw() * len(locale.streets))],
            },
            "city": city,
            "state": state,
            "country": locale.country,
            "postcode": int(postcode) if postcode.isdigit() else postcode,
            "coordinates": {
                "latitude": f"{int(draw() * 180) - 90}.{int(draw() * 9000) + 1000}",
                "longitude": f"{int(draw() * 360) - 180}.{int(draw() * 9000) + 1000}",
            },
            "timezone": {"offset": locale.timezone, "description": f"{locale.country}, {city}"},
        }

    def _email(self, first: Name, last: Name, username: str) -> str:
        """By name; of a name in another script by user name, but for one in five."""
        draw = self._random.random
        domain = _DOMAINS[int(draw() * 3)]
        if not (first.letters + last.letters).isascii() and draw() < 0.8:
            return f"{username}@{domain}"
        return f"{first.letters}.{last.letters}@{domain}"

    def _date(self, milliseconds: int) -> Document:
        day = milliseconds // DAY_MS
        years = self._years.get(day)
        if years is None:
            years = self._years[day] = self._years_since(utc_day(milliseconds))
        return {"date": rfc3339(milliseconds), "age": years}

    def _years_since(self, day: date) -> int:
        today = self._today
        return today.year - day.year - ((today.month, today.day) < (day.month, day.day))

    def _number(self, shape: str) -> str:
        """The shape with random digits and letters in place of its marks; its first digit is no 0."""
        draw = self._random.random
        template, pieces, size = _pieces(shape)
        digits = str(int((draw() * 0.9 + 0.1) * size))
        return template % tuple([digits[piece] if piece else _LETTERS[int(draw() * 23)] for piece in pieces])


def user_id(digits: str) -> str:
    """A version 4 UUID (RFC 9562 s5.4) of 32 random hexadecimal digits."""
    variant = _VARIANTS[digits[16]]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


@cache
def _pieces(shape: str) -> tuple[str, tuple[slice | None, ...], int]:
    """A %-template, for each of its places a slice of a number or None for a letter, and the number's bound."""
    pieces: list[slice | None] = []
    start = 0
    for run in _RUN.findall(shape):
        length = run.count("#")
        pieces.append(slice(start, start + length) if length else None)
        start += length
    return _RUN.sub("%s", shape), tuple(pieces), 10**start


def born(document: Document) -> str:
    """The month of birth, YYYY-MM."""
    return cast("dict[str, str]", document["dob"])["date"][:7]
