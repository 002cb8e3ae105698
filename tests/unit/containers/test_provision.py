"""`lethe credentials` and `lethe provision`, and a MongoDB whose first user was made where it runs."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import yaml
from pymongo import MongoClient
from typer.testing import CliRunner

from lethe.errors import StackError
from lethe.profiles.contract import CONSENTS_TOPIC, PROFILES_TOPIC
from lethe.register.load import load
from lethe.register.schema import mongodb_ttls, mongodb_validators
from lethe.settings import PROJECT, CassandraSettings, MongoSettings, Paths, Ports, TopicSettings, secret
from lethe.stack import fetch, mongodb
from lethe.stack.provision import cassandra, commands, container_credentials, kafka, servers
from lethe.stack.provision import mongodb as provisioning
from lethe.stack.provision.replica_set import admin_login
from lethe.stores.mongodb import Document, connect, database
from tests.dashboard.servers import free_dashboard_base, wait_until
from tests.unit.containers.compose import SERVICES


def _run(*arguments: str, **variables: str) -> str:
    app = typer.Typer()
    app.command()(commands.credentials)
    app.command()(commands.provision)
    result = CliRunner().invoke(app, arguments, env=variables, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_credentials_are_made_for_every_container(tmp_path: Path) -> None:
    into, keys = tmp_path / "containers", tmp_path / "keys"
    said = _run("credentials", "--into", str(into), "--keys", str(keys))
    made = {file.name for file in (into / "secrets").iterdir()}
    handed_out = {name for service in SERVICES.values() for name in service.secrets}
    assert handed_out - made == {"pepper"}
    assert (keys / "pepper").stat().st_mode & 0o777 == 0o600
    assert str(len(made)) in said
    assert f"LETHE_UID={os.getuid()} LETHE_GID={os.getgid()}" in said or os.getuid() == os.getgid() == 1000
    assert "0 credentials" in _run("credentials", "--into", str(into), "--keys", str(keys))


def test_the_settings_say_which_servers_are_provisioned(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SERVICES["provision"].environment.items():
        monkeypatch.setenv(name, value)
    found = servers.configured()
    assert found.kafka.bootstrap == "kafka:9092"
    assert (found.cassandra.hosts, found.cassandra.port) == (["cassandra"], 9042)
    assert found.mongodb.hosts == "mongodb:27017"
    own = servers.embedded(Ports(port_base=20_000))
    assert own.mongodb.hosts == "127.0.0.1:20005"
    assert own.kafka.bootstrap == "127.0.0.1:20000"
    assert (own.cassandra.host, own.cassandra.port) == ("127.0.0.1", 20_002)


@pytest.mark.parametrize(("replication", "acknowledging"), [(1, "1"), (2, "1"), (3, "2")])
@pytest.mark.parametrize("topic", [PROFILES_TOPIC, CONSENTS_TOPIC])
def test_a_message_is_acknowledged_when_all_brokers_but_one_have_it(
    topic: str, replication: int, acknowledging: str
) -> None:
    config = kafka.topic_config(topic, TopicSettings(), replication)
    assert config["min.insync.replicas"] == acknowledging


def test_a_row_stands_in_the_ring_as_often_as_one_says() -> None:
    ring = CassandraSettings(datacenter="here", replication=3)
    assert cassandra.replication(ring) == {"class": "NetworkTopologyStrategy", "here": 3}


class ContainerMongo:
    """mongod with the container's file, but for addresses and folders."""

    def __init__(self, folder: Path) -> None:
        self.paths = Paths(
            home=folder / "home", secrets_dir=folder / "home" / "secrets", keys_dir=folder / "keys"
        )
        container_credentials.create(self.paths)
        self.ports = Ports(port_base=free_dashboard_base())
        self.settings = MongoSettings(hosts=f"127.0.0.1:{self.ports['mongodb']}")
        self._mongod = fetch.fetch(Paths(home=self.paths.home), lambda _: None).mongod
        self._data = folder / "data"
        self._data.mkdir()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, **changes: object) -> None:
        server = yaml.safe_load((PROJECT / "containers" / "mongodb" / "mongod.yaml").read_text())
        server["net"] |= {"port": self.ports["mongodb"], "bindIpAll": False, "bindIp": "127.0.0.1"}
        server["storage"]["dbPath"] = str(self._data)
        server["security"]["keyFile"] = str(self.paths.secrets / "mongo-keyfile")
        file = self._folder / "mongod.yaml"
        file.write_text(yaml.safe_dump({name: each for name, each in (server | changes).items() if each}))
        with (self._folder / "mongod.log").open("ab") as log:
            self._process = subprocess.Popen([self._mongod, "--config", file], stdout=log, stderr=log)
        mongodb.wait_ready(self.paths, self.ports)

    def make_first_user(self) -> None:
        """As the image does: on a server of its own, without replica set and key file."""
        self.start(security=None, replication=None)
        with MongoClient(self.settings.hosts, directConnection=True) as client:
            roles = [{"role": "root", "db": "admin"}]
            client.admin.command("createUser", "admin", pwd=secret("mongo-admin", self.paths), roles=roles)
        self.stop()

    def provision(self) -> None:
        register = load()
        schema = provisioning.Schema(mongodb_validators(register), mongodb_ttls(register))
        provisioning.provision(self.paths, self.settings, schema, lambda _: None)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=60)
            self._process = None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ContainerMongo]:
    server = ContainerMongo(tmp_path)
    try:
        yield server
    finally:
        server.stop()


def test_a_server_that_has_its_first_user_is_provisioned(server: ContainerMongo) -> None:
    server.make_first_user()
    server.start()
    server.provision()
    server.provision()  # and again, where nothing is missing
    with connect("publisher", server.paths, server.settings) as client:
        assert wait_until(lambda: client.is_primary, "a primary")
        assert database(client, server.settings).aggregate_shards.find_one() is None


def test_each_change_of_rights_is_in_the_audit_trail_once(server: ContainerMongo) -> None:
    server.make_first_user()
    server.start()
    server.provision()
    server.provision()
    with connect("auditor", server.paths, server.settings) as client:
        trail = database(client, server.settings).audit_trail
        (first,) = trail.find()
        assert "dashboard: find stream_health" in first["result"]["granted"]
        assert first["result"]["revoked"] == []
        with MongoClient(server.settings.hosts, directConnection=True, **admin_login(server.paths)) as admin:
            more: Document = {
                "resource": {"db": server.settings.database, "collection": "lease"},
                "actions": ["find"],
            }
            admin[server.settings.database].command("grantPrivilegesToRole", "dashboard", privileges=[more])
        server.provision()
        server.provision()
        _, second = trail.find().sort("_id", 1)
        assert second["result"] == {"server": "mongodb", "granted": [], "revoked": ["dashboard: find lease"]}


def test_a_server_with_another_first_user_is_told(server: ContainerMongo) -> None:
    server.make_first_user()
    (server.paths.secrets / "mongo-admin").write_text("another\n")
    server.start()
    with pytest.raises(StackError, match="mongodb: provisioning failed: AuthenticationFailed"):
        server.provision()
