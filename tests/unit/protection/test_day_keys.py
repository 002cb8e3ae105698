"""Day keys: one a day for all processes, gone when the day is too old."""

import os
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from lethe.errors import ConfigurationError, DestroyedKeyError
from lethe.protection import keys_folder
from lethe.protection.day_keys import DayKeys
from tests.unit.protection.installation import paths_in

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = date(2026, 3, 10)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return keys_folder.made(paths_in(tmp_path))


@pytest.fixture
def keys(tmp_path: Path) -> DayKeys:
    return DayKeys(paths_in(tmp_path))


def test_a_day_has_one_key_and_the_next_day_another(keys: DayKeys, folder: Path, tmp_path: Path) -> None:
    day, key = keys.today(NOON)
    assert (day, len(key)) == (DAY, 32)
    assert DayKeys(paths_in(tmp_path)).today(NOON + timedelta(hours=11)) == (DAY, key)
    assert keys.today(NOON + timedelta(hours=12))[1] != key
    assert keys.load(DAY) == key
    assert (folder / "day-2026-03-10").stat().st_mode & 0o777 == 0o600


def test_the_day_is_that_of_utc(keys: DayKeys) -> None:
    late_in_new_york = datetime(2026, 3, 10, 22, tzinfo=timezone(timedelta(hours=-5)))
    assert keys.today(late_in_new_york)[0] == date(2026, 3, 11)


def test_processes_that_need_a_days_key_at_once_get_the_same_one(keys: DayKeys, folder: Path) -> None:
    children = []
    for _ in range(8):
        reader, writer = os.pipe()
        if (child := os.fork()) == 0:
            try:
                os.write(writer, keys.today(NOON)[1])
            finally:
                os._exit(0)
        os.close(writer)
        children.append((child, reader))
    found = [os.read(reader, 64) for _, reader in children]
    for child, reader in children:
        os.waitpid(child, 0)
        os.close(reader)
    assert set(found) == {keys.load(DAY)}
    assert [file.name for file in folder.iterdir()] == ["day-2026-03-10"]


def test_a_key_that_is_not_there_is_a_clear_error_and_is_not_made_by_reading(
    keys: DayKeys, folder: Path
) -> None:
    with pytest.raises(
        DestroyedKeyError, match="key of 2026-03-10: it has been destroyed, or never was made"
    ):
        keys.load(DAY)
    assert not [*folder.iterdir()]


def test_keys_are_destroyed_when_their_day_began_so_many_days_ago(keys: DayKeys) -> None:
    for ago in range(10):
        keys.today(NOON - timedelta(days=ago))
    midnight = datetime(2026, 3, 10, tzinfo=UTC)
    destroyed = keys.destroy_older_than(7, midnight)
    assert destroyed == [date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)]
    assert len(keys.load(date(2026, 3, 4))) == 32
    for day in destroyed:
        with pytest.raises(DestroyedKeyError):
            keys.load(day)
    assert keys.destroy_older_than(7, midnight) == []


def test_destroying_overwrites_also_what_a_killed_process_left(keys: DayKeys, folder: Path) -> None:
    keys.today(NOON)
    left = folder / ".day-2026-03-10.4711.new"
    left.hardlink_to(folder / "day-2026-03-10")
    kept = folder / "another name"
    kept.hardlink_to(left)
    assert keys.destroy_older_than(1, NOON + timedelta(days=1)) == [DAY]
    assert [file.name for file in folder.iterdir()] == ["another name"]
    assert kept.read_bytes() == bytes(65)


def test_other_files_are_left_alone(keys: DayKeys, folder: Path) -> None:
    for name in ("pepper", "kek-1", "day-2026-03-10.bak", "day-1"):
        (folder / name).touch()
    assert keys.destroy_older_than(0, NOON + timedelta(days=9)) == []
    assert len([*folder.iterdir()]) == 4


def test_no_folder_is_nothing_to_destroy(keys: DayKeys) -> None:
    assert keys.destroy_older_than(7, NOON) == []


def test_a_damaged_key_is_not_replaced(keys: DayKeys, folder: Path) -> None:
    file = folder / "day-2026-03-10"
    file.touch(mode=0o600)
    with pytest.raises(ConfigurationError, match=r"key of 2026-03-10: .* holds 0 bytes"):
        keys.today(NOON)
