"""subject_id: the name under which our stores know a subject.

HMAC-SHA256 keyed by the installation's pepper (RFC 2104): without the pepper it can neither be computed nor
guessed from a list of user ids. It is pseudonymous personal data (GDPR Art. 4(5)), not anonymous.
"""

import hashlib
import hmac
import secrets
from pathlib import Path

from lethe.errors import ConfigurationError
from lethe.settings import Paths

PEPPER_BYTES = 32


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
        mode = file.stat().st_mode & 0o077
        pepper = bytes.fromhex(file.read_text().strip())
    except OSError as error:
        raise ConfigurationError(
            f"pepper: {file} can't be read ({error.strerror}); see LETHE_KEYS_DIR"
        ) from error
    except ValueError as error:
        raise ConfigurationError(f"pepper: {file} is not hexadecimal; restore it from its backup") from error
    if mode:
        raise ConfigurationError(f"pepper: {file} is open to others; chmod 600 it")
    if len(pepper) != PEPPER_BYTES:
        raise ConfigurationError(f"pepper: {file} holds {len(pepper)} bytes, not {PEPPER_BYTES}")
    return pepper


def create_pepper(paths: Paths) -> None:
    """Make the pepper once; an existing one is left alone, since every subject_id rests on it.

    Raises ConfigurationError when the keys folder lies inside the data folder: one backup would hold both.
    """
    folder, home = paths.keys_dir.resolve(), paths.home.resolve()
    if folder.is_relative_to(home):
        raise ConfigurationError(f"LETHE_KEYS_DIR {folder} lies inside LETHE_HOME {home}; move it out")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = pepper_file(paths)
    if file.exists():
        return
    partial = file.with_suffix(".new")
    partial.touch(mode=0o600)
    partial.chmod(0o600)
    partial.write_text(secrets.token_hex(PEPPER_BYTES) + "\n")
    partial.rename(file)
