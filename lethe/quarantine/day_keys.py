"""The end of the days' keys: with them ends what quarantine holds of messages that name nobody."""

from datetime import date, datetime
from typing import Final

from lethe.errors import ConfigurationError
from lethe.protection.day_keys import DayKeys
from lethe.register.model import Register

QUARANTINE: Final = "mongodb.quarantine"


def days_kept(register: Register) -> int:
    """For how many days a day's key lives: the register's retention of quarantine, in whole days, and at least one.

    Raises ConfigurationError where that is told by criteria.
    """
    store = register.stores[QUARANTINE]
    period = register.retentions[store.retention].shortest
    if period is None:
        raise ConfigurationError(
            f"retentions.{store.retention}: {QUARANTINE} needs a period; see `register.yaml`"
        )
    return max(1, period.days)


def destroy_expired(register: Register, keys: DayKeys, now: datetime | None = None) -> list[date]:
    """Destroy the keys of days whose time is over; returns the days. Repeated, or late, it does the same.

    It never meets a worker, which uses the key of its own day alone: that key's end lies days after its last use.
    """
    return keys.destroy_older_than(days_kept(register), now)
