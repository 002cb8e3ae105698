"""Airflow on the embedded stack: its configuration, connections and users as files of mode 600, and its programs.

SQLite and the LocalExecutor, as Airflow ships; past one machine, PostgreSQL and another executor are settings
(docs/scaling.md). The log servers of scheduler and triggerer are left out: on one machine the API server reads
the log files themselves, and they would listen on every interface.
"""

import configparser
import io
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import httpx

from lethe.settings import PROJECT, CassandraSettings, KafkaSettings, MongoSettings, Paths, Ports, secret
from lethe.stack.airflow_rights import ROLES
from lethe.stack.private_files import private_folder, replace
from lethe.stack.program import Program, log_file, run_to_end
from lethe.stack.readiness import wait_until
from lethe.stores.kafka import client_settings

POOLS = {"lethe_spark": (1, "Spark jobs, one at a time; the stream's driver is not among them")}
USERS = ROLES  # one a role, of the same name
AUTH_MANAGER = "lethe_airflow.auth_manager.AuthManager"  # in plugins/, which Airflow puts on its path
API_SERVER = "airflow-api-server"
COMPONENTS = ("scheduler", "dag-processor", "triggerer")
PROGRAMS = (API_SERVER, *(f"airflow-{component}" for component in COMPONENTS))
READY_SECONDS = 120.0
LOCK_SECONDS = 30  # how long a write waits for another's; SQLite's 5 are too few while all processes start
# The API server writes its event log in its event loop, and there may wait for a request of its own that can't commit
# before the loop goes on. So it gives up soon, and who asked asks again.
API_LOCK_SECONDS = 1
MIGRATE_SECONDS = 180


class PoolsApi(Protocol):
    """What `make_pools` asks of Airflow's API."""

    def get(self, path: str, params: dict[str, Any] | None = None) -> Any:
        """Read."""

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Make."""

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        """Change."""


def home(paths: Paths) -> Path:
    """AIRFLOW_HOME."""
    return paths.home / "airflow"


def environment(paths: Paths) -> dict[str, str]:
    """What an airflow command needs to be this installation's; nothing of it is secret."""
    return {
        "AIRFLOW_HOME": str(home(paths)),
        "AIRFLOW_CONFIG": str(home(paths) / "airflow.cfg"),
        "LETHE_HOME": str(paths.home),
        "LETHE_KEYS_DIR": str(paths.keys_dir),
        "LETHE_PORT_BASE": str(Ports().port_base),
    }


def prepare(paths: Paths, ports: Ports, installation: Mapping[str, str]) -> list[Program]:
    """Render configuration, users and connections; idempotent. Needs the credentials.

    `installation`: the variables that every program of this installation gets.
    """
    folder = private_folder(home(paths))
    replace(folder / "airflow.cfg", _configuration(paths, ports))
    passwords = {user: secret(f"airflow-{user}", paths) for user in USERS}
    replace(folder / "passwords.json", json.dumps(passwords))
    replace(folder / "connections.json", json.dumps(connections(paths)))
    variables = {**installation, **environment(paths), "PYTHONUNBUFFERED": "1", "PATH": program_path()}
    files = tuple(folder / name for name in ("airflow.cfg", "passwords.json", "connections.json"))
    airflow = str(Path(sys.executable).with_name("airflow"))
    commands = {
        API_SERVER: ["api-server"],
        "airflow-scheduler": ["scheduler", "--skip-serve-logs"],
        "airflow-dag-processor": ["dag-processor"],
        "airflow-triggerer": ["triggerer", "--skip-serve-logs"],
    }
    api = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": _database(paths, API_LOCK_SECONDS)}
    return [
        Program(
            name,
            [airflow, *arguments],
            folder,
            variables | (api if name == API_SERVER else {}),
            files,
            autostart=False,
            stop_wait_seconds=20,
        )
        for name, arguments in commands.items()
    ]


def _database(paths: Paths, lock_seconds: int) -> str:
    return f"sqlite:///{home(paths) / 'airflow.db'}?timeout={lock_seconds}"


def program_path() -> str:
    """The environment's programs before the system's."""
    return f"{Path(sys.executable).parent}:{os.environ.get('PATH', '/usr/bin:/bin')}"


def _configuration(paths: Paths, ports: Ports) -> str:
    folder = home(paths)
    url = f"http://127.0.0.1:{ports['airflow']}"
    sections: dict[str, dict[str, object]] = {
        "core": {
            "dags_folder": PROJECT / "dags",
            "plugins_folder": PROJECT / "plugins",
            "load_examples": False,
            "executor": "LocalExecutor",
            "parallelism": 4,
            "fernet_key": secret("airflow-fernet", paths),
            "execution_api_server_url": f"{url}/execution/",
            "auth_manager": AUTH_MANAGER,
            "simple_auth_manager_users": ",".join(f"{user}:{user}" for user in USERS),
            "simple_auth_manager_passwords_file": folder / "passwords.json",
            "min_serialized_dag_update_interval": 5,
            "hostname_callable": "socket.gethostname",
            "sensitive_var_conn_names": "user_id",  # masked in the event log
        },
        "api": {
            "host": "127.0.0.1",
            "port": ports["airflow"],
            "base_url": url,
            "secret_key": secret("airflow-secret", paths),
            "instance_name": "Lethe",
            "workers": 1,
        },
        "api_auth": {"jwt_secret": secret("airflow-jwt", paths)},
        "database": {"sql_alchemy_conn": _database(paths, LOCK_SECONDS)},
        "logging": {
            "base_log_folder": paths.logs / "airflow",
            "dag_processor_child_process_log_directory": paths.logs / "airflow" / "dag_processor",
            "file_task_handler_new_folder_permissions": "0o700",
            "file_task_handler_new_file_permissions": "0o600",
        },
        "secrets": {
            "backend": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
            "backend_kwargs": json.dumps({"connections_file_path": str(folder / "connections.json")}),
        },
        "scheduler": {"scheduler_heartbeat_sec": 2, "task_instance_heartbeat_timeout": 120},
        "dag_processor": {"parsing_processes": 1, "refresh_interval": 30, "min_file_process_interval": 60},
        "metrics": {"statsd_on": False},
    }
    parser = configparser.ConfigParser(interpolation=None)
    for name, values in sections.items():
        parser[name] = {key: str(value).replace("%", "%%") for key, value in values.items()}
    text = io.StringIO()
    parser.write(text)
    return text.getvalue()


def connections(paths: Paths) -> dict[str, dict[str, object]]:
    """Airflow's connections: each store as each role that a task needs, in the providers' words."""
    kafka = client_settings("eraser", paths, KafkaSettings())
    return {
        "lethe_cassandra": _cassandra(paths, "eraser"),
        "lethe_cassandra_auditor": _cassandra(paths, "auditor"),
        "lethe_mongo": _mongo(paths, "eraser"),
        "lethe_mongo_auditor": _mongo(paths, "auditor"),
        "lethe_mongo_supervision": _mongo(paths, "supervision"),
        "lethe_mongo_rotator": _mongo(paths, "rotator"),
        "lethe_mongo_intake": _mongo(paths, "intake"),
        "lethe_kafka": {"conn_type": "kafka", "extra": json.dumps(kafka)},
        "lethe_spark": {"conn_type": "spark", "host": os.environ.get("LETHE_STREAM_MASTER", "local[*]")},
    }


def _cassandra(paths: Paths, role: str) -> dict[str, object]:
    ring = CassandraSettings()
    policy = {
        "load_balancing_policy": "DCAwareRoundRobinPolicy",
        "load_balancing_policy_args": {"local_dc": ring.datacenter},
        "protocol_version": 5,
    }
    return {
        "conn_type": "cassandra",
        "host": ring.host,
        "port": ring.port,
        "schema": ring.keyspace,
        "login": role,
        "password": secret(f"cassandra-{role}", paths),
        "extra": json.dumps(policy),
    }


def _mongo(paths: Paths, role: str) -> dict[str, object]:
    mongo = MongoSettings()
    extra = {
        "srv": False,
        "ssl": False,
        "replicaSet": mongo.replica_set,
        "authSource": mongo.database,
        "w": "majority",
        "journal": True,
        "readConcernLevel": "majority",
    }
    host, _, port = mongo.hosts.split(",")[0].partition(":")
    return {
        "conn_type": "mongo",
        "host": host,
        "port": int(port or 27017),
        "schema": mongo.database,
        "login": role,
        "password": secret(f"mongo-{role}", paths),
        "extra": json.dumps(extra),
    }


def operator_uri(paths: Paths) -> str:
    """A MongoDB URI for people: the operator's, who reads exact figures."""
    mongo = MongoSettings()
    password = quote(secret("mongo-operator", paths), safe="")
    return (
        f"mongodb://operator:{password}@{mongo.hosts}/{mongo.database}"
        f"?replicaSet={mongo.replica_set}&authSource={mongo.database}"
    )


def migrate(paths: Paths) -> None:
    """Bring Airflow's metadata to the installed version's schema, once a version.

    Raises StackError that names the log when it fails.
    """
    from importlib.metadata import version

    stamp = home(paths) / f"migrated-{version('apache-airflow')}"
    if stamp.exists():
        return
    run_to_end(
        [Path(sys.executable).with_name("airflow"), "db", "migrate"],
        log_file(paths, "airflow-migrate"),
        "airflow: its metadata could not be prepared",
        MIGRATE_SECONDS,
        environment(paths) | {"PATH": program_path()},
    )
    stamp.touch(mode=0o600)


def make_pools(api: "PoolsApi") -> None:
    """Make each pool, or give it the slots that it should have; a task whose pool is missing waits for ever."""
    held = {pool["name"]: pool["slots"] for pool in api.get("/pools", {"limit": 100})["pools"]}
    for name, (slots, description) in POOLS.items():
        if name not in held:
            api.post("/pools", {"name": name, "slots": slots, "description": description})
        elif held[name] != slots:
            api.patch(f"/pools/{name}", {"pool": name, "slots": slots, "description": description})


def wait_ready(paths: Paths, ports: Ports, seconds: float = READY_SECONDS) -> None:
    """Return when API server, scheduler, triggerer and DAG processor all say that they are healthy."""
    url = f"http://127.0.0.1:{ports['airflow']}/api/v2/monitor/health"

    def answers() -> bool:
        try:
            told = httpx.get(url, timeout=5).json()
        except (httpx.HTTPError, ValueError):
            return False
        parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
        return all(told.get(part, {}).get("status") == "healthy" for part in parts)

    wait_until(answers, API_SERVER, paths, seconds)
