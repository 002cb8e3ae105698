"""Each container is given the credentials that its code reads, and no others; all of them are made."""

import ast
import re
from pathlib import Path

import pytest

from containers.airflow import start
from dashboard.serve import NEEDED
from lethe.errors import ConfigurationError
from lethe.protection.pseudonym import load_pepper, pepper_file
from lethe.settings import PROJECT, CassandraSettings, Paths
from lethe.stack.private_files import private_folder
from lethe.stack.provision import container_credentials
from lethe.stack.provision.cassandra import rights
from lethe.stack.provision.kafka import ON_TOPICS
from lethe.stack.provision.mongodb_rights import RIGHTS
from lethe.stream import submit
from tests.unit.containers.compose import DOCUMENT, NAMES, SERVICES, Service

PEPPER = "pepper"
TASKS = {"airflow-controller", PEPPER}  # read by tasks of the scheduler, not by the scheduler
GIVEN: dict[str, set[str]] = {
    "volumes": set(),
    "kafka": {"kafka-admin"},
    "cassandra": set(),
    "mongodb": {"mongo-admin", "mongo-keyfile"},
    "postgres": {"airflow-database"},
    "provision": {
        *(f"kafka-{role}" for role in ("admin", "producer", "stream", "eraser", "auditor")),
        *(f"cassandra-{role}" for role in ("admin", "fence", "eraser", "auditor")),
        *(f"cassandra-{role}" for role in ("scanner", "rotator", "intake", "operator", "analyst")),
        *(f"mongo-{role}" for role in ("admin", "stream", "fence", "supervision", "eraser")),
        *(f"mongo-{role}" for role in ("auditor", "scanner", "publisher", "dashboard", "operator")),
        *(
            f"mongo-{role}"
            for role in ("rotator", "analyst", "quarantine", "archivist", "intake", "casework")
        ),
    },
    "airflow-migrate": {"airflow-database"},
    "airflow-api-server": {
        *("airflow-database", "airflow-fernet", "airflow-jwt", "airflow-secret"),
        *("airflow-admin", "airflow-controller", "airflow-dpo", "airflow-viewer"),
    },
    "airflow-scheduler": {
        *("airflow-database", "airflow-fernet", "airflow-jwt"),
        *("kafka-eraser", "cassandra-eraser", "cassandra-auditor"),
        *("mongo-eraser", "mongo-auditor", "mongo-supervision", "mongo-rotator", "mongo-intake"),
        *TASKS,
    },
    "airflow-dag-processor": {"airflow-database", "airflow-fernet"},
    "airflow-triggerer": {"airflow-database", "airflow-fernet"},
    "stream": {"kafka-stream", "cassandra-fence", "mongo-stream", "mongo-fence", PEPPER},
    "publisher": {"mongo-publisher"},
    "dashboard": {"mongo-dashboard", "dashboard-login", "dashboard-session"},
    "credentials": set(),
    "lethe": {"kafka-producer", "airflow-controller", "mongo-intake", PEPPER},
}
AIRFLOW = [name for name in NAMES if name.startswith("airflow-")]
# A call that takes a role -> the credential of the role.
CALLS = {
    "secret": "{}",
    "mongodb.connect": "mongo-{}",
    "mongodb.asked": "mongo-{}",
    "cassandra.connect": "cassandra-{}",
    "client_settings": "kafka-{}",
    "AirflowApi": "airflow-{}",
}


def _read_by(*files: str) -> set[str]:
    """The credentials that modules name as they ask for them."""
    found = set()
    for file in files:
        for node in ast.walk(ast.parse((PROJECT / file).read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name, role = ast.unparse(node.func), node.args[0]
            if name in CALLS and isinstance(role, ast.Constant):
                found.add(CALLS[name].format(role.value))
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    """What `lethe credentials` makes."""
    folder = tmp_path_factory.mktemp("credentials")
    home = folder / "containers"
    paths = Paths(home=home, secrets_dir=home / "secrets", keys_dir=folder / "keys")
    container_credentials.create(paths)
    return paths


@pytest.fixture
def container(made: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Container":
    monkeypatch.setenv(
        "AIRFLOW_DATABASE_URL", SERVICES["airflow-migrate"].environment["AIRFLOW_DATABASE_URL"]
    )
    return Container(made, tmp_path)


class Container:
    """The folders of one container, with the credentials that it is given."""

    def __init__(self, made: Paths, folder: Path) -> None:
        self._made, self._folder = made, folder

    def paths(self, service: Service, without: str = "") -> Paths:
        keys, secrets = self._folder / "keys", self._folder / "secrets"
        for name in service.secrets:
            source = self._made.secrets / name if name != PEPPER else pepper_file(self._made)
            target = (secrets if name != PEPPER else keys) / name
            target.parent.mkdir(exist_ok=True)
            if name != without:
                target.touch(mode=0o600)
                target.write_bytes(source.read_bytes())
        return Paths(home=self._folder / "home", secrets_dir=secrets, keys_dir=keys)


@pytest.mark.parametrize("name", NAMES)
def test_a_container_is_given_its_own_credentials(name: str) -> None:
    assert set(SERVICES[name].secrets) == GIVEN[name]


def test_every_credential_that_is_handed_out_is_made_and_used(made: Paths) -> None:
    declared = set(DOCUMENT["secrets"])
    assert declared - {PEPPER} <= {file.name for file in made.secrets.iterdir()}
    assert declared == {name for each in SERVICES.values() for name in each.secrets}


def test_credentials_are_looked_for_where_they_are_made() -> None:
    made_in = {mount.target: mount.source for mount in SERVICES["credentials"].mounts}
    argv = SERVICES["credentials"].argv
    into, keys = (made_in[argv[argv.index(option) + 1]] for option in ("--into", "--keys"))
    for name, secret in DOCUMENT["secrets"].items():
        assert secret["file"] == (f"{keys}/pepper" if name == PEPPER else f"{into}/secrets/{name}")
    assert not keys.startswith(into)


def test_a_credential_is_made_once(made: Paths) -> None:
    before = {file.name: file.read_bytes() for file in made.secrets.iterdir()}
    assert container_credentials.create(made) == []
    assert {file.name: file.read_bytes() for file in made.secrets.iterdir()} == before


def test_every_credential_is_for_its_owner_alone(made: Paths) -> None:
    assert {file.stat().st_mode & 0o777 for file in made.secrets.iterdir()} == {0o600}


@pytest.mark.parametrize("name", ["stream", "airflow-scheduler", "lethe"])
def test_the_pepper_lies_where_it_is_looked_for(name: str, container: Container) -> None:
    service = SERVICES[name]
    expected = pepper_file(Paths(keys_dir=Path(service.environment["LETHE_KEYS_DIR"])))
    assert service.secrets[PEPPER] == str(expected)
    assert len(load_pepper(container.paths(service))) == 32


def test_only_who_meets_user_ids_has_the_pepper() -> None:
    given = {name for name in NAMES if PEPPER in SERVICES[name].secrets}
    assert given == {"stream", "airflow-scheduler", "lethe"}


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"kafka", "mongodb", "provision", "airflow-api-server"}))
def test_nobody_else_has_an_administrators_credential(name: str) -> None:
    assert not [secret for secret in SERVICES[name].secrets if secret.endswith("-admin")]


def test_provisioning_has_every_role_that_it_makes() -> None:
    roles = {
        *(f"kafka-{role}" for role in ("admin", *ON_TOPICS)),
        *(f"cassandra-{role}" for role in ("admin", *rights(CassandraSettings().keyspace))),
        *(f"mongo-{role}" for role in ("admin", *RIGHTS)),
    }
    assert GIVEN["provision"] == roles


@pytest.mark.parametrize("name", AIRFLOW)
def test_airflow_starts_with_what_it_is_given(name: str, container: Container) -> None:
    paths = container.paths(SERVICES[name])
    start.prepare(SERVICES[name].argv[-1], paths)
    files = list((paths.home / "airflow").iterdir())
    assert files
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


@pytest.mark.parametrize(
    ("name", "missing"),
    [(name, secret) for name in AIRFLOW for secret in sorted(GIVEN[name] - TASKS)]
    + [("airflow-api-server", "airflow-controller")],
)
def test_airflow_needs_all_that_it_is_given(name: str, missing: str, container: Container) -> None:
    with pytest.raises(ConfigurationError, match=missing):
        start.prepare(SERVICES[name].argv[-1], container.paths(SERVICES[name], without=missing))


def test_the_database_password_stands_in_no_setting(container: Container) -> None:
    paths = container.paths(SERVICES["airflow-migrate"])
    password = (paths.secrets / "airflow-database").read_text().strip()
    assert f"//airflow:{password}@postgres:5432/airflow" in start.configuration("migrate", paths)
    for service in SERVICES.values():
        assert not re.search(r"://\w+:", " ".join(service.environment.values())), service.name


def test_a_task_of_the_scheduler_logs_in_as_a_user_that_it_has_the_password_of() -> None:
    text = (PROJECT / "plugins" / "lethe_airflow" / "supervision.py").read_text()
    (user,) = re.findall(r'^API_USER = "(\w+)"$', text, re.MULTILINE)
    assert f"airflow-{user}" in GIVEN["airflow-scheduler"]


def test_the_stream_has_what_its_driver_reads(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LETHE_STREAM_MASTER", raising=False)
    paths = container.paths(SERVICES["stream"])
    private_folder(paths.config / "stream")
    assert submit.command(paths, 1)
    only_on_clusters = {"spark-authenticate"}
    read = _read_by("lethe/stream/submit.py", "spark_apps/user_profiles_stream.py", "spark_apps/worker.py")
    assert read - only_on_clusters == GIVEN["stream"] - {PEPPER}


def test_the_publisher_has_what_it_reads() -> None:
    assert _read_by("lethe/governance/commands.py") == GIVEN["publisher"]


def test_the_dashboard_has_what_it_reads() -> None:
    assert set(NEEDED) == GIVEN["dashboard"]


def test_the_command_line_has_what_it_reads() -> None:
    read = _read_by("lethe/producers/commands.py", "lethe/requests/commands.py", "lethe/requests/ask.py")
    assert read == GIVEN["lethe"] - {PEPPER}


@pytest.mark.parametrize(
    ("name", "files"), [("kafka", ["kafka/start.sh"]), ("mongodb", ["mongodb/mongod.yaml"]), ("postgres", [])]
)
def test_a_server_has_what_its_files_and_variables_name(name: str, files: list[str]) -> None:
    texts = [(PROJECT / "containers" / file).read_text() for file in files]
    texts += SERVICES[name].environment.values()
    assert {found for text in texts for found in re.findall(r"/run/secrets/([\w-]+)", text)} == GIVEN[name]
