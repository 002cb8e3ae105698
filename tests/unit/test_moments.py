"""Times as texts."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from lethe.errors import InputError
from lethe.moments import time_of, time_text

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_a_typed_time_is_rfc_3339_or_a_date() -> None:
    assert time_of("2026-11-24T13:00:00+01:00", "--since") == NOON
    assert time_of("2026-11-24", "--since") == NOON.replace(hour=0)
    assert time_of(None, "--since") is None
    for wrong in ("yesterday", "2026-11-24T13:00:00", "2026-13-01", ""):
        with pytest.raises(InputError, match="--since: not a time"):
            time_of(wrong, "--since")


def test_times_are_written_in_utc_and_milliseconds_so_that_texts_have_their_order() -> None:
    assert time_text(NOON.astimezone(timezone(timedelta(hours=1)))) == "2026-11-24T12:00:00.000Z"
    assert time_text(NOON) < time_text(NOON + timedelta(milliseconds=1))
