"""`lethe up`: from whatever is there to a running system; idempotent, and resumable after a kill at any point."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from filelock import FileLock, Timeout
from pymongo.errors import PyMongoError

from lethe.errors import StackError
from lethe.register.load import load
from lethe.settings import Paths, Ports
from lethe.stack import (
    airflow,
    cassandra,
    credentials,
    fetch,
    kafka,
    leftovers,
    mongodb,
    prerequisites,
    programs,
)
from lethe.stack.airflow_api import AirflowApi
from lethe.stack.private_files import private_folder
from lethe.stack.program import Program, log_file
from lethe.stack.provision import provision
from lethe.stack.readiness import wait_until
from lethe.stack.supervise import Supervisor, render
from lethe.stores.mongodb import connect, database
from lethe.stream.health import DRIVER

Progress = Callable[[str], None]
SUPERVISION = "supervise_stream"
DAGS_SECONDS = 120.0
STREAM_SECONDS = 180.0
OTHER_COMMAND_SECONDS = 5.0


def up(progress: Progress) -> None:
    """Bring everything up; `progress` gets a line at each step.

    Raises PrerequisiteError, StackError and the other errors of Lethe, each with what to do.
    """
    paths, ports = Paths(), Ports()
    load(paths.register_file)  # a register that is wrong is told before anything is changed
    private_folder(paths.home)
    with only_command(paths):
        supervisor = Supervisor(paths)
        running = supervisor.is_up()
        progress("checking what the machine has")
        prerequisites.check(paths, is_running=running)
        if not running:
            _take_over(paths, ports, progress)
        credentials.create(paths)
        artifacts = fetch.fetch(paths, progress)
        planned = [*programs.servers(paths, ports, artifacts), *programs.services(paths, ports, artifacts)]
        _start_supervisor(paths, supervisor, planned, progress)
        _bring_up(paths, ports, supervisor, progress)


def only_command(paths: Paths) -> "FileLock":
    """A lock that `up`, `down` and `clean` hold: of two at once, one says so and ends."""
    private_folder(paths.run)
    lock = FileLock(paths.run / "command.lock", timeout=OTHER_COMMAND_SECONDS)
    try:
        lock.acquire()
    except Timeout as error:
        raise StackError(
            "another `lethe up`, `down` or `clean` is at work here; wait for it to end"
        ) from error
    return lock


def _take_over(paths: Paths, ports: Ports, progress: Progress) -> None:
    """End what a supervisor that was killed has left, and see every port free."""
    left = leftovers.programs(paths)
    if left:
        progress(f"ending {len(left)} processes that an earlier supervisor left behind")
        leftovers.end(left)
    busy = list(leftovers.busy_ports(ports))
    if busy:
        lines = (
            f"port {each.port} ({each.name}) is held by {each.holder or 'a process of another user'}"
            for each in busy
        )
        raise StackError("\n".join([*lines, "stop what holds it, or move all ports by LETHE_PORT_BASE"]))


def _start_supervisor(
    paths: Paths, supervisor: Supervisor, planned: Sequence[Program], progress: Progress
) -> None:
    config = render(paths, planned)
    if supervisor.is_up():
        supervisor.apply()
    else:
        progress("starting the process supervisor")
        supervisor.launch(config)
    for name in programs.SERVERS:
        supervisor.start(name)


def _bring_up(paths: Paths, ports: Ports, supervisor: Supervisor, progress: Progress) -> None:
    """Servers, their users and schemas, and Airflow's metadata at the same time; then what stands on them."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        migrated = pool.submit(airflow.migrate, paths)
        progress("waiting for MongoDB, Kafka and Cassandra")
        for waiting in [pool.submit(each.wait_ready, paths, ports) for each in (mongodb, kafka, cassandra)]:
            waiting.result()
        provision(paths, ports, load(paths.register_file), progress)
        progress("preparing Airflow's metadata")
        migrated.result()
    progress("starting Airflow, the publisher and the dashboard")
    for name in programs.SERVICES:
        supervisor.start(name)
    airflow.wait_ready(paths, ports)
    airflow.make_pools(AirflowApi("admin", paths))
    _submit_stream(paths, progress)


def _submit_stream(paths: Paths, progress: Progress) -> None:
    """Have Airflow start the stream's driver now, rather than at the next minute, and see it run."""
    api = AirflowApi("controller", paths)
    progress("waiting for the DAGs")
    wait_until(lambda: api.dag_is_ready(SUPERVISION), "airflow-dag-processor", paths, DAGS_SECONDS)
    with connect("operator", paths) as client:
        health = database(client).stream_health

        def runs() -> bool:
            """Whether a driver runs its query and has told so within the last seconds."""
            try:
                driver = health.find_one({"_id": DRIVER}) or {}
            except PyMongoError:
                return False
            beat = driver.get("heartbeat_at")
            fresh = beat is not None and (datetime.now(UTC) - beat).total_seconds() < 10
            return fresh and driver.get("state") == "running"

        if not runs():
            progress("submitting the stream through Airflow")
            api.trigger(SUPERVISION, {"try_again": True})
            wait_until(runs, programs.STREAM, paths, STREAM_SECONDS)
    log = log_file(paths, programs.STREAM)
    progress(f"the stream runs; its log is {log}")
