"""The blind index of e-mail addresses: a keyed hash by which one who has an address, and the key, finds its row.

HMAC-SHA256 (RFC 2104) under a key of its own, of the address as enrichment stores it. It is personal data (derived from
contact data): whoever holds table and key can try addresses. Without the key it shows only that two rows have the same.
"""

import hashlib
import hmac
import secrets
from pathlib import Path
from typing import Final

from lethe import durable_files
from lethe.errors import ConfigurationError
from lethe.profiles.text import clean, email_parts
from lethe.protection import keys_folder
from lethe.settings import Paths

_LABEL: Final = b"lethe email index 1\0"


def key_file(paths: Paths) -> Path:
    """Where the index's key lies: in the keys folder, never below the data."""
    return paths.keys_dir / "email-index-key"


def create_key(paths: Paths) -> None:
    """Make the key once; raises ConfigurationError when the keys folder lies inside the data folder."""
    keys_folder.made(paths)
    durable_files.create(key_file(paths), keys_folder.as_written(secrets.token_bytes(keys_folder.KEY_BYTES)))


class BlindIndex:
    """Index values by the key in the keys folder.

    Raises ConfigurationError when it is missing, malformed, or open to others.
    """

    def __init__(self, paths: Paths | None = None) -> None:
        file = key_file(paths or Paths())
        try:
            self._key = keys_folder.read(file, "key of the e-mail index")
        except FileNotFoundError as error:
            raise ConfigurationError(
                f"key of the e-mail index: there is no {file}; `lethe up` makes it with LETHE_INTAKE_EMAIL_INDEX=true"
            ) from error

    def value(self, address: str) -> str | None:
        """64 hex digits for an address, whatever its case and the blanks around it; None for what can be none."""
        cleaned = clean(address)
        if cleaned is None or "@" not in cleaned:
            return None
        normal, _ = email_parts(cleaned)
        return hmac.digest(self._key, _LABEL + normal.encode(), hashlib.sha256).hex()
