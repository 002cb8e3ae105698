"""Where things are: one settings class a concern, each read from `LETHE_…` variables.

Defaults describe the embedded stack of this checkout. Secrets are never settings: they are files,
one a credential, in `Paths.secrets` (mode 700), read by `secret()`.
"""

import hashlib
import os
import tempfile
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from lethe.errors import ConfigurationError

PROJECT = Path(__file__).resolve().parents[1]

# Offsets from LETHE_PORT_BASE of every port that the embedded stack listens on.
PORT_OFFSETS = {
    "kafka": 0,
    "kafka_controller": 1,
    "cassandra": 2,
    "cassandra_internode": 3,
    "cassandra_jmx": 4,
    "mongodb": 5,
    "airflow": 6,
    "airflow_worker_logs": 7,
    "airflow_triggerer_logs": 8,
    "dashboard": 9,
    # A driver takes the next free one of 16: an earlier driver that hangs may still hold the first.
    "spark_driver": 20,
    "spark_block_manager": 40,
}
SPARK_PORT_TRIES = 16
# A UNIX socket's path holds 107 bytes; supervisord first makes `supervisor.sock.<pid>` beside it.
LONGEST_SOCKET_FOLDER = 80


def _default_keys_dir() -> Path:
    """Outside the checkout, one folder a checkout: two checkouts never share a pepper."""
    tag = hashlib.sha256(str(PROJECT).encode()).hexdigest()[:12]
    return Path.home() / ".local" / "share" / "lethe" / "keys" / tag


class Paths(BaseSettings):
    """Folders of one installation (`LETHE_HOME`, `LETHE_KEYS_DIR`, `LETHE_CACHE`, …)."""

    model_config = SettingsConfigDict(env_prefix="LETHE_")

    home: Path = PROJECT / ".lethe"
    keys_dir: Path = Field(default_factory=_default_keys_dir)
    cache: Path = Path.home() / ".cache" / "lethe"
    secrets_dir: Path | None = None
    control_dir: Path | None = None
    evidence_dir: Path | None = None
    register_file: Path = PROJECT / "register.yaml"

    @property
    def secrets(self) -> Path:
        """One file a credential, mode 600."""
        return self.secrets_dir or self.home / "secrets"

    @property
    def evidence(self) -> Path:
        """What is signed, for others to keep: on another machine, so that who has the stores has not this too."""
        return self.evidence_dir or self.home / "evidence"

    @property
    def data(self) -> Path:
        """The servers' data, one folder a server."""
        return self.home / "data"

    @property
    def logs(self) -> Path:
        """Logs of every process, one file a program."""
        return self.home / "logs"

    @property
    def config(self) -> Path:
        """Generated configuration of the embedded servers."""
        return self.home / "config"

    @property
    def run(self) -> Path:
        """Sockets, lease files and other things that a process leaves while it runs."""
        return self.home / "run"

    @property
    def control(self) -> Path:
        """The process supervisor's socket; a short path of our own where the usual one is too long for a socket."""
        if self.control_dir is not None:
            return self.control_dir
        if len(os.fsencode(self.run.resolve())) <= LONGEST_SOCKET_FOLDER:
            return self.run
        tag = hashlib.sha256(str(self.home.resolve()).encode()).hexdigest()[:10]
        return Path(tempfile.gettempdir()) / f"lethe-{os.getuid()}-{tag}"

    @property
    def checkpoint(self) -> Path:
        """The stream's checkpoint."""
        return self.home / "checkpoint" / "user_profiles"

    @property
    def jars(self) -> Path:
        """Jars on Spark's class path: ours, and any that a user adds."""
        return self.home / "jars"


class Ports(BaseSettings):
    """Every port of the embedded stack, moved together by `LETHE_PORT_BASE`."""

    model_config = SettingsConfigDict(env_prefix="LETHE_")

    port_base: int = Field(default=19000, ge=1024, le=65000)

    def __getitem__(self, name: str) -> int:
        """The port of one server, by its name in PORT_OFFSETS."""
        return self.port_base + PORT_OFFSETS[name]

    def all(self) -> dict[str, int]:
        """Port number by name."""
        return {name: self[name] for name in PORT_OFFSETS}

    def fixed(self) -> dict[str, int]:
        """Those that one process alone listens on: not the first of a range, as Spark's are."""
        return {name: port for name, port in self.all().items() if not name.startswith("spark_")}


class KafkaSettings(BaseSettings):
    """How to reach Kafka (`LETHE_KAFKA_BOOTSTRAP`, …); the credential is chosen by role."""

    model_config = SettingsConfigDict(env_prefix="LETHE_KAFKA_")

    bootstrap: str = Field(default_factory=lambda: f"127.0.0.1:{Ports()['kafka']}")
    security_protocol: str = "SASL_PLAINTEXT"
    sasl_mechanism: str = "SCRAM-SHA-512"
    partitions: int = Field(default=4, ge=1)
    replication: int = Field(default=1, ge=1)


class TopicSettings(BaseSettings):
    """How long the topics keep what is in them (`LETHE_TOPIC_…`, all in milliseconds).

    They bound how long an erased subject's messages lie in Kafka's log: compaction sees a message at the latest
    `segment_ms` + `max_compaction_lag_ms` after it was written, and `retention_ms` removes what is left.
    """

    model_config = SettingsConfigDict(env_prefix="LETHE_TOPIC_")

    segment_ms: int = Field(default=3_600_000, ge=100)
    max_compaction_lag_ms: int = Field(default=21_600_000, ge=1)
    delete_retention_ms: int = Field(default=86_400_000, ge=1)
    retention_ms: int = Field(default=604_800_000, ge=1)
    # Beyond this a producer's clock would keep a segment from ageing; messages are refused by then anyway.
    timestamp_after_max_ms: int = Field(default=300_000, ge=1)
    check_ms: int = Field(default=60_000, ge=100)  # how often the broker looks for segments to delete


class CassandraSettings(BaseSettings):
    """How to reach Cassandra (`LETHE_CASSANDRA_HOST`, …); the credential is chosen by role."""

    model_config = SettingsConfigDict(env_prefix="LETHE_CASSANDRA_")

    host: str = "127.0.0.1"  # comma-separated contact points
    port: int = Field(default_factory=lambda: Ports()["cassandra"])
    keyspace: str = "lethe"
    datacenter: str = "datacenter1"
    replication: int = Field(default=1, ge=1)

    @property
    def hosts(self) -> list[str]:
        """Contact points."""
        return [host.strip() for host in self.host.split(",") if host.strip()]


class MongoSettings(BaseSettings):
    """How to reach MongoDB (`LETHE_MONGO_HOSTS`, …); the credential is chosen by role."""

    model_config = SettingsConfigDict(env_prefix="LETHE_MONGO_")

    hosts: str = Field(default_factory=lambda: f"127.0.0.1:{Ports()['mongodb']}")
    replica_set: str = "lethe"
    database: str = "lethe"


class AirflowSettings(BaseSettings):
    """How to reach Airflow's API (`LETHE_AIRFLOW_URL`), and its database, to take out of it what names a person."""

    model_config = SettingsConfigDict(env_prefix="LETHE_AIRFLOW_")

    url: str = Field(default_factory=lambda: f"http://127.0.0.1:{Ports()['airflow']}")
    database: str | None = None  # an URL as SQLAlchemy takes it; None: the embedded stack's

    @property
    def database_url(self) -> str:
        """Where Airflow's database is."""
        return self.database or f"sqlite:///{(Paths().home / 'airflow' / 'airflow.db').absolute()}?timeout=30"


class DashboardSettings(BaseSettings):
    """Where the dashboard listens, and for how long a login lasts (`LETHE_DASHBOARD_…`)."""

    model_config = SettingsConfigDict(env_prefix="LETHE_DASHBOARD_")

    host: str = "127.0.0.1"  # the address that it is bound to; in a container, the container's own
    url: str = Field(default_factory=lambda: f"http://127.0.0.1:{Ports()['dashboard']}")  # as browsers see it
    refresh_seconds: float = Field(default=3.0, ge=0.5)
    idle_minutes: float = Field(default=30.0, gt=0)  # without any request; an open page makes some
    session_hours: float = Field(default=12.0, gt=0)  # however busy


class StreamSettings(BaseSettings):
    """The stream (`LETHE_STREAM_…`)."""

    model_config = SettingsConfigDict(env_prefix="LETHE_STREAM_")

    master: str = "local[*]"
    driver_memory: str = "1g"
    max_offsets_per_trigger: int = Field(default=50_000, ge=1)
    trigger_seconds: float = Field(default=1.0, gt=0)
    heartbeat_seconds: float = Field(default=2.0, gt=0)
    counter_shards: int = Field(default=8, ge=1)
    subjects_per_transaction: int = Field(default=1_000, ge=1)

    @property
    def heartbeat_limit_seconds(self) -> float:
        """A heartbeat older than this is stale."""
        return max(15.0, 5 * self.heartbeat_seconds)


class IntakeSettings(BaseSettings):
    """How those who open requests find a subject who does not know the user id (`LETHE_INTAKE_…`)."""

    model_config = SettingsConfigDict(env_prefix="LETHE_INTAKE_")

    email_index: bool = False  # whether the stream keeps a blind index of e-mail addresses
    lookups_per_hour: int = Field(default=20, ge=1)  # of one Airflow user


class ClockSettings(BaseSettings):
    """Whose public holidays and time the clock of Art. 12(3) follows (`LETHE_COUNTRY`, …)."""

    model_config = SettingsConfigDict(env_prefix="LETHE_")

    country: str = "NL"  # ISO 3166-1, two letters
    time_zone: str = "Europe/Amsterdam"
    identity_days: int = Field(default=3, ge=0)  # an identity check asked for within them is without delay


class RotationSettings(BaseSettings):
    """When `rotate_keys` brings a new root, and how it goes about it (`LETHE_ROTATION_…`)."""

    model_config = SettingsConfigDict(env_prefix="LETHE_ROTATION_")

    days: int = Field(default=365, ge=1)  # from the end of one to the beginning of the next
    punctures: int = Field(default=200_000, ge=1)  # or earlier: as soon as the key state has more
    passes: int = Field(default=10, ge=2)  # over all rows, at most, in one attempt
    pause_seconds: float = Field(default=30.0, ge=0)  # from a pass that left something to the next
    driver_memory: str = "512m"


class SupervisionSettings(BaseSettings):
    """When `supervise_stream` restarts the stream's driver (`LETHE_SUPERVISION_…`); times in seconds."""

    model_config = SettingsConfigDict(env_prefix="LETHE_SUPERVISION_")

    heartbeat_limit_seconds: float = Field(default_factory=lambda: StreamSettings().heartbeat_limit_seconds)
    start_limit_seconds: float = Field(default=120.0, gt=0)  # to the first heartbeat
    stall_limit_seconds: float = Field(default=300.0, gt=0)  # messages wait and no batch ends
    failing_checks: int = Field(default=3, ge=1)
    late_check_seconds: float = Field(default=120.0, gt=60)  # the check before is older: the machine slept
    stable_seconds: float = Field(default=600.0, gt=0)  # healthy for this long forgets earlier failures
    back_off_seconds: float = Field(default=30.0, ge=0)
    back_off_cap_seconds: float = Field(default=900.0, ge=0)
    failure_limit: int = Field(default=8, ge=1)
    keep_runs_days: int = Field(default=7, ge=1)


def secret(name: str, paths: Paths | None = None) -> str:
    """The credential in the file `name` of the secrets folder, without its last newline.

    Raises ConfigurationError when the file is missing, or open to others.
    """
    file = (paths or Paths()).secrets / name
    try:
        mode = file.stat().st_mode & 0o077
        text = file.read_text().rstrip("\n")
    except OSError as error:
        raise ConfigurationError(
            f"credential {name}: {file} can't be read ({error.strerror}); run `make up` first, or set "
            "LETHE_SECRETS_DIR"
        ) from error
    if mode:
        raise ConfigurationError(f"credential {name}: {file} is open to others; chmod 600 it")
    return text
