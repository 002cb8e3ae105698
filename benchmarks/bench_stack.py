"""A stack of the benchmark's own: the three servers, provisioned, and the stream's program; nothing else runs.

It lies in one folder, on ports that are free, and is gone when the benchmark ends, however that comes.
"""

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cassandra.cluster import Session

from lethe.errors import StackError
from lethe.producers.sending import Sender
from lethe.producers.simulation import Simulation
from lethe.profiles.rules import Rules
from lethe.register.load import load
from lethe.register.model import Register
from lethe.settings import CassandraSettings, Paths, Ports
from lethe.stack import cassandra as cassandra_server
from lethe.stack import credentials, fetch, kafka, mongodb, prerequisites, programs
from lethe.stack.down import clean
from lethe.stack.leftovers import busy_ports
from lethe.stack.private_files import private_folder
from lethe.stack.provision import provision
from lethe.stack.readiness import wait_until
from lethe.stack.supervise import Supervisor, render
from lethe.stores import cassandra
from lethe.stores.kafka import client_settings
from lethe.stores.mongodb import Client, connect, database
from lethe.stream.health import DRIVER

KEPT_VARIABLES = ("LETHE_CACHE", "LETHE_JAVA_HOME")  # they tell of the machine, not of an installation
MASTER = "local[2]"
STREAM_COLLECTIONS = ("contributions", "aggregate_shards", "subject_counts", "quarantine", "stream_health")
START_SECONDS = 180.0
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class BenchStack:
    """The running stack."""

    paths: Paths
    ports: Ports
    register: Register
    java: Path
    supervisor: Supervisor
    admin: Session
    mongo: Client
    rows_a_batch: int  # of every pipeline

    def messages(self, people: int, seed: int) -> Iterator[tuple[bytes, bytes]]:
        """Key and value of one valid message a person."""
        rules = Rules.from_register(self.register)
        for sent in Simulation(people, datetime.now(UTC), rules, seed, changes=0.0):
            assert sent.value is not None  # noqa: S101 - without changes and faults
            yield sent.key, sent.value

    def produce(self, people: int) -> int:
        """Fill the topic: a message of each person, then another of each; returns how many bytes one has on average."""
        size = 0
        with Sender(client_settings("producer", self.paths)) as sender:
            for key, value in self.messages(people, seed=1):
                sender.send(key, value)
                size += len(value)
            for number, (key, value) in enumerate(self.messages(people, seed=1)):
                sender.send(key, updated(value, number))
        return size // people

    def empty_lethe(self) -> None:
        """Lethe's stores and its stream's checkpoint as they are before the first message."""
        self.stop_stream()
        for table in cassandra.TABLES:
            self.admin.execute(f"TRUNCATE {CassandraSettings().keyspace}.{table}")
        db = database(self.mongo)
        for name in STREAM_COLLECTIONS:
            db.drop_collection(name)
        shutil.rmtree(self.paths.checkpoint, ignore_errors=True)
        provision(self.paths, self.ports, self.register, lambda _line: None)

    def start_stream(self) -> None:
        """Start Lethe's stream, as supervision would; returns when its query runs."""
        health = database(self.mongo).stream_health
        self.supervisor.start(programs.STREAM)
        self.wait_for_stream(
            lambda: (health.find_one({"_id": DRIVER}) or {}).get("state") == "running", START_SECONDS
        )

    def stop_stream(self) -> None:
        """Stop it where it runs."""
        self.supervisor.stop(programs.STREAM)

    def wait_for_stream(self, condition: Callable[[], bool], seconds: float) -> None:
        """Return when the condition holds. Raises StackError when it does not, or the stream ends before."""

        def holds() -> bool:
            if not self.supervisor.state(programs.STREAM).is_running:
                raise StackError(f"the stream has ended by itself; read its log, {programs.STREAM}.log")
            return condition()

        wait_until(holds, programs.STREAM, self.paths, seconds)

    def pid(self, program: str) -> int:
        """The process id of a program."""
        return self.supervisor.state(program).pid


def updated(value: bytes, number: int) -> bytes:
    """The same person's next message, a minute later; every third has moved, to another city and nationality.

    One without an event time has none again: it is as late as its sending.
    """
    document = json.loads(value)
    if "event_time" in document:
        at = datetime.fromisoformat(document["event_time"]) + timedelta(minutes=1)
        document["event_time"] = at.isoformat(timespec="milliseconds")
    if number % 3 == 0:
        document["location"]["city"] = "Elsewhere"
        document["nat"] = "NL" if document["nat"] != "NL" else "DE"
    return json.dumps(document, ensure_ascii=False).encode()


@contextmanager
def bench_stack(folder: Path, rows_a_batch: int, say: Progress) -> Iterator[BenchStack]:
    """Bring the stack up, and take it down with all its data; this process' settings mean it meanwhile.

    What an earlier run that was killed has left goes first. Where something fails, the logs stay in `folder`.
    """
    _settle(folder, rows_a_batch)
    paths = Paths()
    clean(_nothing_said, keys=True)
    shutil.rmtree(folder / "logs", ignore_errors=True)
    try:
        with _running(paths, Ports(), rows_a_batch, say) as stack:
            yield stack
    except BaseException:
        if paths.logs.exists():
            shutil.copytree(paths.logs, folder / "logs")
            say(f"it failed; the logs are in {folder / 'logs'}")
        raise
    finally:
        say("ending the benchmark's servers, removing their data")
        clean(_nothing_said, keys=True)


def _nothing_said(_line: str) -> None:
    """What is done to an installation that nobody knows of is not worth a line a step."""


def _settle(folder: Path, rows_a_batch: int) -> None:
    """Have this process' settings, and its children's, mean the stack in that folder, with defaults elsewhere."""
    for name in [name for name in os.environ if name.startswith("LETHE_") and name not in KEPT_VARIABLES]:
        del os.environ[name]
    os.environ |= {
        "LETHE_HOME": str(folder / "home"),
        "LETHE_KEYS_DIR": str(folder / "keys"),
        "LETHE_PORT_BASE": str(_free_ports()),
        "LETHE_STREAM_MASTER": MASTER,
        "LETHE_STREAM_MAX_OFFSETS_PER_TRIGGER": str(rows_a_batch),
    }


def _free_ports() -> int:
    """A base of ports on none of which anybody listens: any one, since others may be looking for theirs now."""
    bases = list(range(20_000, 32_000, 100))
    random.shuffle(bases)
    for base in bases:
        if not any(busy_ports(Ports(port_base=base))):
            return base
    raise StackError("no range of free ports between 20000 and 32000; stop something")


@contextmanager
def _running(paths: Paths, ports: Ports, rows_a_batch: int, say: Progress) -> Iterator[BenchStack]:
    private_folder(paths.home)
    prerequisites.check(paths)
    register = load(paths.register_file)
    credentials.create(paths)
    artifacts = fetch.fetch(paths, say)
    services = programs.services(paths, ports, artifacts)
    planned = [
        *programs.servers(paths, ports, artifacts),
        *(program for program in services if program.name == programs.STREAM),
    ]
    supervisor = Supervisor(paths)
    say("starting Kafka, Cassandra and MongoDB")
    supervisor.launch(render(paths, planned))
    with ThreadPoolExecutor() as pool:
        servers = (mongodb, kafka, cassandra_server)
        for waiting in [pool.submit(server.wait_ready, paths, ports, START_SECONDS) for server in servers]:
            waiting.result()
    provision(paths, ports, register, _nothing_said)
    admin = cassandra.connect("admin", paths)
    try:
        with connect("admin", paths) as mongo:
            yield BenchStack(paths, ports, register, artifacts.java, supervisor, admin, mongo, rows_a_batch)
    finally:
        admin.cluster.shutdown()
