"""The servers' files: the embedded settings with the containers' addresses, and scripts that a shell can read."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from lethe.settings import PROJECT, Paths, Ports
from lethe.stack import cassandra_options, credentials, kafka, mongodb
from lethe.stack.provision.kafka import SCRAM_ITERATIONS
from tests.unit.containers.compose import SERVICES

HERE = PROJECT / "containers"
SCRIPTS = sorted(HERE.rglob("*.sh"))

# What differs between a container and the embedded server: addresses, folders, and what secures them.
KAFKA_OWN = {
    *("listeners", "advertised.listeners", "listener.security.protocol.map", "controller.quorum.voters"),
    "log.dirs",
}
CASSANDRA_OWN = {
    *("listen_address", "rpc_address", "native_transport_port", "storage_port", "seed_provider"),
    *("data_file_directories", "commitlog_directory", "hints_directory"),
    *("saved_caches_directory", "cdc_raw_directory"),
    "server_encryption_options",  # nodes speak on loopback alone
}
MONGODB_OWN = {"net.bindIp", "net.bindIpAll", "net.port", "security.keyFile", "storage.dbPath"}


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    folder = tmp_path_factory.mktemp("embedded")
    paths = Paths(home=folder / "home", secrets_dir=folder / "home" / "secrets", keys_dir=folder / "keys")
    credentials.create(paths)
    return paths


def _different(one: Mapping[str, object], other: Mapping[str, object]) -> set[str]:
    return {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}


def _flat(value: Any, name: str = "") -> dict[str, object]:
    if not isinstance(value, dict):
        return {name: value}
    found: dict[str, object] = {}
    for key, each in value.items():
        found |= _flat(each, f"{name}.{key}" if name else key)
    return found


def test_kafka_is_set_as_on_the_embedded_stack(paths: Paths) -> None:
    text = (HERE / "kafka" / "server.properties").read_text()
    here = dict(re.findall(r"^([\w.]+)=(.*)$", text, re.MULTILINE))
    embedded = {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in kafka.broker(paths, Ports(), paths.data).items()
        if not name.endswith("jaas.config")  # start.sh adds them
    }
    assert _different(here, embedded) <= KAFKA_OWN


def test_every_listener_of_kafka_asks_for_a_login() -> None:
    text = (HERE / "kafka" / "server.properties").read_text()
    values = dict(re.findall(r"^([\w.]+)=(.*)$", text, re.MULTILINE))
    listeners = [each.split("://")[0] for each in values["listeners"].split(",")]
    protocols = dict(each.split(":") for each in values["listener.security.protocol.map"].split(","))
    assert protocols == dict.fromkeys(listeners, "SASL_PLAINTEXT")
    script = (HERE / "kafka" / "start.sh").read_text()
    (logins,) = re.findall(r"for listener in ([\w ]+); do", script)
    assert logins.split() == [listener.lower() for listener in listeners]
    assert f"readonly iterations={SCRAM_ITERATIONS}" in script


def test_kafkas_controller_is_on_loopback_alone() -> None:
    text = (HERE / "kafka" / "server.properties").read_text()
    assert re.search(r"^listeners=.*CONTROLLER://127\.0\.0\.1:(\d+)$", text, re.MULTILINE)


def test_cassandra_is_set_as_on_the_embedded_stack(paths: Paths) -> None:
    here = yaml.safe_load((HERE / "cassandra" / "cassandra.yaml").read_text())
    embedded = cassandra_options.node(paths, Ports(), paths.config)
    assert _different(here, embedded) <= CASSANDRA_OWN
    assert here["listen_address"] == "127.0.0.1"
    assert (HERE / "cassandra" / "logback.xml").read_text() == cassandra_options.LOGGING


def test_cassandra_starts_with_the_embedded_properties() -> None:
    given = SERVICES["cassandra"].environment["JVM_EXTRA_OPTS"].split()
    embedded = [option for option in cassandra_options.JVM_OPTIONS if option.startswith("-Dcassandra.")]
    assert [option for option in given if option.startswith("-Dcassandra.")] == embedded
    assert "-XX:-HeapDumpOnOutOfMemoryError" in given


def test_mongodb_is_set_as_on_the_embedded_stack(paths: Paths) -> None:
    here = _flat(yaml.safe_load((HERE / "mongodb" / "mongod.yaml").read_text()))
    assert _different(here, _flat(mongodb.server(paths, Ports()))) <= MONGODB_OWN


def test_mongodb_does_not_speak_zlib() -> None:
    server = yaml.safe_load((HERE / "mongodb" / "mongod.yaml").read_text())
    assert server["net"]["compression"]["compressors"].split(",") == ["snappy", "zstd"]


@pytest.mark.parametrize(
    ("name", "folders"),
    [
        ("kafka", ["log.dirs=/var/lib/kafka/data/log"]),
        ("cassandra", ["[/var/lib/cassandra/data]", "/var/lib/cassandra/commitlog"]),
        ("mongodb", ["dbPath: /data/db"]),
    ],
)
def test_a_servers_data_lies_on_its_volume(name: str, folders: list[str]) -> None:
    (volume,) = [mount for mount in SERVICES[name].mounts if mount.is_volume]
    texts = "\n".join(file.read_text() for file in (HERE / name).iterdir())
    for folder in folders:
        assert folder in texts
        assert volume.target in folder


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: str(script.relative_to(HERE)))
def test_a_script_can_be_read_and_run(script: Path) -> None:
    subprocess.run(["bash", "-n", script], check=True)
    assert script.stat().st_mode & 0o111
    assert script.read_text().splitlines()[0] == "#!/usr/bin/env bash"
    assert "set -euo pipefail" in script.read_text()


def test_every_script_is_named_by_its_service() -> None:
    used = {
        word
        for service in SERVICES.values()
        for word in (*service.argv, *service.raw.get("healthcheck", {}).get("test", []))
        if word.endswith(".sh")
    }
    assert used == {f"/etc/lethe/{script.relative_to(HERE)}" for script in SCRIPTS}


def test_kafkas_password_is_an_argument_of_no_program() -> None:
    """Only the shell's own printf gets it; every other process's arguments can be seen on the machine."""
    script = (HERE / "kafka" / "start.sh").read_text().replace("\\\n", " ")
    lines = [line.strip() for line in script.splitlines() if "$password" in line]
    assert lines
    assert all(line.startswith("printf ") for line in lines)
