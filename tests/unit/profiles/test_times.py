"""RFC 3339, strictly."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lethe.profiles.times import calendar_day, instant_ms, moment_ms, utc_day
from tests.unit.profiles.examples import CALM


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.0019999Z", 1),
        ("1970-01-01t00:00:00.5z", 500),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T23:59:59.999-00:00", -1),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("2017-01-01T00:59:60.25+01:00", 1_483_228_800_250),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
    ],
)
def test_a_time_is_unix_milliseconds_with_finer_parts_cut(text: str, expected: int) -> None:
    assert instant_ms(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-24",
        "2026-11-24T10:00:00",
        "2026-11-24 10:00:00Z",
        "2026-11-24T10:00Z",
        "2026-11-24T10:00:00,5Z",
        "2026-11-24T10:00:00.Z",
        "2026-11-24T10:00:00+0100",
        "2026-11-24T10:00:00+24:00",
        "2026-11-24T24:00:00Z",
        "2026-11-24T10:60:00Z",
        "2026-11-24T10:00:60Z",
        "2026-11-24T23:59:60Z",
        "2026-11-24T10:00:61Z",
        "2026-02-29T10:00:00Z",
        "2026-W48-2T10:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+05:00",
        "9999-12-31T23:59:59-05:00",
        "9999-12-31T23:59:60Z",
        "2026-11-24T10:00:00Z\n",
        "٢٠٢٦-11-24T10:00:00Z",
        None,
        1_700_000_000,
        True,
        ["2026-11-24T10:00:00Z"],
    ],
)
def test_anything_else_is_no_time(text: object) -> None:
    assert instant_ms(text) is None


@CALM
@given(st.datetimes(timezones=st.timezones(no_cache=True)))
def test_it_agrees_with_python_on_every_time_with_an_offset_in_minutes(moment: datetime) -> None:
    text = moment.isoformat()
    if len(text) in (25, 32) and 1 < moment.year < 9999:  # an offset with seconds is none of RFC 3339's
        since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        assert instant_ms(text) == since.days * 86_400_000 + since.seconds * 1000 + since.microseconds // 1000


@pytest.mark.parametrize("text", ["1990-05-17", "1990-05-17T23:30:00+05:00", "1990-05-17T00:30:00.123-11:00"])
def test_a_calendar_day_does_not_move_with_the_offset(text: str) -> None:
    assert calendar_day(text) == date(1990, 5, 17)


@pytest.mark.parametrize(
    "text", ["1990-02-30", "19900517", "1990-05-17T", "1990-05-17 10:00:00Z", "", None, {}]
)
def test_a_day_that_does_not_exist_is_none(text: object) -> None:
    assert calendar_day(text) is None


def test_a_date_alone_is_its_first_moment() -> None:
    assert moment_ms("1970-01-02") == 86_400_000
    assert moment_ms("1970-01-02T00:00:01Z") == 86_401_000
    assert moment_ms("1970-02-30") is None


def test_days_are_utc_also_before_1970() -> None:
    assert utc_day(-1) == date(1969, 12, 31)
    assert utc_day(0) == date(1970, 1, 1)


@CALM
@given(st.text(max_size=40) | st.integers() | st.none())
def test_nothing_makes_reading_a_time_raise(text: object) -> None:
    assert instant_ms(text) is None or isinstance(text, str)
    assert calendar_day(text) is None or isinstance(text, str)
    assert moment_ms(text) is None or isinstance(text, str)
