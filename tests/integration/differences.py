"""What is too little, too much or other in one of two sets of rows: told by keys and names of columns, no values."""

from collections.abc import Mapping
from typing import Any

SHOWN = 8  # differences of a kind

Rows = Mapping[str, Mapping[str, Any]]


def without(rows: Rows, *names: str) -> dict[str, dict[str, Any]]:
    return {
        key: {name: value for name, value in row.items() if name not in names} for key, row in rows.items()
    }


def differences(what: str, found: Rows, expected: Rows) -> list[str]:
    """What is too little, too much, or other than expected, by key and names of columns."""
    told = [
        *named(f"{what}: missing", expected.keys() - found.keys()),
        *named(f"{what}: too many", found.keys() - expected.keys()),
    ]
    other = []
    for key in sorted(expected.keys() & found.keys()):
        names = sorted(
            name
            for name in expected[key].keys() | found[key].keys()
            if expected[key].get(name) != found[key].get(name)
        )
        if names:
            other.append(f"{what} {key}: {', '.join(names)}")
    more = [f"{what}: {len(other) - SHOWN} more differ"] if len(other) > SHOWN else []
    return [*told, *other[:SHOWN], *more]


def named(what: str, keys: Any) -> list[str]:
    if not keys:
        return []
    shown = ", ".join(sorted(keys)[:SHOWN])
    return [f"{what}: {len(keys)} ({shown}{', …' if len(keys) > SHOWN else ''})"]
