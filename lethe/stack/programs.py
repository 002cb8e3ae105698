"""Every program of the embedded stack, in the order in which it is started."""

import os
import sys
from pathlib import Path

from lethe.settings import PROJECT, Paths, Ports
from lethe.stack import airflow, cassandra, kafka, mongodb
from lethe.stack.fetch import Artifacts
from lethe.stack.private_files import private_folder
from lethe.stack.program import Program

STREAM = "stream"
PUBLISHER = "publisher"
DASHBOARD = "dashboard"
LOGIN_VARIABLES = ("_PASSWORD", "_USERNAME", "_URI")
SERVERS = (mongodb.NAME, kafka.NAME, cassandra.NAME)
SERVICES = (*airflow.PROGRAMS, PUBLISHER, DASHBOARD)  # need the servers, with users and schemas


def installation(paths: Paths) -> dict[str, str]:
    """The variables that make a command this installation's: every LETHE_ setting in force; nothing secret.

    Those of `lethe env` that hold a login are left out: whoever brings the stack up may have them in their shell.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("LETHE_") and not name.endswith(LOGIN_VARIABLES)
    }
    return inherited | {
        "LETHE_HOME": str(paths.home),
        "LETHE_KEYS_DIR": str(paths.keys_dir),
        "LETHE_CACHE": str(paths.cache),
        "LETHE_PORT_BASE": str(Ports().port_base),
    }


def servers(paths: Paths, ports: Ports, artifacts: Artifacts) -> list[Program]:
    """The three servers, which start with the supervisor."""
    return [
        mongodb.prepare(paths, ports, artifacts.mongod),
        kafka.prepare(paths, ports, artifacts.java, artifacts.kafka_lib),
        cassandra.prepare(paths, ports, artifacts.java, artifacts.cassandra_lib),
    ]


def services(paths: Paths, ports: Ports, artifacts: Artifacts) -> list[Program]:
    """What stands on the servers: Airflow, the publisher, the dashboard, and the stream's driver.

    None starts with the supervisor: each is told to once the servers have their users and schemas, and the
    stream by its DAG alone.
    """
    spark = {
        "JAVA_HOME": str(artifacts.java.parents[1]),
        # Spark looks the machine's name up otherwise, and listens on the address that it gets.
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    return [
        *airflow.prepare(paths, ports, installation(paths) | spark),
        _ours(paths, PUBLISHER, [_beside_python("lethe"), "publish"]),
        _ours(paths, DASHBOARD, [sys.executable, "-m", "dashboard.app"]),
        _ours(
            paths,
            STREAM,
            [_beside_python("lethe"), "stream", "run"],
            **spark,
        ),
    ]


def _ours(paths: Paths, name: str, argv: list[str], **more: str) -> Program:
    private_folder(paths.home)
    variables = installation(paths) | {"PYTHONUNBUFFERED": "1", "PATH": airflow.program_path()} | more
    return Program(name, argv, PROJECT, variables, autostart=False, stop_wait_seconds=30)


def _beside_python(program: str) -> str:
    return str(Path(sys.executable).with_name(program))
