"""Text in any script, made fit to store."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lethe.profiles.text import clean, email_parts, number_text, phone_digits, postcode_area
from tests.unit.profiles.examples import CALM


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("  Den   Haag ", "Den Haag"),
        ("'s-Hertogenbosch", "'s-Hertogenbosch"),
        ("Zu\u0308rich", "Zürich"),
        ("İSTANBUL", "İSTANBUL"),
        ("straße", "straße"),
        ("ΑΘΗΝΑ", "ΑΘΗΝΑ"),
        ("ירושלים", "ירושלים"),
        ("القاهرة", "القاهرة"),
        ("दिल्ली", "दिल्ली"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("東京\u3000都", "東京 都"),
        ("กรุงเทพ", "กรุงเทพ"),
        ("a\u00a0b\tc\nd", "a b c d"),
        ("\u202eabc\u202c\ufeff\x00\u200b", "abc"),
        ("a \u200b b", "a b"),
        ("\ud800x", "x"),
        ("", None),
        (" \u00a0\u200b", None),
        (None, None),
        (7, None),
        (["x"], None),
    ],
)
def test_a_text_keeps_its_letters_and_loses_what_cannot_be_seen(value: object, expected: str | None) -> None:
    assert clean(value) == expected


@CALM
@given(st.text(max_size=30))
def test_cleaning_is_idempotent_and_nfc(value: str) -> None:
    found = clean(value)
    if found is not None:
        assert clean(found) == found == found.strip()
        assert unicodedata.is_normalized("NFC", found)
        assert "  " not in found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("(272) 790-0888", "2727900888"),
        ("+31 6 1234 5678", "+31612345678"),
        (" +31.6", "+316"),
        ("＋３１６", "+316"),
        ("٠١٢٣", "0123"),
        ("030/123", "030123"),
        ("12345 ext. 99", "12345"),
        ("12345;99", "12345"),
        ("", None),
        ("+", None),
        ("none", None),
        (31612345678, None),
        (None, None),
    ],
)
def test_a_phone_number_is_its_digits(value: object, expected: str | None) -> None:
    assert phone_digits(value) == expected


@CALM
@given(st.text(max_size=30))
def test_a_phone_number_is_ascii_whatever_came(value: str) -> None:
    found = phone_digits(value)
    assert found is None or (found.isascii() and found.removeprefix("+").isdigit())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1011, "1011"),
        ("1011 AB", "1011 AB"),
        (" SW1A  1AA", "SW1A 1AA"),
        (1011.0, "1011"),
        (0.5, "0.5"),
        (True, None),
        (float("nan"), None),
        (float("inf"), None),
        pytest.param(10**5000, None, id="huge"),
        (None, None),
        ({}, None),
    ],
)
def test_a_postcode_comes_as_number_or_text(value: object, expected: str | None) -> None:
    assert number_text(value) == expected


@pytest.mark.parametrize(
    ("postcode", "area"),
    [
        ("1011 AB", "101"),
        ("SW1A 1AA", "SW1"),
        ("sw1a 1aa", "SW1"),
        ("90210", "90"),
        ("1234", "12"),
        ("123", "1"),
        ("1", "1"),
        ("１００-0001", "100"),
        ("東京", None),
        ("-", None),
    ],
)
def test_an_area_is_at_most_half_of_the_postcode(postcode: str, area: str | None) -> None:
    assert postcode_area(postcode) == area


def test_an_address_is_lower_case_with_its_domain() -> None:
    assert email_parts("Zoe@Example.ORG") == ("zoe@example.org", "example.org")
    assert email_parts("ZOE\u0301@X.GR") == ("zoé@x.gr", "x.gr")
