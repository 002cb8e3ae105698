"""Re-encrypt every row under the root of the rotation at work: passes over `profiles`, a task some slices of the ring.

Started by the DAG `rotate_keys`. Each task reads its token ranges with Cassandra's own driver, within Python: between
reading a row and writing it stand the key and a transaction in MongoDB, so through Spark's connector each row would
cross from the JVM and back, with the connector's password in the job's settings. Here Spark hands out numbers, and
takes counts: no row, key or password is in a plan, an argument, the environment or a temporary file.
"""

import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from pymongo.errors import PyMongoError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from lethe import jsonlog
from lethe.errors import LetheError
from lethe.rotation import record
from lethe.rotation.passes import ROLE, SLICES, rotate_slice, run
from lethe.rotation.rows import Counts
from lethe.rotation.table import Slice
from lethe.settings import RotationSettings
from lethe.stores import mongodb

LOG = logging.getLogger("lethe.rotation")
TASKS_A_CORE = 4


def one_pass(spark: SparkSession, number: int) -> Counts:
    """Every slice once; their counts together."""
    tasks = min(SLICES, spark.sparkContext.defaultParallelism * TASKS_A_CORE)
    slices = spark.range(0, SLICES, 1, tasks)
    counts = Counts()
    for row in slices.mapInArrow(_task(number), "report string").collect():
        counts.add(Counts.read(json.loads(row.report)))
    LOG.info("pass finished", extra={"rotation": number, **counts.document()})
    return counts


def _task(number: int) -> Any:
    """The function that Spark sends to its workers; gives one row a slice, its counts as JSON."""

    def task(chunks: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for chunk in chunks:
            reports = [
                json.dumps(rotate_slice(number, Slice(part, SLICES)).document())
                for part in chunk.column("id").to_pylist()
            ]
            yield pa.RecordBatch.from_arrays([pa.array(reports, pa.string())], names=["report"])

    return task


def main() -> int:
    """Run passes until one finds nothing of an older root; 0 then, 1 when something is left or failed."""
    jsonlog.configure("rotation")
    spark = SparkSession.builder.getOrCreate()
    try:
        with mongodb.connect(ROLE) as client:
            rotation = record.at_work(mongodb.database(client))
            run(rotation, lambda: one_pass(spark, rotation.number), RotationSettings())
    except LetheError as error:
        LOG.error("not finished: %s", error)  # noqa: TRY400 - its message says it all
        return 1
    except (PyMongoError, PySparkException) as error:
        LOG.error("not finished", extra={"error_class": type(error).__name__})  # noqa: TRY400 - its text quotes
        return 1
    finally:
        spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
