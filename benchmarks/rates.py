"""Rows a second of a pipeline over the topic, after its warm-up: of people first seen, then of their updates."""

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
FIRST_SEEN, UPDATES = "first seen", "updates"
PHASES = (FIRST_SEEN, UPDATES)
Batch = tuple[float, int]  # when all of it was written (Unix s), and its rows


@dataclass(frozen=True, slots=True)
class Run:
    """A phase of a pipeline's pass over the topic: `rows` in `seconds`, and the CPU time of a row by program, in µs."""

    pipeline: str
    phase: str
    rows: int
    seconds: float
    rows_per_second: float
    cpu_us: dict[str, float]


def measure_lethe(stack: BenchStack, people: int) -> list[Run]:
    """Lethe's stream over the whole topic, into empty stores, by phase; it runs on afterwards."""
    stack.start_stream()
    roots = _servers(stack) | {SPARK: stack.pid(programs.STREAM)}
    with CpuMeter(roots) as meter:
        stack.wait_for_stream(lambda: sum(rows for _, rows in _finished(stack)) >= 2 * people, RUN_SECONDS)
    return _runs(LETHE, _finished(stack), meter, people, stack.rows_a_batch)


def measure_plain(plain: PlainStores, form: str, people: int) -> list[Run]:
    """One form of the plain pipeline over the whole topic, into empty stores, to its end, by phase."""
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
    return _runs(form, batches, meter, people, plain.stack.rows_a_batch)


def _servers(stack: BenchStack) -> dict[str, int]:
    return {name: stack.pid(name) for name in (kafka.NAME, cassandra.NAME, mongodb.NAME)}


def _finished(stack: BenchStack) -> list[Batch]:
    """The batches of Lethe's stream, in their order."""
    found = database(stack.mongo).stream_health.find({"batch_id": {"$exists": True}}).sort("batch_id", 1)
    return [
        (batch["at"].timestamp(), sum(each["until"] - each["from"] for each in batch["offsets"].values()))
        for batch in found
    ]


def counted(batches: Sequence[Batch], people: int, rows_a_batch: int) -> dict[str, tuple[float, float, int]]:
    """Start and end (Unix s) of what counts of each phase, and its rows.

    The topic has one message of each person, then another of each. After the warm-up, batches that end within the
    first `people` rows are of people first seen; of the updates, those that begin after them. The one that has both
    counts for neither, nor do the few rows that Spark's rounding leaves for a last batch, which would measure nothing
    but what a batch costs without rows. Raises StackError where a phase has none.
    """
    spans: dict[str, tuple[float, float, int]] = {}
    read = 0
    for number, (ended_at, rows) in enumerate(batches):
        read, before = read + rows, read
        if number < WARM_BATCHES or rows < rows_a_batch / 5:
            continue
        phase = FIRST_SEEN if read <= people else UPDATES if before >= people else None
        if phase is not None:
            start, _, counted_rows = spans.get(phase, (batches[number - 1][0], 0.0, 0))
            spans[phase] = (start, ended_at, counted_rows + rows)
    for phase in PHASES:
        if phase not in spans:
            raise StackError(f"{len(batches)} batches leave none of {phase}; give more --profiles")
    return spans


def _runs(
    pipeline: str, batches: Sequence[Batch], meter: CpuMeter, people: int, rows_a_batch: int
) -> list[Run]:
    return [
        Run(
            pipeline=pipeline,
            phase=phase,
            rows=rows,
            seconds=round(end - start, 2),
            rows_per_second=round(rows / (end - start), 1),
            cpu_us={name: round(1e6 * seconds / rows, 1) for name, seconds in meter.used(start, end).items()},
        )
        for phase, (start, end, rows) in counted(batches, people, rows_a_batch).items()
    ]
