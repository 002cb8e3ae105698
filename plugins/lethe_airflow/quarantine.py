"""What Airflow does for quarantine."""

import logging

from lethe.protection.day_keys import DayKeys
from lethe.quarantine import day_keys
from lethe.register.load import load
from lethe.settings import Paths

LOG = logging.getLogger(__name__)


def destroy_expired() -> list[str]:
    """Destroy the keys of days whose time is over; returns the days."""
    days = [day.isoformat() for day in day_keys.destroy_expired(load(), DayKeys(Paths()))]
    LOG.info("keys destroyed of %s", ", ".join(days) or "no day")
    return days
