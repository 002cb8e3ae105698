"""Who may do what in the stores and in Airflow, as tables: `make rights` writes them into docs/security.md.

Each is made from what the code grants, so that the page can't say otherwise. The same code lists every cell that is a
no; tests/integration/test_rights.py tries each on the running servers.
"""

import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from lethe.register.load import load
from lethe.register.masks import shown_columns
from lethe.register.model import Register
from lethe.register.schema import cassandra_columns
from lethe.settings import PROJECT, CassandraSettings
from lethe.stack import airflow_rights
from lethe.stack.provision import cassandra, kafka, mongodb_rights
from lethe.stores.cassandra import CONSENTS, EMAIL_INDEX, TABLE, TABLES
from lethe.stores.kafka import TOPICS
from lethe.stream import fence

PAGE = PROJECT / "docs" / "security.md"
BLOCK = re.compile(r"(<!-- rights: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
LETTERS = {"find": "F", "insert": "I", "update": "U", "remove": "R"}
LEASE_ROLE = "stream_<number>"

UNMASK, SELECT_MASKED = (
    "UNMASK",
    "SELECT_MASKED",
)  # to see behind a mask; to ask for rows by what is behind it
ON_TABLE = ("SELECT", "MODIFY", "AUTHORIZE", "ALTER", "DROP")
ON_KEYSPACE = ("CREATE", "ALTER", "DROP")
ON_ROLES = ("CREATE", "ALTER", "DROP", "AUTHORIZE", "DESCRIBE")


class Right(NamedTuple):
    """One thing that a role may do with one thing; of Cassandra in its own words, `data/lethe/profiles`."""

    role: str
    resource: str
    action: str


def cassandra_rights(keyspace: str) -> dict[str, dict[str, frozenset[str]]]:
    """Those of the fixed roles and, under LEASE_ROLE, those of the role of the lease in force."""
    lease = {f"data/{keyspace}/{table}": frozenset(rights) for table, rights in fence.RIGHTS.items()}
    return {LEASE_ROLE: lease, **cassandra.rights(keyspace)}


def refused_by_cassandra(keyspace: str) -> list[Right]:
    """Every right that a role lacks, on the table, its keyspace, all roles, and the keyspace of passwords."""
    asked = {
        f"data/{keyspace}/{TABLE}": (*ON_TABLE, UNMASK),
        f"data/{keyspace}/{CONSENTS}": ON_TABLE,  # it has no mask
        f"data/{keyspace}/{EMAIL_INDEX}": (*ON_TABLE, SELECT_MASKED),
        f"data/{keyspace}": ON_KEYSPACE,
        cassandra.ALL_ROLES: ON_ROLES,
        f"data/{cassandra.ROLES_KEYSPACE}": ("SELECT", "MODIFY"),
    }
    return [
        Right(role, resource, action)
        for role, held in cassandra_rights(keyspace).items()
        for resource, actions in asked.items()
        for action in actions
        if not any(action in held.get(name, ()) for name in (resource, resource.rpartition("/")[0]))
    ]


def refused_by_mongodb() -> list[Right]:
    """Every action on a collection or a view that a role lacks."""
    return [
        Right(role, name, action)
        for role, held in mongodb_rights.RIGHTS.items()
        for name in (*mongodb_rights.COLLECTIONS, *mongodb_rights.VIEWS)
        for action in LETTERS
        if action not in held.get(name, ())
    ]


def refused_by_kafka() -> list[Right]:
    """What a user may not do with each topic."""
    return [
        Right(role, topic, action.name)
        for role, held in kafka.ON_TOPICS.items()
        for topic in TOPICS
        for action in (kafka.READ, kafka.WRITE)
        if action not in held
    ]


def tables(register: Register) -> dict[str, str]:
    """Each table in Markdown, by the name that the page's marks give it."""
    keyspace = CassandraSettings.model_fields["keyspace"].default
    return {
        "kafka": _kafka(),
        "cassandra": _cassandra(keyspace),
        "masks": _masks(register),
        "mongodb": _mongodb(),
        "airflow": _airflow(),
    }


def _kafka() -> str:
    rows = [
        (
            _code(role),
            ", ".join(each.name for each in held),
            _code(kafka.ON_GROUPS[role]) if role in kafka.ON_GROUPS else "",
        )
        for role, held in kafka.ON_TOPICS.items()
    ]
    return _table(("user", "on both topics", "consumer groups that begin with"), rows)


def _cassandra(keyspace: str) -> str:
    places = [*(f"data/{keyspace}/{table}" for table in TABLES), f"data/{keyspace}", cassandra.ALL_ROLES]
    order = ["SELECT", UNMASK, SELECT_MASKED, *ON_TABLE[1:], *ON_ROLES]
    rows = [
        (_code(role), *(", ".join(sorted(held.get(place, ()), key=order.index)) for place in places))
        for role, held in cassandra_rights(keyspace).items()
    ]
    named = [f"`{keyspace}.{table}`" for table in TABLES]
    return _table(("role", *named, f"every table of `{keyspace}`", "all roles"), rows)


def _masks(register: Register) -> str:
    shown = shown_columns(register)
    columns = list(cassandra_columns(register))
    rows = [
        ("in clear", ", ".join(_code(name) for name in columns if name in shown)),
        ("masked", ", ".join(_code(name) for name in columns if name not in shown)),
    ]
    return _table(("to `analyst`", "columns"), rows)


def _mongodb() -> str:
    rights = mongodb_rights.RIGHTS
    rows = [
        (
            _code(name),
            *("".join(LETTERS[action] for action in held.get(name, ())) for held in rights.values()),
        )
        for name in (*mongodb_rights.COLLECTIONS, *mongodb_rights.VIEWS)
    ]
    return _table(("collection", *rights), rows)


def _airflow() -> str:
    rows = [
        (
            _code(role),
            *(_on_dags(role, method) for method in airflow_rights.METHODS),
            _on_resources(role),
        )
        for role in airflow_rights.ROLES
    ]
    return _table(("user", "reads, of DAGs", "starts", "changes", "deletes", "besides"), rows)


def _on_dags(role: str, method: str) -> str:
    parts = airflow_rights.ON_DAGS[role].get(method, frozenset())
    if not parts:
        return ""
    missing = airflow_rights.ALL - parts
    said = ", ".join(sorted(_words(part) for part in parts))
    if len(missing) < 2:
        said = "all" + "".join(f" but {_words(part)}" for part in missing)
    return said + ("; open DAGs only" if (role, method) in airflow_rights.OPEN_ONLY else "")


def _on_resources(role: str) -> str:
    held = airflow_rights.ON_RESOURCES[role]
    if {*held} == {*airflow_rights.RESOURCES} and all(len(actions) == 4 for actions in held.values()):
        return "everything"
    reads = [f"{name}s" for name, actions in held.items() if {*actions} == {airflow_rights.READ}]
    uses = [f"{name}s" for name, actions in held.items() if len(actions) == 4]
    return "; ".join(
        f"{verb} {', '.join(names)}" for verb, names in (("reads", reads), ("uses", uses)) if names
    )


def _words(part: str) -> str:
    return part if part == airflow_rights.DAG else part.lower().replace("_", " ")


def _code(text: str) -> str:
    return f"`{text}`"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cells).replace("  ", " ").rstrip() + " |\n" for cells in lines)


def rewritten(text: str, register: Register) -> str:
    """A page with each marked table made anew. Raises KeyError for a mark that names none."""
    made = tables(register)
    return BLOCK.sub(lambda block: f"{block[1]}{made[block[2]]}{block[3]}", text)


def main(page: Path = PAGE) -> None:
    """Write the page's tables anew; says so when they were not those of the code."""
    before = page.read_text(encoding="utf-8")
    after = rewritten(before, load())
    if after != before:
        page.write_text(after, encoding="utf-8")
        print(f"{page.name}: tables of rights written anew", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
