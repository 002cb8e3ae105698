"""subject_id: the name under which our stores know a subject.

HMAC-SHA256 keyed by the installation's pepper (RFC 2104): without the pepper it can neither be computed nor
guessed from a list of user ids. It is pseudonymous personal data (GDPR Art. 4(5)), not anonymous.
"""

import hashlib
import hmac
import secrets
from pathlib import Path

from lethe import durable_files
from lethe.errors import ConfigurationError
from lethe.protection import keys_folder
from lethe.settings import Paths

PEPPER_BYTES = keys_folder.KEY_BYTES


def subject_id(pepper: bytes, user_id: str) -> str:
    """64 hex digits for a user id given as a canonical lower-case UUID text."""
    return hmac.digest(pepper, user_id.encode("ascii"), hashlib.sha256).hex()


def pepper_file(paths: Paths) -> Path:
    """Where the pepper lies: in the keys folder, never below the data."""
    return paths.keys_dir / "pepper"


def load_pepper(paths: Paths | None = None) -> bytes:
    """The 32 bytes of the pepper.

    Raises ConfigurationError when it is missing, malformed, or open to others.
    """
    file = pepper_file(paths or Paths())
    try:
        return keys_folder.read(file, "pepper")
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"pepper: {file} can't be read ({error.strerror}); see LETHE_KEYS_DIR"
        ) from error


def create_pepper(paths: Paths) -> None:
    """Make the pepper once; an existing one is left alone, since every subject_id rests on it.

    Raises ConfigurationError when the keys folder lies inside the data folder: one backup would hold both.
    """
    keys_folder.made(paths)
    durable_files.create(pepper_file(paths), keys_folder.as_written(secrets.token_bytes(PEPPER_BYTES)))
