"""What is told of the measurements: JSON for machines, tables for docs/benchmarks.md."""

import os
import platform
import re
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from benchmarks.cpu import ELSEWHERE
from benchmarks.latency import Latency
from benchmarks.rates import FIRST_SEEN, LETHE, PHASES, WARM_BATCHES, Run

START, END = "<!-- results -->", "<!-- end of results -->"
LABELS = {
    LETHE: "Lethe's stream",
    "default": "plain, connectors' defaults",
    "tuned": "plain, tuned",
    "noop": "Kafka, parse, no sink (the ceiling)",
}
PROGRAMS = {
    "spark": "Spark's JVM",
    "python": "Python",
    "cassandra": "Cassandra",
    "mongodb": "MongoDB",
    "kafka": "Kafka",
    ELSEWHERE: "all else on the machine",
}
# Targets: of a plain form's rows a second, in either phase; seconds.
LEAST_SHARES = {"default": 1.0, "tuned": 0.65}
GREATEST_P99 = 5.0


@dataclass(frozen=True, slots=True)
class Results:
    """All that one run of the benchmark has found."""

    command: str
    date: str
    profiles: int
    rows_a_batch: int
    message_bytes: int
    runs: Sequence[Run]
    latency: Latency

    def of(self, pipeline: str, phase: str = FIRST_SEEN) -> list[Run]:
        """The runs of one pipeline, of one phase."""
        return [run for run in self.runs if (run.pipeline, run.phase) == (pipeline, phase)]

    def rows_per_second(self, pipeline: str, phase: str = FIRST_SEEN) -> float:
        """The median of its runs."""
        return statistics.median(run.rows_per_second for run in self.of(pipeline, phase))

    def cpu_us(self, pipeline: str, program: str, phase: str = FIRST_SEEN) -> float:
        """A program's CPU time for a row, in µs: the median of the pipeline's runs."""
        return statistics.median(run.cpu_us[program] for run in self.of(pipeline, phase))

    def share(self, pipeline: str, phase: str = FIRST_SEEN) -> float:
        """Lethe's rows a second as a share of this pipeline's."""
        return self.rows_per_second(LETHE, phase) / self.rows_per_second(pipeline, phase)

    @property
    def met(self) -> dict[str, bool]:
        """Which targets are met."""
        shares = {
            f"{phase}: at least {least} of the {LABELS[form].replace('plain, ', 'plain pipeline, ')}": self.share(
                form, phase
            )
            >= least
            for phase in PHASES
            for form, least in LEAST_SHARES.items()
        }
        return shares | {
            f"99 of 100 profiles readable within {GREATEST_P99:.0f} s": self.latency.p99 <= GREATEST_P99
        }


def document(results: Results) -> dict[str, Any]:
    """The results as JSON."""
    return {
        "command": results.command,
        "date": results.date,
        "machine": machine(),
        "input": {
            "profiles": results.profiles,
            "rows_a_batch": results.rows_a_batch,
            "message_bytes": results.message_bytes,
        },
        "rows_per_second": {
            phase: {name: round(results.rows_per_second(name, phase)) for name in LABELS} for phase in PHASES
        },
        "lethe_as_a_share_of": {
            phase: {name: round(results.share(name, phase), 3) for name in LABELS if name != LETHE}
            for phase in PHASES
        },
        "latency_seconds": asdict(results.latency),
        "targets_met": results.met,
        "runs": [asdict(run) for run in results.runs],
    }


def machine() -> dict[str, Any]:
    """What it was measured on."""
    model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return {
        "processor": model[1] if model else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "pyspark": version("pyspark"),
    }


def page(results: Results) -> str:
    """The results as Markdown."""
    of = machine()
    rounds = len(results.of(LETHE))
    lines = [
        f"Measured on {results.date} by `{results.command}`: {of['processor']}, {of['cores']} cores, "
        f"{of['memory_gib']} GiB, {of['system']}, Python {of['python']}, Spark {of['pyspark']} with two task slots. "
        f"{results.profiles:,} profiles of {results.message_bytes:,} bytes, {results.rows_a_batch:,} a batch, after "
        f"{WARM_BATCHES} batches of warm-up; the median of {rounds} {'run' if rounds == 1 else 'runs'} of each.",
        "",
        *(line for phase in PHASES for line in (*_rates(results, phase), "")),
        f"From producing a profile to reading it in Cassandra, at {results.latency.rate} rows/s "
        f"({results.latency.samples} samples): p50 {results.latency.p50:.2f} s, p99 {results.latency.p99:.2f} s, "
        f"the longest {results.latency.greatest:.2f} s.",
        "",
        *(f"- {'met' if met else '**not met**'}: {target}" for target, met in results.met.items()),
        "",
        *(line for phase in PHASES for line in _costs(results, phase)),
    ]
    return "\n".join(lines).rstrip()


def _rates(results: Results, phase: str) -> list[str]:
    rows = [f"| {phase} | rows/s | each run | Lethe's as a share of it |", "|---|---:|---|---:|"]
    for name, label in LABELS.items():
        each = " ".join(f"{run.rows_per_second:,.0f}" for run in results.of(name, phase))
        share = "" if name == LETHE else f"{results.share(name, phase):.2f}"
        rows.append(f"| {label} | {results.rows_per_second(name, phase):,.0f} | {each} | {share} |")
    return rows


def _costs(results: Results, phase: str) -> list[str]:
    rows = [f"CPU time of one row, {phase}, in µs:", ""]
    rows += [f"| pipeline | {' | '.join(PROGRAMS.values())} |", f"|---|{'---:|' * len(PROGRAMS)}"]
    for name, label in LABELS.items():
        costs = " | ".join(f"{results.cpu_us(name, program, phase):.0f}" for program in PROGRAMS)
        rows.append(f"| {label} | {costs} |")
    return [*rows, ""]


def replaced(text: str, results: Results) -> str:
    """A page's text with these results between its two marks."""
    head, _, rest = text.partition(START)
    _, _, tail = rest.partition(END)
    return f"{head}{START}\n\n{page(results)}\n\n{END}{tail}"
