"""Times as texts: as Lethe writes them in what is signed, and as users type them."""

from datetime import UTC, datetime

from lethe.errors import InputError
from lethe.profiles.times import moment_ms


def time_text(moment: datetime) -> str:
    """RFC 3339, UTC, in ms: texts in the order of the times."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def time_of(text: str | None, option: str) -> datetime | None:
    """A time as it is typed: RFC 3339 with an offset, or a date, its first moment in UTC. Raises InputError else."""
    if text is None:
        return None
    milliseconds = moment_ms(text)
    if milliseconds is None:
        raise InputError(f"{option}: not a time such as 2026-11-24T10:00:00Z, or a date")
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
