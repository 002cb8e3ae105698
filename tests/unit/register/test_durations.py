from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lethe.register.durations import longest, shortest, spoken


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("P3Y", timedelta(days=1095)),
        ("P1M", timedelta(days=28)),
        ("P18M", timedelta(days=365 + 181)),
        ("P2W", timedelta(days=14)),
        ("P7D", timedelta(days=7)),
        ("PT12H", timedelta(hours=12)),
        ("P1DT1M1S", timedelta(days=1, seconds=61)),
    ],
)
def test_a_duration_is_read_at_its_shortest(text: str, length: timedelta) -> None:
    assert shortest(text) == length


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "P1DT", "3Y", "P-1D", "P1.5Y", "p1d", "P1D ", "P1D2Y", "P١D", "forever"]
)
def test_what_is_no_iso_8601_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an ISO 8601 duration"):
        shortest(text)


@pytest.mark.parametrize("text", ["P0D", "PT0S", "P1001Y", "P999999999999D"])
def test_no_time_at_all_and_time_without_end_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a period between"):
        shortest(text)


@given(
    start=st.dates(date(1900, 1, 1), date(2100, 1, 1)),
    years=st.integers(0, 50),
    months=st.integers(0, 30),
    days=st.integers(1, 800),
)
def test_the_shortest_reading_never_ends_after_the_calendar_period(
    start: date, years: int, months: int, days: int
) -> None:
    year, month = divmod(start.year * 12 + start.month - 1 + years * 12 + months, 12)
    # The same day of the month reached, or the first day after it where it has no such day.
    end = date(year, month + 1, 1) + timedelta(days=start.day - 1 + days)
    assert start + shortest(f"P{years}Y{months}M{days}D") <= end


@given(months=st.integers(1, 11), year=st.integers(2000, 2030))
def test_the_shortest_months_are_as_short_as_some_run_of_months(months: int, year: int) -> None:
    lengths = [
        date(year + (first + months) // 12, (first + months) % 12 + 1, 1) - date(year, first + 1, 1)
        for year in range(2000, 2005)
        for first in range(12)
    ]
    assert shortest(f"P{months}M") == min(lengths)


@given(
    start=st.dates(date(1900, 1, 1), date(2100, 1, 1)),
    years=st.integers(0, 50),
    months=st.integers(0, 30),
    days=st.integers(1, 800),
)
def test_the_longest_reading_never_ends_before_the_calendar_period(
    start: date, years: int, months: int, days: int
) -> None:
    year, month = divmod(start.year * 12 + start.month - 1 + years * 12 + months, 12)
    end = date(year, month + 1, 1) + timedelta(days=start.day - 1 + days)
    assert start + longest(f"P{years}Y{months}M{days}D") >= end


@pytest.mark.parametrize("text", ["P1000Y", "P30D", "P1M", "PT1S"])
def test_whatever_has_a_shortest_reading_has_a_longest(text: str) -> None:
    assert longest(text) >= shortest(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("P30D", "30 days"),
        ("P1Y6M", "1 year 6 months"),
        ("PT1H30M", "1 hour 30 minutes"),
        ("P0Y2W", "2 weeks"),
    ],
)
def test_a_duration_is_put_into_words(text: str, words: str) -> None:
    assert spoken(text) == words
