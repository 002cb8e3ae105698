"""Airflow imports this before it opens its database: whatever it deletes or replaces in SQLite is overwritten too.

Otherwise a row that grows or moves leaves its old bytes in the file, where nothing that scrubs rows would find them.
"""

from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

__all__: list[str] = []  # Airflow takes every name that is listed for a setting of its own


@event.listens_for(Engine, "connect")
def overwrite_what_is_deleted(connection: Any, _record: Any) -> None:
    """SQLite's pragma `secure_delete`, which holds for one connection."""
    if "sqlite" in type(connection).__module__:
        cursor = connection.cursor()
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.close()
