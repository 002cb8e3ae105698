"""Every socket that the stack listens on: none off loopback, none that answers who has not logged in.

docs/security.md names each, and the exceptions with their reason.
"""

import ipaddress
import os
import socket
import stat
import subprocess
from pathlib import Path

import httpx
import pytest
from cassandra.cluster import Cluster
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from lethe.settings import SPARK_PORT_TRIES, Paths, Ports
from lethe.stack import leftovers
from lethe.stack.cassandra_options import JVM_OPTIONS
from lethe.stack.fetch import fetch
from lethe.stack.programs import SERVERS, STREAM
from lethe.stack.sockets import Socket, listening
from tests.integration.live import LiveStack, assert_lets_nobody_in, wait_until

# Airflow tells these to everybody: that it is there, its version, and how to log in. None holds data.
AIRFLOW_OPEN = {
    "/api/v2/monitor/health",
    "/api/v2/version",
    "/api/v2/auth/login",
    "/api/v2/auth/logout",
    "/auth/login",
    "/auth/logout",
    "/auth/token",
    "/auth/token/cli",
    "/auth/token/login",
}
SECONDS = 10.0


@pytest.fixture(scope="module", autouse=True)
def driver(stack: LiveStack) -> None:
    """The driver listens too, whatever the tests before have left of it."""
    stack.supervisor.start(STREAM)
    wait_until(lambda: has_driver(all_listening(stack)), "the driver listens")


def all_listening(stack: LiveStack) -> list[Socket]:
    return listening(process.pid for process in leftovers.programs(stack.paths))


def has_driver(sockets: list[Socket]) -> bool:
    first = Ports()["spark_driver"]
    return any(each.program == STREAM and first <= each.port < first + SPARK_PORT_TRIES for each in sockets)


@pytest.fixture(scope="module")
def sockets(stack: LiveStack) -> list[Socket]:
    found = all_listening(stack)
    programs = {each.program for each in found}
    assert {*SERVERS, STREAM, "airflow-api-server", "dashboard"} <= programs, (
        "a list that lacks them proves nothing"
    )
    return found


def test_nothing_listens_off_loopback(sockets: list[Socket]) -> None:
    outside = [each for each in sockets if not _is_loopback(each.address)]
    assert outside == []


def _is_loopback(address: str) -> bool:
    found = ipaddress.ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def test_every_socket_is_one_that_is_known(sockets: list[Socket]) -> None:
    ports = Ports()
    known = set(ports.all().values())
    chosen_freely = {each.program for each in sockets if each.port not in known}
    assert chosen_freely <= {STREAM}, "only Spark's own helpers take a free port, and ask for their secret"


def test_the_supervisor_is_reached_by_its_owner_alone(stack: LiveStack) -> None:
    path = stack.paths.control / "supervisor.sock"
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["kafka", "kafka_controller"])
def test_kafka_answers_nobody_who_does_not_log_in(stack: LiveStack, name: str) -> None:
    client = AdminClient({"bootstrap.servers": f"127.0.0.1:{Ports()[name]}", "log_level": 0})
    with pytest.raises(KafkaException):
        client.list_topics(timeout=3)


def test_cassandra_answers_nobody_who_does_not_log_in(stack: LiveStack) -> None:
    cluster = Cluster(["127.0.0.1"], port=Ports()["cassandra"], protocol_version=5)
    assert_lets_nobody_in(cluster)


@pytest.mark.parametrize(("login", "says"), [((), "Credentials required"), (("admin", "wrong"), "Invalid")])
def test_jmx_asks_for_a_password(stack: LiveStack, login: tuple[str, ...], says: str) -> None:
    artifacts = fetch(Paths(), lambda _: None)
    options = ["-u", login[0], "-pw", login[1]] if login else []
    opened = [option for option in JVM_OPTIONS if option.startswith("--add")]
    command = [
        str(artifacts.java),
        *opened,
        "-cp",
        f"{artifacts.cassandra_lib}/*",
        "org.apache.cassandra.tools.NodeTool",
    ]
    asked = subprocess.run(
        [*command, "-h", "127.0.0.1", "-p", str(Ports()["cassandra_jmx"]), *options, "status"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert asked.returncode != 0
    assert says in asked.stderr + asked.stdout


def test_what_airflow_tells_without_a_login_is_known(stack: LiveStack) -> None:
    url = f"http://127.0.0.1:{Ports()['airflow']}"
    described = httpx.get(f"{url}/openapi.json", timeout=SECONDS)
    paths = described.json()["paths"] if described.status_code == 200 else {}
    assert paths, "the list of routes is where this test gets them from"
    told = {path for path, methods in paths.items() if "get" in methods and _is_told(url, path)}
    assert told <= AIRFLOW_OPEN


def _is_told(url: str, path: str) -> bool:
    filled = path.replace("{", "").replace("}", "")
    return httpx.get(f"{url}{filled}", timeout=SECONDS).status_code < 400


def test_tasks_reach_airflows_execution_api_with_a_token_only(stack: LiveStack) -> None:
    url = f"http://127.0.0.1:{Ports()['airflow']}/execution"
    asked = httpx.get(f"{url}/connections/lethe_cassandra", timeout=SECONDS)
    assert asked.status_code in (401, 403)


def test_the_dashboard_answers_nobody_who_does_not_log_in(stack: LiveStack) -> None:
    url = f"http://127.0.0.1:{Ports()['dashboard']}"
    assert httpx.get(f"{url}/_dash-layout", timeout=SECONDS).status_code == 401
    assert httpx.get(url, timeout=SECONDS).headers["location"].startswith("/login")


# What a client without the secret says first, to each kind of Spark's listeners.
WITHOUT_SECRET = {
    "py4j": b"r\nu\norg.apache.spark.SparkContext\nrj\ne\n",
    "rpc": (21 + 8).to_bytes(8, "big") + b"\x03" + bytes(20),
    "python": (4).to_bytes(4, "big") + b"none" + bytes(16),
}


@pytest.mark.parametrize("said", WITHOUT_SECRET.values(), ids=WITHOUT_SECRET.keys())
def test_sparks_listeners_tell_nothing_without_their_secret(stack: LiveStack, said: bytes) -> None:
    """The list is taken anew: Spark ends a daemon that has nothing to do, and starts another."""
    found = all_listening(stack)
    assert has_driver(found), "a list without the driver proves nothing"
    ports = sorted({each.port for each in found if each.program == STREAM})
    answers = {port: _ask(port, said) for port in ports}
    assert all(_is_refusal(answer) for answer in answers.values()), answers


def _is_refusal(answer: bytes) -> bool:
    """No word, py4j's error (!x), Python's own (err), or Spark's: an exception that is no SASL message.

    PySpark's daemon tells the process id of the worker that it has made, which then asks for the secret.
    """
    greatest = int(Path("/proc/sys/kernel/pid_max").read_text())
    is_process_id = len(answer) == 4 and 1 < int.from_bytes(answer, "big") <= greatest
    return (
        answer in (b"", b"err")
        or is_process_id
        or answer.startswith(b"!x")
        or b"Expected SaslMessage" in answer
    )


def _ask(port: int, said: bytes) -> bytes:
    """What comes back; nothing where nobody listens any more."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
            connection.settimeout(2.0)
            connection.sendall(said)
            return connection.recv(4096)
    except (TimeoutError, ConnectionError):
        return b""


def test_no_secret_stands_in_the_arguments_of_a_process(stack: LiveStack) -> None:
    secrets = {file.name: file.read_text().strip() for file in stack.paths.secrets.iterdir()}
    for process in leftovers.programs(stack.paths):
        arguments = Path(f"/proc/{process.pid}/cmdline").read_text(errors="replace")
        told = [name for name, value in secrets.items() if value in arguments]
        assert told == [], leftovers.program_name(process)


def test_every_file_of_the_installation_is_closed_to_others(stack: LiveStack) -> None:
    open_to_others = [
        os.path.relpath(path, stack.home)
        for path in [stack.home, *stack.home.rglob("*")]
        if not path.is_symlink()
        and path.exists()
        and path.parent == stack.home
        and path.stat().st_mode & 0o077
    ]
    assert open_to_others == []
