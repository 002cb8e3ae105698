"""Every credential of the embedded stack: generated once, one file each, different for each service and role.

Losing a file means losing the way in: the servers keep what they were first given, so an existing credential
is never made anew.
"""

import secrets
import string
from collections.abc import Callable

from cryptography.fernet import Fernet

from lethe.evidence import signing
from lethe.protection import blind_index
from lethe.protection.key_store import KeyStore
from lethe.protection.pseudonym import create_pepper
from lethe.settings import IntakeSettings, Paths
from lethe.stack.private_files import create as create_file
from lethe.stack.private_files import private_folder

# Letters and digits only: such a password needs no quoting in a shell, a URL, a CQL literal or a properties
# file. 32 of them hold 190 bits.
ALPHABET = string.ascii_letters + string.digits
PASSWORD_LENGTH = 32
SECRET_LENGTH = 96  # Airflow wants 64 characters or more to sign its tokens with

CASSANDRA_ROLES = ("fence", "eraser", "auditor", "scanner", "rotator", "intake", "operator", "analyst")
MONGO_ROLES = (
    *("admin", "stream", "fence", "supervision", "eraser", "auditor"),
    *("scanner", "publisher", "dashboard", "rotator", "operator", "analyst", "quarantine", "archivist"),
    *("intake", "casework"),
)
PASSWORDS = (
    *(f"kafka-{role}" for role in ("admin", "producer", "stream", "eraser", "auditor")),
    *(f"cassandra-{role}" for role in ("admin", *CASSANDRA_ROLES)),
    "cassandra-jmx",
    "cassandra-keystore",
    *(f"mongo-{role}" for role in MONGO_ROLES),
    *(f"airflow-{role}" for role in ("admin", "controller", "dpo", "viewer")),
    "dashboard-login",
)
SIGNING_SECRETS = (
    "mongo-keyfile",
    "airflow-jwt",
    "airflow-secret",
    "dashboard-session",
    "spark-authenticate",
)
FERNET_KEY = "airflow-fernet"


def _random_text(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _generators() -> dict[str, Callable[[], str]]:
    """How each credential is made, by its name."""
    return {
        **dict.fromkeys(PASSWORDS, lambda: _random_text(PASSWORD_LENGTH)),
        **dict.fromkeys(SIGNING_SECRETS, lambda: _random_text(SECRET_LENGTH)),
        FERNET_KEY: lambda: Fernet.generate_key().decode(),
    }


def create(paths: Paths) -> list[str]:
    """Make every credential that is missing, the pepper, signing key and key state; returns the names of the new ones.

    Raises ConfigurationError when the keys folder lies inside the data folder, KeyStateError when the key state of a
    key-encryption key is lost: a new one would make everything unreadable that the old one encrypted.
    """
    private_folder(paths.home)
    private_folder(paths.secrets)
    made = [name for name, make in _generators().items() if create_file(paths.secrets / name, make() + "\n")]
    create_pepper(paths)
    signing.create_key(paths)
    if IntakeSettings().email_index:
        blind_index.create_key(paths)
    KeyStore(paths).create()
    return made
