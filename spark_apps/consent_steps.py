"""The steps of `user_consents` that differ from a profile's: reading, and whose it is."""

from collections.abc import Callable, Sequence

from lethe.profiles import parsing
from lethe.profiles.consent_messages import parse_consent
from lethe.profiles.contract import Message, Refusal
from lethe.profiles.rules import Rules
from spark_apps.transforms import Row


def read(records: Sequence[Message], now_ms: int, rules: Rules) -> list[Row]:
    """Rows with a consent each, or a refusal; tombstones and Lethe's own records are left out."""
    rows = []
    for message in records:
        found = parse_consent(message, now_ms, rules)
        if isinstance(found, Refusal):
            rows.append(Row(message, {}, found))
        elif found is not None:
            rows.append(Row(message, {}, consent=found))
    return rows


def identify(rows: Sequence[Row], pseudonym: Callable[[str], str]) -> list[Row]:
    """Give each row its subjects' ids: of `user_id`, and of the Kafka key where that names another."""
    for row in rows:
        if row.consent is not None:  # the key says the same
            row.subject_ids = (pseudonym(row.consent.user_id),)
            continue
        said = row.refusal.user_id if row.refusal else None
        names = dict.fromkeys((said, parsing.key_user_id(row.message.key)))
        row.subject_ids = tuple(pseudonym(name) for name in names if name is not None)
    return list(rows)


def accepted(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """The rows with a consent, and the refused ones."""
    return [row for row in rows if row.consent is not None], [row for row in rows if row.consent is None]
