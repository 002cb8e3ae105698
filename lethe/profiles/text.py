"""Text of messages made fit to store: one form a text in any script, letters and case left alone."""

import re
import unicodedata
from functools import lru_cache

_BLANKS = re.compile(r"\s+")
_JOINERS = "\u200c\u200d"  # spelling in Persian and Indic scripts; every other invisible character goes
_PHONE_END = re.compile(r"[^\W\d_]|[;,#]")  # an extension, a comment: no part of the number
_LATIN_ALNUM = re.compile("[^A-Z0-9]+")


def clean(value: object) -> str | None:
    """The text in NFC, trimmed, blanks collapsed, without invisible characters; None where not a text."""
    if not isinstance(value, str):
        return None
    text = value
    if not text.isprintable():
        text = _visible(text)
    if "  " in text:
        text = _BLANKS.sub(" ", text)
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return text.strip() or None


def _visible(text: str) -> str:
    """Blanks of any kind as spaces, other unprintable characters dropped."""
    text = _BLANKS.sub(" ", text)
    return "".join(letter for letter in text if letter.isprintable() or letter in _JOINERS)


def email_parts(address: str) -> tuple[str, str]:
    """(the address in lower case, its domain); the address is valid and so holds one @."""
    lowered = address.lower()
    if not lowered.isascii():
        lowered = unicodedata.normalize("NFC", lowered)
    return lowered, lowered[lowered.rindex("@") + 1 :]


_PHONE_MARKS = b" -()."
_MAX_NUMBER = 10**15  # beyond it a double is no longer exact, and no postcode is


def phone_digits(value: object) -> str | None:
    """ASCII digits of a phone number, with a leading + where it had one; None where there are none.

    No country code is guessed: E.164 is computed where the number is read.
    """
    if not isinstance(value, str):
        return None
    if value.isascii():  # bytes translate in half the time
        number = value.encode("ascii").translate(None, _PHONE_MARKS)
        if number.isdigit() or (number[:1] == b"+" and number[1:].isdigit()):
            return number.decode("ascii")
    digits = _other_digits(value)
    if not digits:
        return None
    return f"+{digits}" if value.lstrip()[0] in "+\uff0b" else digits


def _other_digits(value: str) -> str:
    """Digits of any script as ASCII, up to the first letter."""
    end = _PHONE_END.search(value)
    number = value[: end.start()] if end else value
    return "".join(str(unicodedata.decimal(sign)) for sign in number if sign.isdecimal())


def number_text(value: object) -> str | None:
    """A postcode or house number, which comes as a number or as a text; digits that a number lost stay lost."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if not -_MAX_NUMBER < value < _MAX_NUMBER:  # also NaN
        return None
    return str(value) if isinstance(value, int) or not value.is_integer() else f"{value:.0f}"


@lru_cache(maxsize=65_536)
def postcode_area(postcode: str) -> str | None:
    """The first half of a postcode's Latin letters and digits, at least one and at most three of them."""
    text = postcode.upper()
    if not (text.isascii() and text.isalnum()):
        text = _LATIN_ALNUM.sub("", unicodedata.normalize("NFKC", text))
    return text[: max(1, min(3, len(text) // 2))] or None
