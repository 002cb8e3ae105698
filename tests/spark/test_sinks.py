"""What is written beside a row: how long it lives."""

import pytest

from spark_apps.sinks import time_to_live

NOW_MS = 1_795_521_600_000
DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("left_ms", "seconds"),
    [(30 * DAY_MS, 2_592_000), (1_001, 2), (1_000, 1), (999, 1), (1, 1)],
)
def test_a_row_lives_for_what_is_left_of_its_retention_and_never_for_ever(left_ms: int, seconds: int) -> None:
    event_ms = NOW_MS - 130 * DAY_MS + left_ms
    assert time_to_live(event_ms, 100, NOW_MS) == seconds


def test_a_row_that_is_kept_by_criteria_has_no_end() -> None:
    assert time_to_live(NOW_MS, None, NOW_MS) == 0
