"""The pipeline that people build instead: Kafka, from_json, the stores' connectors; every field in clear.

Nothing here protects, forgets, or survives a replay exactly: it is what Lethe's stream is measured against.
`--form default`: the connectors' defaults, the batch persisted because it is written twice. `--form tuned`: the
Cassandra connector's settings as its users tune it. `--form noop`: Kafka and parsing alone, the ceiling.
Prints one line of JSON at its end: of each batch the time (Unix s) when all of it was written, and its rows, by
offsets. Logins come from Spark's settings, a JAAS file and the environment.
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

TOPIC = "user_profiles"
FORMS = ("default", "tuned", "noop")
TUNED = {
    "spark.cassandra.output.batch.grouping.key": "replica_set",
    "spark.cassandra.output.batch.size.rows": "32",
    "spark.cassandra.output.concurrent.writes": "8",
}
TEXT = StringType()
COLUMNS = {
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


def _object(**fields: StructType | StringType) -> StructType:
    return StructType([StructField(name, kind) for name, kind in fields.items()])


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


def profiles(spark: SparkSession, rows: int) -> DataFrame:
    """The topic from its start, so many rows a batch, parsed into thirteen clear columns."""
    columns: list[Column] = [F.col(path).alias(name) for name, path in COLUMNS.items()]
    return (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", os.environ["PLAIN_KAFKA"])
        .option("kafka.security.protocol", "SASL_PLAINTEXT")
        .option("kafka.sasl.mechanism", "SCRAM-SHA-512")
        .option("subscribe", TOPIC)
        .option("groupIdPrefix", "lethe-stream")
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", rows)
        .load()
        .select(F.from_json(F.col("value").cast("string"), SCHEMA).alias("p"))
        .select(*columns)
        .where("user_id is not null")
    )


def write_stores(batch: DataFrame) -> None:
    """Rows to Cassandra, aggregates of the batch to MongoDB, each by its maker's connector."""
    batch.write.format("org.apache.spark.sql.cassandra").options(keyspace="plain", table="profiles").mode(
        "append"
    ).save()
    age = F.floor(F.datediff(F.current_date(), F.to_date("birth_date")) / 365.25)
    (
        batch.groupBy("nationality")
        .agg(F.count("*").alias("users"), F.avg(age).alias("average_age"))
        .write.format("mongodb")
        .option("connection.uri", os.environ["PLAIN_MONGO_URI"])
        .options(database="plain", collection="users_by_nationality")
        .mode("append")
        .save()
    )


def sink(form: str, written: Callable[[], None]) -> Callable[[DataFrame, int], None]:
    """What a batch goes through; `written` is called when all of it is."""

    def stores(batch: DataFrame, _batch_id: int) -> None:
        batch.persist()
        write_stores(batch)
        batch.unpersist()
        written()

    def noop(batch: DataFrame, _batch_id: int) -> None:
        batch.write.format("noop").mode("overwrite").save()
        written()

    return noop if form == "noop" else stores


def main() -> int:
    """Run one form until the topic has been read to its end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--form", choices=FORMS, required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--checkpoint", required=True)
    arguments = parser.parse_args()
    builder = SparkSession.builder
    for name, value in (TUNED if arguments.form == "tuned" else {}).items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    times: list[float] = []
    query = (
        profiles(spark, arguments.rows)
        .writeStream.foreachBatch(sink(arguments.form, lambda: times.append(time.time())))
        .option("checkpointLocation", arguments.checkpoint)
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    rows = [_rows(progress["sources"][0]) for progress in query.recentProgress]
    print(json.dumps(list(zip(times, rows, strict=True))))
    spark.stop()
    return 0


def _rows(source: dict[str, dict[str, dict[str, int]] | None]) -> int:
    """How many offsets a batch has taken."""
    start, end = source["startOffset"] or {}, source["endOffset"] or {}
    return sum(end[TOPIC].values()) - sum(start.get(TOPIC, {}).values())


if __name__ == "__main__":
    sys.exit(main())
