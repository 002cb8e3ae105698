"""The stream: Kafka's `user_profiles` to Cassandra and MongoDB, as a long-running Structured Streaming app.

Started by `lethe stream run`, which has taken the lease. Each micro-batch is one pass over Kafka's records, one
Python task a topic partition; nothing is persisted or scanned twice.
"""

import json
import logging
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import pyarrow as pa
from py4j.protocol import Py4JError
from pymongo.database import Database
from pymongo.errors import PyMongoError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - as everywhere in Spark
from pyspark.sql.streaming.query import StreamingQuery
from tenacity import RetryError, Retrying, retry_if_result, stop_after_attempt, wait_exponential

from lethe import jsonlog
from lethe.errors import FencedError, LetheError
from lethe.profiles.contract import CONSENTS_TOPIC, HEADER, MAX_MESSAGE_BYTES, PROFILES_TOPIC
from lethe.settings import KafkaSettings, Paths, StreamSettings
from lethe.stores import mongodb, suppression
from lethe.stores.mongodb import Document
from lethe.stream import lease as leases
from lethe.stream.health import QUERY, Counts, Health
from lethe.stream.heartbeat import Heartbeat
from lethe.stream.submit import LeaseFile
from spark_apps.chunks import Batch
from spark_apps.worker import REPORT_SCHEMA, process_partition

LOG = logging.getLogger("lethe.stream")
FENCED_EXIT = 75  # os.EX_TEMPFAIL: another driver has taken over
QUERY_ATTEMPTS = 7  # starts of the query without a finished batch, before the driver gives up


def kafka_records(spark: SparkSession) -> DataFrame:
    """Both topics as a stream of (topic, partition, offset, timestamp_ms, key, value, control).

    A value beyond the contract's bound is cut to one byte more: enough to be refused for its size.
    """
    kafka, stream = KafkaSettings(), StreamSettings()
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", kafka.bootstrap)
        .option("kafka.security.protocol", kafka.security_protocol)
        .option("kafka.sasl.mechanism", kafka.sasl_mechanism)
        .option("subscribe", ",".join((PROFILES_TOPIC, CONSENTS_TOPIC)))
        .option("groupIdPrefix", "lethe-stream")
        .option("startingOffsets", "earliest")
        .option("failOnDataLoss", "true")
        .option("includeHeaders", "true")
        .option("maxOffsetsPerTrigger", stream.max_offsets_per_trigger)
        .load()
        .select(
            "topic",
            "partition",
            "offset",
            F.unix_millis("timestamp").alias("timestamp_ms"),
            "key",
            F.expr(f"substring(value, 1, {MAX_MESSAGE_BYTES + 1})").alias("value"),
            F.expr(f"coalesce(exists(headers, h -> h.key = '{HEADER}'), false)").alias("control"),
        )
    )


@dataclass(slots=True)
class Driver:
    """One life of the driver, under one lease."""

    spark: SparkSession
    paths: Paths
    lease: leases.Lease
    db: Database[Document]
    health: Health
    heartbeat: Heartbeat
    stopping: threading.Event = field(default_factory=threading.Event)
    finished_batches: int = 0
    is_under_way: bool = (
        False  # the query has finished a batch since it was started: the next is none begun before
    )

    def run(self) -> None:
        """Keep the query running until told to stop.

        A query that fails is started again after a growing wait, since a store may be back soon; raises its
        error after QUERY_ATTEMPTS without a finished batch, FencedError as soon as another driver has the lease.
        """
        while not self.stopping.is_set():
            attempts = Retrying(
                retry=retry_if_result(lambda progressed: not progressed),
                stop=stop_after_attempt(QUERY_ATTEMPTS),
                wait=wait_exponential(multiplier=1, max=20),
                sleep=self._pause,
            )
            attempts(self._run_query)

    def _pause(self, seconds: float) -> None:
        self.stopping.wait(seconds)

    def _run_query(self) -> bool:
        """Run the query to its end; True when it was told to stop or has finished a batch before it failed."""
        before, self.is_under_way = self.finished_batches, False
        query = (
            kafka_records(self.spark)
            .writeStream.foreachBatch(self._on_batch)
            .option("checkpointLocation", str(self.paths.checkpoint))
            .trigger(processingTime=f"{StreamSettings().trigger_seconds} seconds")
            .queryName(QUERY)
            .start()
        )
        try:
            self.health.say(state="running")
            self._await(query)
        except (PySparkException, PyMongoError) as error:
            query.stop()
            self._note_failure(error)
        return self.stopping.is_set() or self.finished_batches > before

    def _await(self, query: StreamingQuery) -> None:
        while not self.stopping.is_set():
            if query.awaitTermination(1):
                return
            if self.heartbeat.fenced.is_set():
                query.stop()
                self._assert_lease()
        query.stop()

    def _note_failure(self, error: Exception) -> None:
        """Log and tell what failed; raises FencedError where that was because of a takeover."""
        name = _error_class(error)
        LOG.error("the query failed", extra={"error_class": name})
        try:
            self._assert_lease()
            self.health.say(last_error=name)
        except PyMongoError as unanswered:  # the servers fence all the same
            LOG.warning("MongoDB was not told", extra={"error_class": type(unanswered).__name__})

    def _assert_lease(self) -> None:
        if leases.current(self.db) != self.lease.number:
            raise FencedError(f"lease {self.lease.number} was taken over by another driver")

    def _on_batch(self, frame: DataFrame, batch_id: int) -> None:
        started_at = datetime.now(UTC)
        version, epoch = self.heartbeat.begin_batch(batch_id, lambda: suppression.version(self.db))
        batch = Batch(
            batch_id, self.lease.number, version, epoch, round(time.time() * 1000), not self.is_under_way
        )
        counts, offsets = Counts(), dict[str, dict[str, int]]()
        # Consents first: a profile is judged by all that its subject has said.
        topics = (
            (CONSENTS_TOPIC, PROFILES_TOPIC) if may_hold_consents(self.paths, batch_id) else (PROFILES_TOPIC,)
        )
        for topic in topics:
            for row in (
                frame.where(F.col("topic") == topic)
                .mapInArrow(_partition_task(batch), REPORT_SCHEMA)
                .collect()
            ):
                report = json.loads(row.report)
                counts.add(Counts.read(report["counts"]))
                for name, (first, until) in report["offsets"].items():
                    offsets[name] = {"from": first, "until": until}
        if not counts.balanced():
            raise LetheError(f"batch {batch_id}: {counts.rows_in} rows came in and not all are accounted for")
        self.heartbeat.end_batch({name: bounds["until"] for name, bounds in offsets.items()})
        self.health.batch(batch_id, counts, offsets, started_at, self.heartbeat.lag)
        self.finished_batches += 1
        self.is_under_way = True
        LOG.info("batch finished", extra={"batch_id": batch_id, **counts.document()})


def may_hold_consents(paths: Paths, batch_id: int) -> bool:
    """Whether a batch has messages of `user_consents`: else the pass over them, which reads the batch, is left out.

    By the offsets that Spark wrote down before the batch. Where they don't tell, it may.
    """
    now, before = (_offsets(paths, number) for number in (batch_id, batch_id - 1))
    return now is None or before is None or now != before


def _offsets(paths: Paths, batch_id: int) -> object:
    """Ends of the partitions of `user_consents` at the end of a batch; None where that can't be told."""
    try:
        lines = (paths.checkpoint / "offsets" / str(batch_id)).read_text().splitlines()
        return json.loads(lines[-1])[CONSENTS_TOPIC]
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _partition_task(batch: Batch) -> Any:
    """The function that Spark sends to its workers."""

    def task(chunks: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return process_partition(chunks, batch)

    return task


def _error_class(error: BaseException) -> str:
    """The innermost exception class that Spark's text of a failure names."""
    names = [
        line.split(":", 1)[0].strip().rsplit(".", 1)[-1]
        for line in str(error).splitlines()
        if line[:1].isalpha()
        and line.split(":", 1)[0].strip().endswith(("Error", "Exception", "Unavailable"))
    ]
    return names[-1] if names else type(error).__name__


def main(lease_number: int) -> int:
    """Run the driver; 0 when told to stop, 75 when another driver took over, 1 when it gave up."""
    jsonlog.configure("stream")
    try:
        return drive(lease_number)
    except FencedError as error:
        LOG.warning("fenced", extra={"lease": lease_number, "error_class": type(error).__name__})
        return FENCED_EXIT


def drive(lease_number: int) -> int:
    """Run the driver; 0 when told to stop, 1 when it gave up. Raises FencedError when another driver took over."""
    paths = Paths()
    held = LeaseFile.read(paths, lease_number).lease
    client = mongodb.connect("stream", paths)
    db = mongodb.database(client)
    health = Health(db, held)
    health.starting()
    spark = SparkSession.builder.getOrCreate()
    heartbeat = Heartbeat(health, paths)
    driver = Driver(spark, paths, held, db, health, heartbeat)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        driver.stopping.set()

    signal.signal(signal.SIGTERM, stop)
    heartbeat.start()
    try:
        driver.run()
    except RetryError:
        health.say(state="failed")
        LOG.error("gave up", extra={"lease": held.number})  # noqa: TRY400 - each failure is logged already
        return 1
    except (Py4JError, ConnectionError):
        if not driver.stopping.is_set():  # told to stop, the JVM may be gone before us
            raise
    finally:
        heartbeat.stop()
    health.say(state="stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
