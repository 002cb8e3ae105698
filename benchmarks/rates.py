"""Rows a second of a pipeline over the topic, after its warm-up."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.bench_stack import BenchStack
from benchmarks.cpu import CpuMeter
from benchmarks.plain_stores import PlainStores
from lethe.errors import StackError
from lethe.stack import cassandra, kafka, mongodb, programs
from lethe.stores.mongodb import database

LETHE = "lethe"
SPARK = "spark"
WARM_BATCHES = 2  # in which the JVMs compile; no rate counts them
RUN_SECONDS = 1800.0
Batch = tuple[float, int]  # when all of it was written (Unix s), and its rows


@dataclass(frozen=True, slots=True)
class Run:
    """One pass of a pipeline over the topic: `rows` in `seconds`, and the CPU time of a row by program, in µs."""

    pipeline: str
    rows: int
    seconds: float
    rows_per_second: float
    cpu_us: dict[str, float]


def measure_lethe(stack: BenchStack, total: int) -> Run:
    """Lethe's stream over the whole topic, into empty stores; it runs on afterwards."""
    stack.start_stream()
    roots = _servers(stack) | {SPARK: stack.pid(programs.STREAM)}
    with CpuMeter(roots) as meter:
        stack.wait_for_stream(lambda: sum(rows for _, rows in _finished(stack)) >= total, RUN_SECONDS)
    return _run(LETHE, _finished(stack), meter, stack.rows_a_batch)


def measure_plain(plain: PlainStores, form: str) -> Run:
    """One form of the plain pipeline over the whole topic, into empty stores, to its end."""
    log = plain.stack.paths.logs / f"plain-{form}.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            plain.command(form), env=plain.environment(), stdout=subprocess.PIPE, stderr=errors
        )
        try:
            with CpuMeter(_servers(plain.stack) | {SPARK: process.pid}) as meter:
                printed, _ = process.communicate(timeout=RUN_SECONDS)
        finally:
            process.kill()
    if process.returncode != 0:
        raise StackError(f"the plain pipeline, {form}, has failed; read {log.name}")
    batches = [(float(at), int(rows)) for at, rows in json.loads(printed.splitlines()[-1])]
    return _run(form, batches, meter, plain.stack.rows_a_batch)


def _servers(stack: BenchStack) -> dict[str, int]:
    return {name: stack.pid(name) for name in (kafka.NAME, cassandra.NAME, mongodb.NAME)}


def _finished(stack: BenchStack) -> list[Batch]:
    """The batches of Lethe's stream, in their order."""
    found = database(stack.mongo).stream_health.find({"batch_id": {"$exists": True}}).sort("batch_id", 1)
    return [
        (batch["at"].timestamp(), sum(each["until"] - each["from"] for each in batch["offsets"].values()))
        for batch in found
    ]


def counted(batches: Sequence[Batch], rows_a_batch: int) -> tuple[float, float, int]:
    """Start and end (Unix s) of what counts, and its rows: after the warm-up, to the end of the last large batch.

    Spark rounds each partition's share of a batch down, so that a few rows are left for a batch at the end, which
    would measure nothing but what a batch costs without rows. Raises StackError where nothing is left to count.
    """
    last = len(batches)
    while last > WARM_BATCHES and batches[last - 1][1] < rows_a_batch / 5:
        last -= 1
    if last <= WARM_BATCHES:
        raise StackError(f"{len(batches)} batches leave none after the warm-up; give more --profiles")
    rows = sum(rows for _, rows in batches[WARM_BATCHES:last])
    return batches[WARM_BATCHES - 1][0], batches[last - 1][0], rows


def _run(pipeline: str, batches: Sequence[Batch], meter: CpuMeter, rows_a_batch: int) -> Run:
    start, end, rows = counted(batches, rows_a_batch)
    used = meter.used(start, end)
    return Run(
        pipeline=pipeline,
        rows=rows,
        seconds=round(end - start, 2),
        rows_per_second=round(rows / (end - start), 1),
        cpu_us={name: round(1e6 * seconds / rows, 1) for name, seconds in used.items()},
    )
