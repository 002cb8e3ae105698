"""What docker-compose.yaml sets is what the code reads, and means the same as on the embedded stack."""

import json
import re
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml
from pydantic_settings import BaseSettings

from lethe import settings
from lethe.settings import PROJECT, Ports
from lethe.stack import airflow, credentials
from tests.unit.containers.compose import NAMES, SERVICES

AIRFLOW = [name for name in NAMES if name.startswith("airflow-")]
PREFIX = "AIRFLOW__"
OURS = [name for name in NAMES if SERVICES[name].environment.get("LETHE_HOME")]
# Options that differ from the embedded ones, and why.
DIFFERENT = {
    ("core", "execution_api_server_url"): "tasks reach it from another container",
    ("api", "host"): "the container's own addresses",
}
SECRET = {
    ("core", "fernet_key"),
    ("api", "secret_key"),
    ("api_auth", "jwt_secret"),
    ("database", "sql_alchemy_conn"),
}
OF_TASKS = "secrets"  # the section that tells where connections lie


def _known() -> set[str]:
    classes = [each for each in vars(settings).values() if isinstance(each, type)]
    return {
        f"{each.model_config.get('env_prefix', '')}{name}".upper()
        for each in classes
        if issubclass(each, BaseSettings)
        for name in each.model_fields
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_is_one_that_the_code_reads(name: str) -> None:
    given = {each for each in SERVICES[name].environment if each.startswith("LETHE_")}
    assert given - _known() == set()


@pytest.mark.parametrize("name", OURS)
def test_credentials_are_read_where_they_lie(name: str) -> None:
    folder = SERVICES[name].environment["LETHE_SECRETS_DIR"]
    others = [path for secret, path in SERVICES[name].secrets.items() if secret != "pepper"]
    assert all(Path(path).parent == Path(folder) for path in others)


def test_kafka_is_reached_where_it_listens() -> None:
    text = (PROJECT / "containers" / "kafka" / "server.properties").read_text()
    values = dict(re.findall(r"^([\w.]+)=(.*)$", text, re.MULTILINE))
    advertised = dict(each.split("://") for each in values["advertised.listeners"].split(","))
    listening = dict(each.split("://") for each in values["listeners"].split(","))
    assert advertised["CLIENT"] == SERVICES["stream"].environment["LETHE_KAFKA_BOOTSTRAP"]
    assert advertised["CLIENT"].removeprefix("kafka") == listening["CLIENT"]
    (published,) = SERVICES["kafka"].raw["ports"]
    assert published == f"{advertised['HOST']}{listening['HOST']}"


def test_cassandra_is_reached_where_it_listens() -> None:
    node = yaml.safe_load((PROJECT / "containers" / "cassandra" / "cassandra.yaml").read_text())
    given = SERVICES["stream"].environment
    assert (given["LETHE_CASSANDRA_HOST"], given["LETHE_CASSANDRA_PORT"]) == (
        node["rpc_address"],
        str(node["native_transport_port"]),
    )
    assert given["LETHE_CASSANDRA_HOST"] == SERVICES["cassandra"].raw["hostname"]


def test_mongodb_is_reached_where_it_listens() -> None:
    server = yaml.safe_load((PROJECT / "containers" / "mongodb" / "mongod.yaml").read_text())
    host = f"{SERVICES['mongodb'].raw['hostname']}:{server['net']['port']}"
    assert SERVICES["stream"].environment["LETHE_MONGO_HOSTS"] == host
    assert server["replication"]["replSetName"] == settings.MongoSettings().replica_set


def test_airflow_is_reached_where_it_listens() -> None:
    port = Ports(port_base=19_000)["airflow"]
    for name in OURS:
        assert SERVICES[name].environment["LETHE_AIRFLOW_URL"] == f"http://airflow-api-server:{port}"
    server = SERVICES["airflow-api-server"].environment
    assert server[f"{PREFIX}API__PORT"] == str(port)
    assert server[f"{PREFIX}CORE__EXECUTION_API_SERVER_URL"] == f"http://airflow-api-server:{port}/execution/"


def test_the_dashboard_is_told_how_browsers_see_it() -> None:
    (published,) = SERVICES["dashboard"].raw["ports"]
    url = SERVICES["dashboard"].environment["LETHE_DASHBOARD_URL"]
    assert url == f"http://{published.rpartition(':')[0]}"


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    """The options of the embedded airflow.cfg, with the paths that the containers have."""
    folder = tmp_path_factory.mktemp("embedded")
    paths = settings.Paths(
        home=folder / "home", secrets_dir=folder / "home" / "secrets", keys_dir=folder / "keys"
    )
    credentials.create(paths)
    airflow.prepare(paths, Ports(port_base=19_000), {})
    parser = ConfigParser(interpolation=None)
    parser.read(airflow.home(paths) / "airflow.cfg")
    moved = {str(paths.home): "/var/lib/lethe", str(PROJECT): "/app"}
    options = {}
    for section in parser.sections():
        for name, value in parser[section].items():
            for here, there in moved.items():
                value = value.replace(here, there)  # noqa: PLW2901
            options[section, name] = value
    return options


def _options(service: str) -> dict[tuple[str, str], str]:
    """AIRFLOW__SECTION__OPTION, as section and option."""
    found = {}
    for name, value in SERVICES[service].environment.items():
        if name.startswith(PREFIX):
            section, _, option = name.removeprefix(PREFIX).partition("__")
            found[section.lower(), option.lower()] = value
    return found


@pytest.mark.parametrize("name", AIRFLOW)
def test_airflow_is_configured_as_on_the_embedded_stack(
    name: str, embedded: dict[tuple[str, str], str]
) -> None:
    here = _options(name)
    left_out = SECRET if name == "airflow-scheduler" else SECRET | {o for o in embedded if o[0] == OF_TASKS}
    assert here.keys() == embedded.keys() - left_out
    differing = {option for option in here if here[option] != embedded[option]}
    assert differing == set(DIFFERENT)


def test_the_scheduler_finds_the_connections_where_they_are_written() -> None:
    arguments = json.loads(SERVICES["airflow-scheduler"].environment[f"{PREFIX}SECRETS__BACKEND_KWARGS"])
    home = Path(SERVICES["airflow-scheduler"].environment["AIRFLOW_HOME"])
    assert Path(arguments["connections_file_path"]) == home / "connections.json"


@pytest.mark.parametrize("name", AIRFLOW)
def test_what_airflow_keeps_in_clear_lies_in_memory(name: str) -> None:
    home = SERVICES[name].environment["AIRFLOW_HOME"]
    (memory,) = [each for each in SERVICES[name].raw["tmpfs"] if each.startswith(f"{home}:")]
    assert "mode=0700" in memory
