"""Asks Airflow's own API server, in this process, everything as every role: `python tests/dags/access.py ANSWERS.json`.

A process of its own: Airflow reads its settings when it is imported, and must not find a user's. No port is opened
and no task runs: a run that is triggered stays queued.
"""

import json
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
PERSON = "5f2b9e0c-7d1a-4c3e-9b8f-0a1b2c3d4e5f"
ERASURE, SUPERVISION = "erase_subject", "supervise_stream"
ROLES = ("admin", "controller", "dpo", "viewer")
DAGS = (ERASURE, SUPERVISION)
READING = "GET"
LISTS = (
    "/api/v2/dags/{dag_id}/dagRuns/list",
    "/api/v2/dags/{dag_id}/dagRuns/{dag_run_id}/taskInstances/list",
)
BULK = ("/connections", "/dagRuns", "/pools", "/variables")


def main(file: Path) -> None:
    """Write who was answered what."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as home:
        os.environ |= settings(Path(home))
        from fastapi.testclient import TestClient

        app = prepare()
        with TestClient(app, base_url="http://localhost:8080", raise_server_exceptions=False) as client:
            file.write_text(json.dumps(ask(client, list(routes(app.routes)))))


def settings(home: Path) -> dict[str, str]:
    """The embedded stack's, as far as rights go."""
    from lethe.settings import Paths, Ports
    from lethe.stack import airflow, credentials

    os.environ |= {"LETHE_HOME": str(home / "lethe"), "LETHE_KEYS_DIR": str(home / "keys")}
    credentials.create(Paths())
    airflow.prepare(Paths(), Ports(), {})
    return airflow.environment(Paths()) | {"AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"}


def prepare() -> Any:
    """The API server's application over an empty database that knows the DAGs."""
    import airflow  # noqa: F401 - it reads the settings
    from airflow.api_fastapi.app import create_app
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.utils.db import initdb

    initdb()
    DagBundlesManager().sync_bundles_to_db()
    sync_bag_to_db(DagBag(PROJECT / "dags", bundle_name="dags-folder"), "dags-folder", None)
    return create_app(apps="core")


def routes(held: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Method and path of everything that is served; pages that only carry the web UI's programs are left out."""
    for route in held:
        if getattr(route, "methods", None):
            yield from ((method, prefix + route.path) for method in route.methods - {"HEAD", "OPTIONS"})
        elif hasattr(route, "routes") and route.path.startswith(("/api", "/ui", "/auth")):
            yield from routes(route.routes, prefix + route.path)


def ask(client: Any, known: list[tuple[str, str]]) -> dict[str, Any]:
    """What each role was answered; of readings also whether the answer names the person."""
    tokens = {role: log_in(client, role) for role in ROLES}

    def send(role: str, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {tokens[role]}"}
        return client.request(method, path, headers=headers, json=body, follow_redirects=False)

    def status(role: str, method: str, path: str, body: Any = None) -> int:
        return int(send(role, method, path, body).status_code)

    starting = ("dpo", "viewer", "controller")
    triggered = {
        role: {dag: status(role, "POST", runs(dag), trigger(dag)) for dag in DAGS} for role in starting
    }
    names = {dag: send("admin", READING, runs(dag)).json()["dag_runs"][0]["dag_run_id"] for dag in DAGS}
    read: dict[str, list[tuple[str, int, bool]]] = {}
    for role, (method, place) in product(("dpo", "viewer"), places(known, names[ERASURE])):
        answer = send(role, method, place, {} if method != READING else None)
        read.setdefault(role, []).append((f"{method} {place}", answer.status_code, PERSON in answer.text))
    changes = [(method, path) for method, path in known if method != READING and path not in LISTS]
    changed = {
        role: {
            f"{method} {path}": status(
                role, method, fill(path, ERASURE, names[ERASURE]), body(path, names[ERASURE])
            )
            for method, path in changes
        }
        for role in ("dpo", "viewer")
    }
    menus = {role: send(role, READING, "/ui/auth/menus").json()["authorized_menu_items"] for role in ROLES}
    deleting = ("dpo", "viewer", "controller", "admin")
    deleted = {
        role: {dag: status(role, "DELETE", f"{runs(dag)}/{name}") for dag, name in names.items()}
        for role in deleting
    }
    return {"triggered": triggered, "read": read, "changed": changed, "menus": menus, "deleted": deleted}


def log_in(client: Any, role: str) -> str:
    """A token of the user of that role."""
    from lethe.settings import secret

    answer = client.post("/auth/token", json={"username": role, "password": secret(f"airflow-{role}")})
    return str(answer.json()["access_token"])


def runs(dag: str) -> str:
    """Where the runs of a DAG are."""
    return f"/api/v2/dags/{dag}/dagRuns"


def trigger(dag: str) -> dict[str, Any]:
    """What starts a run."""
    return {"logical_date": None, "conf": {"user_id": PERSON} if dag == ERASURE else {}}


def body(path: str, run: str) -> dict[str, Any]:
    """What a change needs to be understood, where Airflow reads it before it asks who may."""
    if path.endswith("/clearDagRuns"):
        return {"dag_runs": [{"dag_run_id": run, "dag_id": ERASURE}], "dry_run": False}
    if path.endswith(BULK):
        return {"actions": [{"action": "delete", "entities": [run]}]}
    return {"connection_id": "a", "conn_type": "b"} if path.endswith("/enqueue-test") else {}


def fill(path: str, dag: str, run: str, other: str = "1") -> str:
    """A path with its blanks filled."""
    blanks = {
        "{dag_id}": dag,
        "{dag_run_id}": run,
        "{run_id}": run,
        "{task_id}": "suppress",
        "{map_index}": "-1",
    }
    for blank, value in blanks.items():
        path = path.replace(blank, value)
    while "{" in path:
        path = path[: path.index("{")] + other + path[path.index("}") + 1 :]
    return path


def places(known: list[tuple[str, str]], run: str) -> list[tuple[str, str]]:
    """Every place to read from: of the erasure's run, of lists over all DAGs, and in another DAG's name."""
    paths = [path for method, path in known if method == READING and "logout" not in path]
    filled = {
        (READING, f"{fill(path, dag, name, other)}{query}")
        for path in paths
        for dag, name in ((ERASURE, run), ("~", run), ("~", "~"), (SUPERVISION, run))
        for other in (("1", "2", "3") if "event_log_id" in path else ("1",))
        for query in ("", f"?dag_id={SUPERVISION}")
    }
    lists = {("POST", fill(path, dag, "~")) for path in LISTS for dag in ("~", ERASURE)}
    return sorted(filled | lists)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
