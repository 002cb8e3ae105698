"""What every Spark job of Lethe is started with, as a properties file: nothing secret stands on a command line."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lethe.settings import SPARK_PORT_TRIES, Paths, Ports, StreamSettings, secret
from lethe.stack.private_files import replace

# Spark's own lines in the form of ours; what it warns of at every batch by design is left out.
LOGGING = """\
rootLogger.level = warn
rootLogger.appenderRef.stderr.ref = stderr
appender.console.type = Console
appender.console.name = stderr
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = {"time": "%d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX}{UTC}", "level": "%p", "logger": "%c", \
"program": "spark", "message": "%enc{%m}{JSON}", "traceback": "%enc{%xEx}{JSON}"}%n
appender.console.layout.alwaysWriteExceptions = false
logger.consumer.name = org.apache.spark.sql.kafka010.consumer.KafkaDataConsumer
logger.consumer.level = error
logger.late.name = org.apache.spark.sql.execution.streaming.ProcessingTimeExecutor
logger.late.level = error
logger.admin.name = org.apache.kafka.clients.admin.AdminClientConfig
logger.admin.level = error
"""


@dataclass(frozen=True, slots=True)
class Job:
    """One job: the folder of its configuration, Spark's name for it, its driver's memory, and its temporary files."""

    name: str
    title: str
    memory: str
    local: Path


def properties(
    paths: Paths, job: Job, *, driver_options: Sequence[str] = (), executor_options: Sequence[str] = ()
) -> dict[str, str]:
    """Spark's settings of a job; `…_options` are further ones of the JVMs."""
    settings, ports = StreamSettings(), Ports()
    found = {
        "spark.master": settings.master,
        "spark.app.name": job.title,
        "spark.driver.memory": job.memory,
        "spark.driver.extraJavaOptions": " ".join([*driver_options, *_java_options(paths, job)]),
        "spark.jars": ",".join(sorted(str(jar) for jar in paths.jars.glob("*.jar"))),
        "spark.local.dir": str(job.local),
        "spark.sql.warehouse.dir": str(job.local / "warehouse"),
        "spark.authenticate": "true",
        "spark.io.encryption.enabled": "true",
        "spark.ui.enabled": "false",
        "spark.eventLog.enabled": "false",
        "spark.port.maxRetries": str(SPARK_PORT_TRIES),
        "spark.driver.port": str(ports["spark_driver"]),
        "spark.blockManager.port": str(ports["spark_block_manager"]),
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.showConsoleProgress": "false",
        "spark.pyspark.python": sys.executable,
        "spark.pyspark.driver.python": sys.executable,
    }
    if settings.master.startswith("local"):
        return found | {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    found |= {
        "spark.authenticate.secret": secret("spark-authenticate", paths),
        "spark.network.crypto.enabled": "true",  # the keys of Spark's files go over the wire
    }
    return found | (
        {"spark.executor.extraJavaOptions": " ".join(executor_options)} if executor_options else {}
    )


def _java_options(paths: Paths, job: Job) -> list[str]:
    logging = paths.config / job.name / "log4j2.properties"
    replace(logging, LOGGING)
    return [
        f"-Dlog4j2.configurationFile={logging.as_uri()}",
        f"-Djava.io.tmpdir={job.local}",
        "-XX:+UseSerialGC",
    ]


def file_of(paths: Paths, name: str) -> Path:
    """Where a job's properties lie."""
    return paths.config / name / "spark.conf"


def write(paths: Paths, name: str, held: Mapping[str, str]) -> Path:
    """Write a job's properties, of mode 600."""
    file = file_of(paths, name)
    replace(file, "".join(f"{key} {value}\n" for key, value in held.items()))
    return file
