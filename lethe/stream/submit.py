"""How the stream's driver is started: take the lease, shut older drivers out, then become `spark-submit`.

The process that takes the lease holds the right to move it; the driver that it turns into does not. What a driver
needs to know of its lease lies in a file of mode 600.
"""

import json
import os
import shutil
import socket
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from cassandra.cluster import Session
from pymongo.database import Database

from lethe.errors import ConfigurationError, FencedError, StoreError
from lethe.settings import (
    PROJECT,
    CassandraSettings,
    KafkaSettings,
    Paths,
    StreamSettings,
    secret,
)
from lethe.stack import spark
from lethe.stack.private_files import private_folder, replace
from lethe.stores import cassandra, mongodb
from lethe.stores.mongodb import Document
from lethe.stream import fence, lease

APPLICATION = PROJECT / "spark_apps" / "user_profiles_stream.py"


@dataclass(frozen=True, slots=True)
class LeaseFile:
    """A driver's lease and the password of its Cassandra role."""

    number: int
    holder: str
    password: str

    @classmethod
    def read(cls, paths: Paths, lease_number: int) -> "LeaseFile":
        """The lease with this number.

        Raises ConfigurationError when none was taken on this machine, FencedError when another was taken since.
        """
        try:
            held = cls(**json.loads(lease_path(paths).read_text()))
        except OSError as error:
            raise ConfigurationError("the stream has no lease: start it by `lethe stream run`") from error
        if held.number != lease_number:
            raise FencedError(f"lease {lease_number} was taken over by lease {held.number}")
        return held

    @property
    def lease(self) -> lease.Lease:
        """Without the password."""
        return lease.Lease(self.number, self.holder)


def lease_path(paths: Paths) -> Path:
    """Where the lease file lies."""
    return paths.run / "lease.json"


def take_over(paths: Paths) -> LeaseFile:
    """Take the lease, make its role, and see every older role refused.

    Raises FencedError when another driver took the lease in the meantime, StoreError when a store doesn't answer
    or an old role still writes.
    """
    settings = CassandraSettings()
    client = mongodb.connect("fence", paths)
    session = cassandra.connect("fence", paths, settings)
    try:
        db = mongodb.database(client)
        held = lease.take(
            client, db, f"{socket.gethostname()}:{os.getpid()}", StreamSettings().counter_shards
        )
        try:
            password = fence.admit(session, held.number, paths)
            fence.shut_out(session, held.number, settings, paths)
        except StoreError:
            _assert_last(db, session, held)  # a later takeover is what was in the way
            raise
        _assert_last(db, session, held)
    finally:
        session.cluster.shutdown()
        client.close()
    taken = LeaseFile(held.number, held.holder, password)
    replace(lease_path(paths), json.dumps(asdict(taken)))
    return taken


def _assert_last(db: Database[Document], session: Session, held: lease.Lease) -> None:
    if lease.current(db) != held.number:
        fence.withdraw(session, held.number)
        raise FencedError(f"lease {held.number} was taken over by another driver while it was starting")


def spark_properties(paths: Paths) -> dict[str, str]:
    """Spark's settings of the stream, as a properties file takes them: nothing secret stands on a command line."""
    settings = StreamSettings()
    login = f"-Djava.security.auth.login.config={_jaas(paths)}"
    job = spark.Job("stream", "lethe-user-profiles", settings.driver_memory, paths.home / "spark")
    properties = spark.properties(paths, job, driver_options=(login,), executor_options=(login,))
    return properties | {
        "spark.sql.shuffle.partitions": "4",
        # Spark counts rows, not bytes: so many of the largest messages still fit beside each other in its memory.
        "spark.sql.execution.arrow.maxRecordsPerBatch": "250",
        "spark.sql.streaming.minBatchesToRetain": "20",
        "spark.sql.streaming.noDataProgressEventInterval": "1000",
    }


def _jaas(paths: Paths) -> Path:
    """Kafka's login of the stream as a JAAS file: as an option it would stand in Spark's plans and logs."""
    file = paths.config / "stream" / "jaas.conf"
    module = {
        "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    }.get(KafkaSettings().sasl_mechanism, "org.apache.kafka.common.security.scram.ScramLoginModule")
    replace(
        file,
        f'KafkaClient {{\n  {module} required username="stream" password="{secret("kafka-stream", paths)}";\n}};\n',
    )
    return file


def command(paths: Paths, lease_number: int) -> list[str]:
    """The `spark-submit` command line of the driver that took this lease.

    It names the lease, since the lease file may hold a later driver's by the time that Spark has started.
    """
    file = spark.write(paths, "stream", spark_properties(paths))
    submit = Path(sys.executable).with_name("spark-submit")
    return [str(submit), "--properties-file", str(file), str(APPLICATION), str(lease_number)]


def run(paths: Paths) -> None:
    """Take over and become the driver; returns never."""
    for folder in (paths.run, paths.checkpoint.parent, paths.config / "stream", paths.home / "spark"):
        private_folder(folder)
    taken = take_over(paths)
    _clear(paths.home / "spark")
    argv = command(paths, taken.number)
    environment = os.environ | {
        "PYTHONPATH": str(PROJECT),
        "PYTHONUNBUFFERED": "1",
        "PYSPARK_PYTHON": sys.executable,  # spark-submit looks for pyspark in the python of PATH otherwise
    }
    os.execve(argv[0], argv, environment)  # noqa: S606 - becomes the driver, under the same supervisor


def _clear(folder: Path) -> None:
    """Remove what drivers that were killed have left; one that is only paused can't write to a store any more."""
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
