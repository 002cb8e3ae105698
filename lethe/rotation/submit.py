"""How a pass is started: Spark's properties, which Airflow's operator hands to `spark-submit`."""

import sys
from pathlib import Path
from typing import Any, Final

from lethe.settings import PROJECT, Paths, RotationSettings
from lethe.stack import spark
from lethe.stack.private_files import private_folder

JOB: Final = "rotation"
APPLICATION: Final = PROJECT / "spark_apps" / "rotate_keys.py"


def operator() -> dict[str, Any]:
    """What Airflow's operator is given."""
    return {
        "application": str(APPLICATION),
        "properties_file": str(properties_file(Paths())),
        # spark-submit looks for pyspark in the python of PATH otherwise.
        "env_vars": {"PYTHONPATH": str(PROJECT), "PYSPARK_PYTHON": sys.executable},
    }


def properties_file(paths: Paths) -> Path:
    """Where `prepare` writes them."""
    return spark.file_of(paths, JOB)


def prepare(paths: Paths) -> Path:
    """Write the properties, and make the folders that they name; repeat it at will.

    The temporary files are apart from the stream's: its driver empties its own folder when it starts.
    """
    local = paths.home / "spark-batch"
    for folder in (paths.config / JOB, local):
        private_folder(folder)
    job = spark.Job(JOB, "lethe-rotate-keys", RotationSettings().driver_memory, local)
    return spark.write(paths, JOB, spark.properties(paths, job))
