"""The clock of Art. 12(3): dates computed by hand, and a slow restatement that counts days one by one."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lethe.errors import ConfigurationError
from lethe.requests.clock import Clock, clock_of, in_ms, period_end, working_day
from lethe.settings import ClockSettings

NL = clock_of(ClockSettings(country="NL", time_zone="Europe/Amsterdam", identity_days=3))
FREE = frozenset({date(2026, 4, 3), date(2026, 4, 6), date(2026, 12, 25)})


def noon(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T11:00:00+00:00")


@pytest.mark.parametrize(
    ("received", "last", "why"),
    [
        ("2026-03-05", "2026-04-07", "5 April is Easter Sunday, 6 April Easter Monday"),
        ("2026-01-31", "2026-03-02", "28 February, the month's last, is a Saturday"),
        ("2024-01-31", "2024-02-29", "a leap year; a Thursday"),
        ("2023-01-31", "2023-02-28", "no leap year; a Tuesday"),
        ("2024-02-29", "2024-04-02", "29 March is Good Friday, 1 April Easter Monday"),
        ("2026-08-31", "2026-09-30", "September has no 31st"),
        ("2026-11-25", "2026-12-28", "Christmas, its second day on a Saturday, a Sunday"),
        ("2026-12-01", "2027-01-04", "New Year's Day is a Friday"),
        ("2026-03-27", "2026-04-28", "King's Day"),
        ("2026-06-17", "2026-07-17", "a Friday"),
        ("2026-06-18", "2026-07-20", "a Saturday"),
        ("2026-06-19", "2026-07-20", "a Sunday"),
        ("2026-12-31", "2027-02-01", "31 January is a Sunday"),
    ],
)
def test_dates_by_hand(received: str, last: str, why: str) -> None:
    assert NL.due(noon(received)) == date.fromisoformat(last), why


@pytest.mark.parametrize(
    ("received", "last"),
    [
        ("2026-11-30", "2027-03-01"),  # 28 February 2027 is a Sunday
        ("2026-01-31", "2026-04-30"),
        ("2026-09-26", "2026-12-28"),  # 26 December
    ],
)
def test_extended_it_ends_with_the_third_month(received: str, last: str) -> None:
    assert NL.due(noon(received), extended=True) == date.fromisoformat(last)


def test_the_day_of_receipt_is_that_of_the_controllers_zone() -> None:
    late = datetime(2026, 6, 16, 22, 30, tzinfo=UTC)  # half past midnight of the 17th in Amsterdam
    assert NL.due(late) == date(2026, 7, 17)
    assert Clock(ZoneInfo("UTC"), NL.free, 3).due(late) == date(2026, 7, 16)


def test_another_country_has_other_holidays() -> None:
    germany = clock_of(ClockSettings(country="DE", time_zone="Europe/Berlin"))
    assert germany.due(noon("2026-09-03")) == date(2026, 10, 5)  # 3 October: a holiday, and a Saturday
    assert germany.due(noon("2026-04-01")) == date(2026, 5, 4)  # 1 May is a Friday
    assert NL.due(noon("2026-04-01")) == date(2026, 5, 1)


def one_by_one(received: date, months: int, suspended: int, free: frozenset[date]) -> date:
    """Count calendar days until the period's months have gone by, then the suspended ones, then the free ones."""
    day, crossed = received, 0
    while crossed < months:
        day += timedelta(days=1)
        tomorrow = day + timedelta(days=1)
        is_last_of_month = tomorrow.month != day.month
        if day.day == received.day or (is_last_of_month and day.day < received.day):
            crossed += 1
    for _ in range(suspended):
        day += timedelta(days=1)
    while day.strftime("%a") in ("Sat", "Sun") or day in free:
        day += timedelta(days=1)
    return day


@given(
    st.dates(date(2020, 1, 1), date(2035, 12, 31)),
    st.integers(0, 40),
    st.booleans(),
    st.frozensets(st.dates(date(2026, 1, 1), date(2026, 1, 20))),
)
def test_it_is_what_counting_one_by_one_gives(
    received: date, suspended: int, extended: bool, free: frozenset[date]
) -> None:
    clock = Clock(ZoneInfo("UTC"), free | FREE, 3)
    at = datetime(received.year, received.month, received.day, 23, 59, tzinfo=UTC)
    expected = one_by_one(received, 3 if extended else 1, suspended, free | FREE)
    assert clock.due(at, suspended, extended=extended) == expected


@given(st.dates(date(2020, 1, 1), date(2035, 12, 31)), st.integers(1, 36))
def test_a_period_never_ends_in_a_later_month(day: date, months: int) -> None:
    end = period_end(day, months)
    assert (end.year * 12 + end.month) - (day.year * 12 + day.month) == months
    assert end.day == day.day or (end.day < day.day and (end + timedelta(days=1)).day == 1)


def test_a_working_day_stays() -> None:
    assert working_day(date(2026, 11, 25), frozenset()) == date(2026, 11, 25)
    assert working_day(date(2026, 11, 25), frozenset({date(2026, 11, 25)})) == date(2026, 11, 26)


def test_a_check_that_was_asked_for_without_delay_adds_its_days() -> None:
    received, asked, answered = noon("2026-06-01"), noon("2026-06-03"), noon("2026-06-13")
    assert NL.suspended_days(received, [(asked, answered)], noon("2026-09-01")) == 10
    assert NL.suspended_days(received, [(asked, None)], noon("2026-06-20")) == 17
    assert NL.due(received, 10) == date(2026, 7, 13)  # 1 July and ten days: a Saturday
    assert NL.suspended_days(received, [(asked, asked + timedelta(hours=2))], asked) == 0


def test_a_check_that_was_asked_for_late_suspends_nothing() -> None:
    received = noon("2026-06-01")
    assert NL.is_prompt(received, noon("2026-06-04"))
    assert not NL.is_prompt(received, noon("2026-06-05"))
    assert NL.suspended_days(received, [(noon("2026-06-05"), None)], noon("2026-07-05")) == 0


def test_a_country_that_nobody_knows_is_one_clear_line() -> None:
    for wrong in ("XX", "", "Netherlands", "nl"):
        with pytest.raises(ConfigurationError, match=r"LETHE_COUNTRY .* two capital letters"):
            clock_of(ClockSettings(country=wrong))


@pytest.mark.parametrize("wrong", ["", "Nowhere/Else", "../etc", "Europe", "/etc/localtime"])
def test_a_zone_that_nobody_knows_is_one_clear_line(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=r"LETHE_TIME_ZONE .* Europe/Amsterdam"):
        clock_of(ClockSettings(time_zone=wrong))


def test_times_are_cut_to_what_the_store_keeps() -> None:
    zoned = datetime(2026, 6, 1, 2, 0, 0, 123_999, tzinfo=ZoneInfo("Europe/Amsterdam"))
    assert in_ms(zoned) == datetime(2026, 6, 1, 0, 0, 0, 123_000, tzinfo=UTC)
