"""The embedded Kafka: one node in KRaft mode, SCRAM on both listeners, and no access without an ACL.

The administrator's SCRAM credential is put into the metadata when the storage is formatted, as a salted hash
read from a file: so no listener ever needs PLAIN, and no password is on a command line (KIP-900).
"""

import base64
import hashlib
import os
import secrets
import shutil
import uuid
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from lethe.settings import KafkaSettings, Paths, Ports, TopicSettings, secret
from lethe.stack.java import COMMON_OPTIONS, argument_file, class_path, properties
from lethe.stack.private_files import private_folder, replace
from lethe.stack.program import Program, log_file, run_to_end
from lethe.stack.readiness import wait_until
from lethe.stores.kafka import client_settings

NAME = "kafka"
ADMIN = "admin"
READY_SECONDS = 60.0
FORMAT_SECONDS = 60.0
SCRAM_ITERATIONS = 8192
MECHANISM = "SCRAM-SHA-512"
LOGIN_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule"
HEAP = "256m"
# The cleaner's map of keys, half of the default 128 MB heap share: 1.2 million keys in one pass, and more passes
# where there are more keys.
DEDUPE_BUFFER_BYTES = 32 * 1024 * 1024
SEGMENT_DELETE_DELAY_MS = 1000

LOGGING = """\
log4j.rootLogger=INFO, stdout
log4j.appender.stdout=org.apache.log4j.ConsoleAppender
log4j.appender.stdout.layout=org.apache.log4j.PatternLayout
log4j.appender.stdout.layout.ConversionPattern=%d{ISO8601} %p %m (%c)%n
log4j.logger.org.apache.kafka.common.config.AbstractConfig=WARN
log4j.logger.kafka.server.KafkaConfig=WARN
log4j.logger.kafka.log=WARN
log4j.logger.org.apache.kafka.storage.internals.log=WARN
log4j.logger.kafka.request.logger=WARN
log4j.logger.kafka.authorizer.logger=WARN
"""


def data_folder(paths: Paths) -> Path:
    """Where the log segments lie."""
    return paths.data / NAME / "log"


def prepare(paths: Paths, ports: Ports, java: Path, lib: Path) -> Program:
    """Render the configuration, and format the storage where that has not been done; idempotent.

    `java`: a Java 17 binary; `lib`: the folder of Kafka's jars and an slf4j binding to reload4j. Needs the
    credentials. Raises StackError when the storage can't be formatted.
    """
    config = private_folder(paths.config / NAME)
    private_folder(paths.data / NAME)
    replace(config / "log4j.properties", LOGGING)
    replace(config / "server.properties", properties(broker(paths, ports, data_folder(paths))))
    options = [
        f"-Xms{HEAP}",
        f"-Xmx{HEAP}",
        "-XX:+UseSerialGC",
        "-XX:+DisableAttachMechanism",
        "-Dlog4j2.statusLoggerLevel=OFF",  # Log4j 2 is in the jars too, and not what logs
        *COMMON_OPTIONS,
        f"-XX:ErrorFile={paths.logs}/kafka-crash-%p.log",
        f"-Djava.io.tmpdir={private_folder(paths.data / NAME / 'tmp')}",
        f"-Dlog4j.configuration={(config / 'log4j.properties').as_uri()}",
        "-cp",
        class_path(lib),
    ]
    replace(config / "java.options", argument_file(options))
    _format(paths, ports, java, config)
    return Program(
        name=NAME,
        argv=[str(java), f"@{config / 'java.options'}", "kafka.Kafka", str(config / "server.properties")],
        directory=paths.data / NAME,
        files=tuple(config / name for name in ("java.options", "server.properties", "log4j.properties")),
        stop_wait_seconds=30,
    )


def broker(paths: Paths, ports: Ports, logs: Path) -> dict[str, object]:
    """The broker's settings, with the segments in `logs`."""
    topics = TopicSettings()
    login = f'{LOGIN_MODULE} required username="{ADMIN}" password="{secret(f"kafka-{ADMIN}", paths)}";'
    controller = f"127.0.0.1:{ports['kafka_controller']}"
    return {
        "process.roles": "broker,controller",
        "node.id": 1,
        # Static, from this file: the voters of a dynamic quorum lie in the metadata, where a move of all ports
        # would not reach them.
        "controller.quorum.voters": f"1@{controller}",
        "listeners": f"CLIENT://127.0.0.1:{ports['kafka']},CONTROLLER://{controller}",
        "advertised.listeners": f"CLIENT://127.0.0.1:{ports['kafka']}",
        "inter.broker.listener.name": "CLIENT",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
        "sasl.enabled.mechanisms": MECHANISM,
        "sasl.mechanism.inter.broker.protocol": MECHANISM,
        "sasl.mechanism.controller.protocol": MECHANISM,
        f"listener.name.client.{MECHANISM.lower()}.sasl.jaas.config": login,
        f"listener.name.controller.{MECHANISM.lower()}.sasl.jaas.config": login,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{ADMIN}",
        "allow.everyone.if.no.acl.found": False,
        "auto.create.topics.enable": False,
        "log.dirs": logs,
        "log.retention.check.interval.ms": topics.check_ms,
        "log.cleaner.backoff.ms": min(topics.check_ms, 15_000),
        "log.cleaner.dedupe.buffer.size": DEDUPE_BUFFER_BYTES,
        "log.segment.delete.delay.ms": SEGMENT_DELETE_DELAY_MS,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        "group.initial.rebalance.delay.ms": 0,
        "num.network.threads": 2,
        "num.io.threads": 4,
    }


def _format(paths: Paths, ports: Ports, java: Path, config: Path) -> None:
    """Make the storage aside and move it into place whole: a kill leaves either none or a complete one."""
    if data_folder(paths).exists():
        return
    aside = data_folder(paths).with_name("log.new")
    shutil.rmtree(aside, ignore_errors=True)
    settings, arguments = config / "format.properties", config / "format.arguments"
    replace(settings, properties(broker(paths, ports, aside)))
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    replace(
        arguments,
        "\n".join(["format", "-t", cluster, "-c", str(settings), "--add-scram", _scram_record(paths)]) + "\n",
    )
    try:
        command = [java, f"@{config / 'java.options'}", "kafka.tools.StorageTool", f"@{arguments}"]
        log = log_file(paths, "kafka-format")
        run_to_end(command, log, "kafka: the storage could not be formatted", FORMAT_SECONDS)
        log.unlink()  # it holds the credential's hash, and is kept only where something failed
    finally:
        settings.unlink()
        arguments.unlink()
    aside.rename(data_folder(paths))
    folder = os.open(data_folder(paths).parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _scram_record(paths: Paths) -> str:
    """The administrator's salted password (RFC 5802 s3: Hi() is PBKDF2 with HMAC)."""
    salt = secrets.token_bytes(32)
    salted = hashlib.pbkdf2_hmac("sha512", secret(f"kafka-{ADMIN}", paths).encode(), salt, SCRAM_ITERATIONS)
    fields = {
        "name": ADMIN,
        "salt": base64.b64encode(salt).decode(),
        "saltedpassword": base64.b64encode(salted).decode(),
    }
    listed = ",".join(f'{key}="{value}"' for key, value in fields.items())
    return f"{MECHANISM}=[{listed},iterations={SCRAM_ITERATIONS}]"


def embedded_settings(ports: Ports) -> KafkaSettings:
    """How to reach the embedded server, whatever LETHE_KAFKA_… may say."""
    return KafkaSettings(
        bootstrap=f"127.0.0.1:{ports['kafka']}", security_protocol="SASL_PLAINTEXT", sasl_mechanism=MECHANISM
    )


def wait_ready(paths: Paths, ports: Ports, seconds: float = READY_SECONDS) -> None:
    """Return when the broker lets the administrator in and lists its topics.

    Raises StackError, with the log's name, when it does not within `seconds`.
    """
    client = AdminClient(
        {
            **client_settings(ADMIN, paths, embedded_settings(ports)),
            "log_level": 0,  # refused connections are expected here
            "reconnect.backoff.max.ms": 500,
        }
    )

    def answers() -> bool:
        try:
            return bool(client.list_topics(timeout=1.0).brokers)
        except KafkaException:
            return False

    wait_until(answers, NAME, paths, seconds)
