"""The embedded Cassandra: one node, passwords and rights for clients, mutual TLS between nodes, JMX by password."""

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from cassandra import AuthenticationFailed, DriverException
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, Session
from cassandra.policies import RoundRobinPolicy

from lethe.errors import StackError
from lethe.settings import CassandraSettings, Paths, Ports, secret
from lethe.stack import cassandra_audit
from lethe.stack.cassandra_options import JVM_OPTIONS, LOGGING, node
from lethe.stack.java import COMMON_OPTIONS, argument_file, class_path
from lethe.stack.private_files import private_folder, replace
from lethe.stack.program import Program, log_file, run_to_end
from lethe.stack.readiness import wait_until

NAME = "cassandra"
ADMIN = "admin"
# What a new node starts with; provisioning takes its login and its rights away.
DEFAULT_SUPERUSER = ("cassandra", "cassandra")
READY_SECONDS = 90.0
KEYTOOL_SECONDS = 60.0
CERTIFICATE_DAYS = 3650
REQUEST_SECONDS = 30.0


def prepare(paths: Paths, ports: Ports, java: Path, lib: Path) -> Program:
    """Render the configuration, and make the node's certificate where there is none; idempotent.

    `java`: a Java 17 binary; `lib`: the folder of Cassandra's jars. Needs the credentials. Raises StackError
    when the certificate can't be made.
    """
    config = private_folder(paths.config / NAME)
    data = private_folder(paths.data / NAME)
    _make_keystore(paths, java, config)
    replace(config / "cassandra.yaml", yaml.safe_dump(node(paths, ports, config), sort_keys=False))
    replace(config / "logback.xml", LOGGING)
    replace(config / "jmx.password", f"{ADMIN} {secret('cassandra-jmx', paths)}\n")
    replace(config / "jmx.access", f"{ADMIN} readwrite\n")
    options = [
        *JVM_OPTIONS,
        *COMMON_OPTIONS,
        *_jmx_options(ports, config),
        f"-javaagent:{next(iter(sorted(lib.glob('jamm-*.jar'))), lib / 'jamm.jar')}",
        f"-XX:ErrorFile={paths.logs}/cassandra-crash-%p.log",
        f"-Djava.io.tmpdir={private_folder(data / 'tmp')}",
        f"-Dcassandra.config={(config / 'cassandra.yaml').as_uri()}",
        f"-Dcassandra.storagedir={data}",
        f"-Dlogback.configurationFile={(config / 'logback.xml').as_uri()}",
        f"-D{cassandra_audit.FILE_PROPERTY}={log_file(paths, 'cassandra-audit')}",
        "-cp",
        class_path(lib),
    ]
    replace(config / "java.options", argument_file(options))
    return Program(
        name=NAME,
        argv=[str(java), f"@{config / 'java.options'}", "org.apache.cassandra.service.CassandraDaemon"],
        directory=data,
        files=tuple(
            config / name for name in ("java.options", "cassandra.yaml", "logback.xml", "jmx.password")
        ),
        stop_wait_seconds=30,
    )


def _jmx_options(ports: Ports, config: Path) -> list[str]:
    """JMX on one fixed loopback port, registry and server alike, with a password."""
    port = ports["cassandra_jmx"]
    return [
        f"-Dcassandra.jmx.local.port={port}",
        f"-Dcom.sun.management.jmxremote.rmi.port={port}",
        "-Djava.rmi.server.hostname=127.0.0.1",
        "-Dcom.sun.management.jmxremote.authenticate=true",
        f"-Dcom.sun.management.jmxremote.password.file={config / 'jmx.password'}",
        f"-Dcom.sun.management.jmxremote.access.file={config / 'jmx.access'}",
    ]


def _make_keystore(paths: Paths, java: Path, config: Path) -> None:
    """The node's key and certificate, in a PKCS #12 file that serves as keystore and as truststore."""
    keystore = config / "node.p12"
    if keystore.exists():
        return
    aside = keystore.with_suffix(".new")
    aside.unlink(missing_ok=True)
    keytool = java.resolve().with_name("keytool")
    password = paths.secrets / "cassandra-keystore"
    command = [
        keytool, "-genkeypair", "-alias", "node", "-keyalg", "EC", "-groupname", "secp256r1",
        "-dname", "CN=lethe-cassandra", "-ext", "san=ip:127.0.0.1", "-validity", CERTIFICATE_DAYS,
        "-storetype", "PKCS12", "-keystore", aside, "-storepass:file", password,
    ]  # fmt: skip
    log = log_file(paths, "cassandra-keytool")
    run_to_end(command, log, "cassandra: no certificate could be made", KEYTOOL_SECONDS)
    aside.chmod(0o600)
    aside.rename(keystore)


def embedded_settings(ports: Ports) -> CassandraSettings:
    """How to reach the embedded server, whatever LETHE_CASSANDRA_… may say."""
    return CassandraSettings(host="127.0.0.1", port=ports["cassandra"], datacenter="datacenter1")


def login(settings: CassandraSettings, role: str, password: str) -> Session:
    """A session without a keyspace, as administrators need it; close its cluster after use.

    Raises StackError when the login is refused, the driver's own errors when there is no answer.
    """
    profile = ExecutionProfile(load_balancing_policy=RoundRobinPolicy(), request_timeout=REQUEST_SECONDS)
    cluster = Cluster(
        settings.hosts,
        port=settings.port,
        auth_provider=PlainTextAuthProvider(role, password),
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        protocol_version=5,
        connect_timeout=10,
        application_name="lethe-provision",
    )
    try:
        return cluster.connect()
    except NoHostAvailable as error:
        cluster.shutdown()
        if any(isinstance(inner, AuthenticationFailed) for inner in error.errors.values()):
            raise StackError(
                f"cassandra refuses the login of {role}: was its data made with other credentials?"
            ) from error
        raise


def wait_ready(paths: Paths, ports: Ports, seconds: float = READY_SECONDS) -> None:
    """Return when the node lets the administrator in, or on its first start the default superuser.

    Raises StackError, with the log's name, when it does not within `seconds`.
    """
    settings = embedded_settings(ports)
    users = ((ADMIN, secret("cassandra-admin", paths)), DEFAULT_SUPERUSER)

    def answers() -> bool:
        return _listens(ports["cassandra"]) and any(lets_in(settings, *user) for user in users)

    wait_until(answers, NAME, paths, seconds)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True


def lets_in(settings: CassandraSettings, role: str, password: str) -> bool:
    """Whether the node answers and accepts this login."""
    try:
        with _quiet_driver():
            session = login(settings, role, password)
    except (StackError, NoHostAvailable, DriverException):
        return False
    session.cluster.shutdown()
    return True


@contextmanager
def _quiet_driver() -> Iterator[None]:
    """The driver warns of every refused connection, and here they are expected."""
    logger = logging.getLogger("cassandra")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
