"""The credentials of the containers: those of the embedded stack, and the one that only containers need."""

import os
import secrets

from lethe.settings import Paths
from lethe.stack import credentials
from lethe.stack.private_files import create as create_file

AIRFLOW_DATABASE = "airflow-database"  # PostgreSQL's; the embedded Airflow keeps its metadata in SQLite
DEFAULT_OWNER = 1000  # of docker-compose.yaml: the first user of most Linux systems


def owner() -> dict[str, int]:
    """The variables of docker-compose.yaml that make containers run as whoever may read the files."""
    return {"LETHE_UID": os.getuid(), "LETHE_GID": os.getgid()}


def create(paths: Paths) -> list[str]:
    """Make every credential that is missing, and the pepper; returns the names of the new ones.

    Raises ConfigurationError when the keys folder lies inside the data folder.
    """
    made = credentials.create(paths)
    if create_file(paths.secrets / AIRFLOW_DATABASE, secrets.token_hex(24) + "\n"):
        made.append(AIRFLOW_DATABASE)
    return made
