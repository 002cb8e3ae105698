"""When the days' keys end."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from lethe.errors import ConfigurationError, DestroyedKeyError
from lethe.protection.day_keys import DayKeys
from lethe.quarantine.day_keys import days_kept, destroy_expired
from lethe.register.load import load
from lethe.register.model import Register
from lethe.requests.unattributed import gone_by
from lethe.settings import TopicSettings
from tests.unit.protection.installation import paths_in
from tests.unit.register.registers import SHIPPED

MIDNIGHT = datetime(2026, 3, 10, tzinfo=UTC)
DAY = timedelta(days=1)
PERIOD = "quarantine: { period: P7D, counts_from: at,"


def register(folder: Path, retention: str) -> Register:
    text = SHIPPED.read_text(encoding="utf-8")
    assert PERIOD in text
    for file in ("docs/policies/2026-01.en.md", "docs/policies/2026-06.en.md"):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes((SHIPPED.parent / file).read_bytes())
    (folder / "register.yaml").write_text(
        text.replace(PERIOD, f"quarantine: {{ {retention},"), encoding="utf-8"
    )
    return load(folder / "register.yaml")


def test_at_each_midnight_what_is_older_than_the_register_keeps_it_ends(tmp_path: Path) -> None:
    keys, shipped = DayKeys(paths_in(tmp_path)), load(SHIPPED)
    for ago in range(12):
        keys.today(MIDNIGHT - ago * DAY)
    assert destroy_expired(shipped, keys, MIDNIGHT) == [date(2026, 2, 27) + n * DAY for n in range(5)]
    assert destroy_expired(shipped, keys, MIDNIGHT) == []
    assert len(keys.load(date(2026, 3, 4))) == 32
    with pytest.raises(DestroyedKeyError):
        keys.load(date(2026, 3, 3))


def test_a_key_in_use_is_never_destroyed_however_short_the_period(tmp_path: Path) -> None:
    keys = DayKeys(paths_in(tmp_path))
    for ago in range(3):
        keys.today(MIDNIGHT - ago * DAY)
    hour = register(tmp_path, "period: PT1H, counts_from: at")
    assert days_kept(hour) == 1
    assert destroy_expired(hour, keys, MIDNIGHT + timedelta(hours=23, minutes=59)) == [
        date(2026, 3, 8),
        date(2026, 3, 9),
    ]
    assert keys.today(MIDNIGHT)[1] == keys.load(date(2026, 3, 10))


def test_a_period_is_read_in_whole_days_and_criteria_are_none(tmp_path: Path) -> None:
    assert days_kept(load(SHIPPED)) == 7
    assert days_kept(register(tmp_path, "period: P1DT23H, counts_from: at")) == 1
    with pytest.raises(ConfigurationError, match=r"retentions\.quarantine: .* needs a period"):
        days_kept(register(tmp_path, "criteria: For a while"))


def test_what_names_nobody_is_gone_when_topic_and_quarantine_have_let_go_of_it(tmp_path: Path) -> None:
    topics = TopicSettings(
        retention_ms=86_400_000, segment_ms=1000, check_ms=1000, timestamp_after_max_ms=1000
    )
    assert gone_by(MIDNIGHT, load(SHIPPED), topics) == MIDNIGHT + 8 * DAY + timedelta(seconds=3)
    assert gone_by(MIDNIGHT, register(tmp_path, "criteria: For a while"), topics) is None
