"""The steps of `user_consents` that differ from a profile's: reading, and whose it is."""

from collections.abc import Callable, Sequence

from lethe.profiles.consent_messages import parse_consent
from lethe.profiles.contract import Message, Refusal
from lethe.profiles.rules import Rules
from lethe.stores.quarantine import Refused
from spark_apps.transforms import Row, named_by, refusal


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
        elif row.refusal is not None:
            row.subject_ids = named_by(row.refusal.user_id, row.message, pseudonym)
    return list(rows)


def accepted(rows: Sequence[Row]) -> tuple[list[Row], list[Refused]]:
    """The rows with a consent, and the refused ones."""
    refused = [refusal(row, row.refusal) for row in rows if row.refusal is not None]
    return [row for row in rows if row.consent is not None], refused
