"""Keys for what belongs to no known subject (a refused message without a user id): one a UTC day.

Random, not derived: destroying the day's file is what ends everything that was encrypted under it.
"""

import re
import secrets
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from lethe import durable_files
from lethe.errors import DestroyedKeyError
from lethe.protection import keys_folder
from lethe.settings import Paths

_NAME = re.compile(r"\.?day-(\d{4}-\d{2}-\d{2})(?:\.\d+\.new)?")


class DayKeys:
    """256-bit keys as files `day-<YYYY-MM-DD>` in the keys folder.

    Raises ConfigurationError when that folder lies inside the data folder.
    """

    def __init__(self, paths: Paths) -> None:
        self._folder = keys_folder.checked(paths)

    def today(self, now: datetime | None = None) -> tuple[date, bytes]:
        """The day, and its key for what is encrypted now; made at first use, the same for all processes.

        `now` is a time with its zone. Raises ConfigurationError when the file is malformed, or open to others.
        """
        day = (now or datetime.now(UTC)).astimezone(UTC).date()
        try:
            return day, self.load(day)
        except DestroyedKeyError:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            key = secrets.token_bytes(keys_folder.KEY_BYTES)
            durable_files.create(self._file(day), keys_folder.as_written(key))
            return day, self.load(day)

    def load(self, day: date) -> bytes:
        """The key of a day for reading.

        Raises DestroyedKeyError when there is none, ConfigurationError when it is malformed, or open to others.
        """
        try:
            return keys_folder.read(self._file(day), f"key of {day}")
        except FileNotFoundError as error:
            raise DestroyedKeyError(
                f"key of {day}: it has been destroyed, or never was made; what it encrypted can't be read again"
            ) from error

    def destroy_older_than(self, days: int, now: datetime | None = None) -> list[date]:
        """Destroy the keys of days that began `days` x 24 hours ago or earlier; returns those days, ascending.

        Called at each midnight (UTC), nothing that `today` gave a key for can be read for longer than `days` days.
        """
        last = (now or datetime.now(UTC)).astimezone(UTC).date() - timedelta(days=days)
        over = [(day, file) for day, file in self._files() if day <= last]
        for _, file in over:
            durable_files.destroy(file)
        return sorted({day for day, _ in over})

    def _files(self) -> list[tuple[date, Path]]:
        """Every day's file, and what a killed process left of one."""
        if not self._folder.exists():
            return []
        named = [(_NAME.fullmatch(file.name), file) for file in self._folder.iterdir()]
        return [(date.fromisoformat(match[1]), file) for match, file in named if match]

    def _file(self, day: date) -> Path:
        return self._folder / f"day-{day.isoformat()}"
