"""The pipeline that people build instead: Kafka, from_json, the stores' connectors; every field in clear.

Nothing here protects, forgets, or survives a replay exactly: it is what Lethe's stream is measured against.
`--form default`: the connectors' defaults, the batch persisted because it is written twice. `--form tuned`: the
Cassandra connector's settings as its users tune it, and large batches. `--form noop`: Kafka and parsing alone,
the ceiling. Prints JSON lines: {"batch", "at"} (s) when a batch is written, then {"batch", "reached"} (sum of end
offsets) for each. Logins come from a JAAS file and from the environment.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - as everywhere in Spark
from pyspark.sql.types import StringType, StructField, StructType

TUNED = {
    "spark.cassandra.output.batch.grouping.key": "replica_set",
    "spark.cassandra.output.batch.size.rows": "32",
    "spark.cassandra.output.concurrent.writes": "8",
}
ROWS_A_BATCH = {"default": 20_000, "tuned": 50_000, "noop": 50_000}


def _object(**fields: StructType | StringType) -> StructType:
    return StructType([StructField(name, kind) for name, kind in fields.items()])


TEXT = StringType()
SCHEMA = _object(
    gender=TEXT,
    name=_object(title=TEXT, first=TEXT, last=TEXT),
    location=_object(city=TEXT, state=TEXT, country=TEXT, postcode=TEXT),
    email=TEXT,
    login=_object(uuid=TEXT, username=TEXT),
    dob=_object(date=TEXT),
    registered=_object(date=TEXT),
    phone=TEXT,
    cell=TEXT,
    nat=TEXT,
)

COLUMNS: dict[str, Column | str] = {
    "user_id": "p.login.uuid",
    "first_name": "p.name.first",
    "last_name": "p.name.last",
    "gender": "p.gender",
    "email": "p.email",
    "phone": "p.phone",
    "cell": "p.cell",
    "city": "p.location.city",
    "country": "p.location.country",
    "postcode": "p.location.postcode",
    "nationality": "p.nat",
    "birth_date": "p.dob.date",
    "registered": "p.registered.date",
}


def profiles(spark: SparkSession, bootstrap: str, rows: int) -> DataFrame:
    """`user_profiles` parsed into thirteen clear columns."""
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", bootstrap)
        .option("kafka.security.protocol", "SASL_PLAINTEXT")
        .option("kafka.sasl.mechanism", "SCRAM-SHA-512")
        .option("subscribe", "user_profiles")
        .option("groupIdPrefix", "lethe-stream")
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", rows)
        .load()
        .select(F.from_json(F.col("value").cast("string"), SCHEMA).alias("p"))
        .select(*[F.col(str(path)).alias(name) for name, path in COLUMNS.items()])
        .where("user_id is not null")
    )


def write_stores(batch: DataFrame, mongo_uri: str) -> None:
    """Rows to Cassandra, aggregates of the batch to MongoDB, each by its maker's connector."""
    batch.write.format("org.apache.spark.sql.cassandra").options(keyspace="plain", table="profiles").mode(
        "append"
    ).save()
    age = F.floor(F.datediff(F.current_date(), F.to_date("birth_date")) / 365.25)
    (
        batch.groupBy("nationality")
        .agg(F.count("*").alias("users"), F.avg(age).alias("average_age"))
        .write.format("mongodb")
        .options(**{"connection.uri": mongo_uri, "database": "plain", "collection": "users_by_nationality"})
        .mode("append")
        .save()
    )


def sink(form: str, mongo_uri: str, report: Callable[[int], None]) -> Callable[[DataFrame, int], None]:
    """What a batch goes through in each form; `report` is told its number when all of it is written."""

    def stores(batch: DataFrame, batch_id: int) -> None:
        batch.persist()
        write_stores(batch, mongo_uri)
        batch.unpersist()
        report(batch_id)

    def noop(batch: DataFrame, batch_id: int) -> None:
        batch.write.format("noop").mode("overwrite").save()
        report(batch_id)

    return noop if form == "noop" else stores


def main() -> int:
    """Run one form until the topic has been read to its end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--form", choices=sorted(ROWS_A_BATCH), required=True)
    parser.add_argument("--checkpoint", required=True)
    form: str = parser.parse_args().form
    builder = SparkSession.builder.appName(f"plain-{form}")
    for name, value in (TUNED if form == "tuned" else {}).items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")

    def report(batch_id: int) -> None:
        print(json.dumps({"batch": batch_id, "at": time.time()}), flush=True)

    frame = profiles(spark, os.environ["LETHE_KAFKA_BOOTSTRAP"], ROWS_A_BATCH[form])
    query = (
        frame.writeStream.foreachBatch(sink(form, os.environ["PLAIN_MONGO_URI"], report))
        .option("checkpointLocation", parser.parse_args().checkpoint)
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    for progress in query.recentProgress:
        (source,) = progress["sources"]
        ends = (
            json.loads(source["endOffset"])["user_profiles"]
            if isinstance(source["endOffset"], str)
            else (source["endOffset"]["user_profiles"])
        )
        print(json.dumps({"batch": progress["batchId"], "reached": sum(ends.values())}), flush=True)
    spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
