"""What the plain pipeline writes to, as its makers would set it up: a keyspace, a database, one login to each."""

import os
import secrets
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench_stack import BenchStack
from benchmarks.plain_pipeline import COLUMNS
from lethe.settings import PROJECT, CassandraSettings, KafkaSettings, MongoSettings
from lethe.stack.airflow import program_path
from lethe.stack.private_files import private_folder, replace
from lethe.stack.provision.cassandra import replication
from lethe.stream.submit import spark_properties

NAME = "plain"  # of keyspace, database and user
APPLICATION = PROJECT / "benchmarks" / "plain_pipeline.py"
# What people add only when they are told to protect what Spark spills: the plain pipeline has neither.
PROTECTION = ("spark.authenticate", "spark.io.encryption.enabled")


@dataclass(frozen=True, slots=True)
class PlainStores:
    """The plain pipeline's stores on a stack, and how the pipeline is started there."""

    stack: BenchStack
    password: str

    @classmethod
    def make(cls, stack: BenchStack) -> "PlainStores":
        """Make keyspace, table, database and logins."""
        password = secrets.token_hex(16)
        options = replication(CassandraSettings())
        columns = ", ".join(f"{name} text" for name in COLUMNS)
        for statement in (
            f"CREATE KEYSPACE {NAME} WITH replication = {options}",
            f"CREATE TABLE {NAME}.profiles ({columns}, PRIMARY KEY (user_id))",
            f"CREATE ROLE {NAME} WITH PASSWORD = '{password}' AND LOGIN = true",
            f"GRANT SELECT ON KEYSPACE {NAME} TO {NAME}",
            f"GRANT MODIFY ON KEYSPACE {NAME} TO {NAME}",
        ):
            stack.admin.execute(statement)
        stack.mongo[NAME].command(
            "createUser", NAME, pwd=password, roles=["readWrite"], mechanisms=["SCRAM-SHA-256"]
        )
        return cls(stack, password)

    @property
    def folder(self) -> Path:
        """Configuration and checkpoints of the plain pipeline."""
        return self.stack.paths.home / NAME

    def empty(self) -> None:
        """As they were made."""
        self.stack.admin.execute(f"TRUNCATE {NAME}.profiles")
        for name in self.stack.mongo[NAME].list_collection_names():
            self.stack.mongo[NAME].drop_collection(name)
        shutil.rmtree(self.folder, ignore_errors=True)

    def command(self, form: str) -> list[str]:
        """`spark-submit` for one form, with the Spark settings of Lethe's stream, a new checkpoint, and its logins."""
        paths = self.stack.paths
        for folder in (self.folder, paths.config / "stream", paths.home / "spark"):
            private_folder(folder)
        cassandra = CassandraSettings()
        properties = {
            name: value for name, value in spark_properties(paths).items() if name not in PROTECTION
        } | {
            "spark.app.name": f"plain-{form}",
            "spark.cassandra.connection.host": cassandra.host,
            "spark.cassandra.connection.port": str(cassandra.port),
            "spark.cassandra.auth.username": NAME,
            "spark.cassandra.auth.password": self.password,
        }
        file = self.folder / "spark.conf"
        replace(file, "".join(f"{name} {value}\n" for name, value in properties.items()))
        options = {
            "--form": form,
            "--rows": str(self.stack.rows_a_batch),
            "--checkpoint": str(self.folder / "checkpoint"),
        }
        submit = str(Path(sys.executable).with_name("spark-submit"))
        arguments = [text for option in options.items() for text in option]
        return [submit, "--properties-file", str(file), str(APPLICATION), *arguments]

    def environment(self) -> dict[str, str]:
        """What the pipeline finds in its environment."""
        mongo = MongoSettings()
        uri = f"mongodb://{NAME}:{self.password}@{mongo.hosts}/{NAME}?replicaSet={mongo.replica_set}"
        return os.environ | {
            "PATH": program_path(),
            "JAVA_HOME": str(self.stack.java.parents[1]),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "PLAIN_KAFKA": KafkaSettings().bootstrap,
            "PLAIN_MONGO_URI": uri,
        }
