"""`make bench`: Lethe's stream beside the plain pipelines, on one machine, one input, one run.

Brings up a stack of its own, produces the input once, and lets each pipeline read it from the start with empty
stores. Rows are counted by offsets. The first batches, in which the JVM warms up, are left out of each rate.
Writes benchmarks/results.json and the tables of docs/benchmarks.md.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.bench_stack import BenchStack, wait_until

from benchmarks import latency
from lethe.settings import PROJECT

WARM_UP = 100_000  # rows at the head of the topic that no rate counts
RESULTS = PROJECT / "benchmarks" / "results.json"
PAGE = PROJECT / "docs" / "benchmarks.md"
MARK = "<!-- results: written by make bench -->"


@dataclass(frozen=True, slots=True)
class Rate:
    """A pipeline's speed: rows a second over `rows` rows after the warm-up."""

    pipeline: str
    rows: int
    seconds: float

    @property
    def rows_per_second(self) -> float:
        """The figure that is compared."""
        return self.rows / self.seconds


def rate(pipeline: str, reached: list[tuple[float, int]]) -> Rate:
    """From (time in s, rows done) at the end of each batch: the rate after the warm-up."""
    warm = [point for point in reached if point[1] >= WARM_UP]
    if len(warm) < 2:
        raise SystemExit(f"{pipeline}: {len(warm)} batches ended after the warm-up; give --profiles more")
    (start, done), (end, all_rows) = warm[0], warm[-1]
    return Rate(pipeline, all_rows - done, end - start)


def run_lethe(stack: BenchStack, total: int) -> Rate:
    """Lethe's own stream over the whole topic."""
    stack.empty_lethe()
    stack.supervisor.start("stream", wait=False)
    wait_until(lambda: stack.processed() >= total, f"{total} rows through Lethe's stream", 1800)
    reached, done = [], 0
    for batch in stack.db.stream_health.find({"_id": {"$regex": "^batch:"}}).sort("at", 1):
        done += sum(bounds["until"] - bounds["from"] for bounds in batch["offsets"].values())
        reached.append((batch["at"].timestamp(), done))
    stack.supervisor.stop("stream")
    return rate("lethe", reached)


def run_plain(stack: BenchStack, form: str) -> Rate:
    """One form of the plain pipeline over the whole topic."""
    stack.empty_plain()
    argv, environment = stack.plain_command(form)
    lines = subprocess.run(
        argv, env=environment, check=True, capture_output=True, text=True, timeout=1800
    ).stdout.splitlines()
    events = [json.loads(line) for line in lines if line.startswith('{"batch"')]
    at = {event["batch"]: event["at"] for event in events if "at" in event}
    reached = sorted((at[event["batch"]], event["reached"]) for event in events if "reached" in event)
    return rate(form, reached)


def table(rates: list[Rate], seen: latency.Latency, profiles: int) -> str:
    """The results as Markdown."""
    by_name = {entry.pipeline: entry for entry in rates}
    ours = by_name["lethe"].rows_per_second
    names = {
        "lethe": "Lethe's stream",
        "default": "plain, connectors' defaults",
        "tuned": "plain, tuned",
        "noop": "Kafka, parse, no sink (ceiling)",
    }
    lines = [
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.machine()}, Python "
        f"{platform.python_version()}, {profiles:,} profiles after {WARM_UP:,} of warm-up: `make bench`.",
        "",
        "| pipeline | rows/s | Lethe's as a share of it |",
        "|---|---|---|",
    ]
    for name, label in names.items():
        speed = by_name[name].rows_per_second
        lines.append(f"| {label} | {speed:,.0f} | {ours / speed:.2f} |")
    lines += [
        "",
        f"Produce to readable in Cassandra at {seen.rate:.0f} rows/s, {seen.samples} samples: "
        f"p50 {seen.p50:.2f} s, p99 {seen.p99:.2f} s.",
    ]
    return "\n".join(lines)


def main() -> int:
    """Measure, write the results down, and say them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profiles", type=int, default=200_000)
    parser.add_argument("--folder", type=Path, default=PROJECT / ".lethe" / "bench")
    arguments = parser.parse_args()
    total = arguments.profiles + WARM_UP
    with BenchStack(arguments.folder) as stack:
        stack.produce(total)
        rates = [run_plain(stack, "noop"), run_plain(stack, "default")]
        rates += [run_lethe(stack, total), run_plain(stack, "tuned")]
        seen = latency.measure(stack)
    RESULTS.write_text(
        json.dumps({"rates": [asdict(entry) for entry in rates], "latency": asdict(seen)}, indent=1) + "\n"
    )
    text = table(rates, seen, arguments.profiles)
    head, _, _ = PAGE.read_text().partition(MARK)
    PAGE.write_text(f"{head}{MARK}\n\n{text}\n")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
