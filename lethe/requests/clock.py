"""By when a request must be answered: GDPR Art. 12(3), counted by Regulation (EEC, Euratom) No 1182/71, Art. 3.

The day of receipt is not counted. The period ends with the day of the last month that has its number, or with that
month's last day; where that is a Saturday, a Sunday or a public holiday, with the next working day (Art. 3(4)).
"""

from calendar import monthrange
from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays

from lethe.errors import ConfigurationError
from lethe.settings import ClockSettings

MONTHS = 1
EXTENDED_MONTHS = 3  # one month, and two further ones
SATURDAY = 5

Span = tuple[datetime, datetime | None]  # from, and to; None: it goes on


def period_end(day: date, months: int) -> date:
    """The last day of a period of months that runs from `day`, be it a working day or not (Art. 3(2)(c))."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def working_day(day: date, free: Container[date]) -> date:
    """The day itself, or the next that is neither Saturday, Sunday nor in `free`."""
    while day.weekday() >= SATURDAY or day in free:
        day += timedelta(days=1)
    return day


@dataclass(frozen=True, slots=True)
class Clock:
    """The controller's calendar. `prompt_days`: an identity check asked for within them suspends (Art. 12(6))."""

    zone: ZoneInfo
    free: Container[date]  # public holidays
    prompt_days: int

    def day(self, at: datetime) -> date:
        """The day that it is at the controller's; `at` has a zone."""
        return at.astimezone(self.zone).date()

    def due(self, received_at: datetime, suspended: int = 0, *, extended: bool = False) -> date:
        """The last day on which the answer is in time.

        `suspended`: for how many days the clock stood still; they are added before the end is moved to a working day.
        """
        months = EXTENDED_MONTHS if extended else MONTHS
        end = period_end(self.day(received_at), months) + timedelta(days=suspended)
        return working_day(end, self.free)

    def is_prompt(self, received_at: datetime, asked_at: datetime) -> bool:
        """Whether an identity check was asked for without delay."""
        return (self.day(asked_at) - self.day(received_at)).days <= self.prompt_days

    def suspended_days(self, received_at: datetime, checks: Iterable[Span], now: datetime) -> int:
        """For how many days identity checks that were asked for without delay have been open until `now`.

        Checks come one after the other. The day of the question counts, that of the answer does not.
        """
        return sum(
            max(0, (self.day(ended or now) - self.day(asked)).days)
            for asked, ended in checks
            if self.is_prompt(received_at, asked)
        )


def clock_of(settings: ClockSettings | None = None) -> Clock:
    """The clock of the controller's country. Raises ConfigurationError for a country or a zone that nobody knows."""
    chosen = settings or ClockSettings()
    if chosen.country not in holidays.list_supported_countries(include_aliases=False):
        raise ConfigurationError(
            f"LETHE_COUNTRY {chosen.country!r}: no public holidays are known of it; give two capital letters "
            "(ISO 3166-1), such as NL"
        )
    try:
        zone = ZoneInfo(chosen.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"LETHE_TIME_ZONE {chosen.time_zone!r}: there is no such zone; give one such as Europe/Amsterdam"
        ) from error
    return Clock(zone, holidays.country_holidays(chosen.country), chosen.identity_days)


def now() -> datetime:
    """The time, in the milliseconds that MongoDB keeps."""
    return in_ms(datetime.now(UTC))


def in_ms(at: datetime) -> datetime:
    """A time in UTC, cut to milliseconds."""
    return at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)
