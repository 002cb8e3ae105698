"""User ids as a requester types them: checked, brought to their one form, and never repeated in a message."""

import re
from collections.abc import Iterable

from lethe.errors import InputError

# Also the schema of the DAG's param: Airflow's form, API and CLI then refuse what we would refuse. The length
# keeps out a last newline, which `$` lets pass.
PATTERN = "^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$"
LENGTH = 36

_USER_ID = re.compile(PATTERN.strip("^$"))


def canonical(text: str) -> str:
    """The user id as producers give it: a UUID in lower case (RFC 9562 s4).

    Raises InputError, without the text itself, where it is not a UUID.
    """
    if _USER_ID.fullmatch(text) is None:
        raise InputError("user_id is not a UUID (8-4-4-4-12 hexadecimal digits)")
    return text.lower()


def read(texts: Iterable[str], source: str) -> list[str]:
    """The user ids in these texts, in their order, each once; blank ones are left out.

    `source` says what a position counts in messages ("argument", "line"). Raises InputError with the positions,
    counted from 1, of those that are malformed.
    """
    found: dict[str, None] = {}
    malformed: list[str] = []
    for position, text in enumerate(texts, start=1):
        if not text.strip():
            continue
        try:
            found.setdefault(canonical(text.strip()))
        except InputError:
            malformed.append(str(position))
    if malformed:
        raise InputError(f"{source} {', '.join(malformed)}: not a UUID; nothing was requested")
    if not found:
        raise InputError(f"no user id given: expected at least one {source}")
    return list(found)
