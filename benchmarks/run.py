"""`make bench`: Lethe's stream beside the plain pipelines, on one machine, one input, one run.

Brings up a stack of its own, produces the input once, and lets each pipeline read it from the start with empty
stores, in turn, so many rounds. Rows are counted by offsets. Without options, it writes benchmarks/results.json and
the tables of docs/benchmarks.md; a shorter form only prints.
"""

import argparse
import json
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import latency, report
from benchmarks.bench_stack import BenchStack, bench_stack
from benchmarks.plain_pipeline import FORMS
from benchmarks.plain_stores import PlainStores
from benchmarks.rates import LETHE, WARM_BATCHES, Run, measure_lethe, measure_plain
from lethe.errors import LetheError
from lethe.settings import PROJECT

PROFILES, ROWS_A_BATCH, ROUNDS = 200_000, 50_000, 3
RESULTS = PROJECT / "benchmarks" / "results.json"
PAGE = PROJECT / "docs" / "benchmarks.md"


def say(line: str) -> None:
    """Tell of a step."""
    print(f"{datetime.now():%H:%M:%S} {line}", flush=True)  # noqa: DTZ005 - for who waits before the screen


def measure(stack: BenchStack, profiles: int, rounds: int, command: str) -> report.Results:
    """Every pipeline in turn, so many rounds, back and forth; then the latency of the stream, which still runs."""
    people = profiles + WARM_BATCHES * stack.rows_a_batch
    say(f"producing profiles of {people:,} people, then an update of each")
    size = stack.produce(people)
    plain = PlainStores.make(stack)
    runs: list[Run] = []
    pipelines = (*FORMS, LETHE)
    for left in range(rounds, 0, -1):
        # Back and forth, so that the last round ends with Lethe's stream.
        for pipeline in pipelines if left % 2 else pipelines[::-1]:
            stack.empty_lethe()
            plain.empty()
            is_ours = pipeline == LETHE
            found = measure_lethe(stack, people) if is_ours else measure_plain(plain, pipeline, people)
            runs += found
            rates = ", ".join(f"{run.phase} {run.rows_per_second:,.0f} rows/s" for run in found)
            say(f"round {rounds - left + 1} of {rounds}, {report.LABELS[pipeline]}: {rates}")
    say(f"latency at {latency.RATE} rows/s")
    waits = latency.measure(stack)
    return report.Results(
        command, f"{datetime.now(UTC):%Y-%m-%d}", profiles, stack.rows_a_batch, size, runs, waits
    )


def _short_form(arguments: argparse.Namespace) -> str:
    """The command that measures the same again; where it kept its files is nobody's business."""
    sizes = {name: getattr(arguments, name) for name in ("profiles", "batch", "rounds")}
    return " ".join(["python -m benchmarks.run", *(f"--{name} {value}" for name, value in sizes.items())])


def main() -> int:
    """Measure, say the results, and write those of the full form down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profiles", type=int, default=PROFILES, help="that count, after the warm-up")
    parser.add_argument("--batch", type=int, default=ROWS_A_BATCH, help="rows a batch, of every pipeline")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--folder", type=Path, default=PROJECT / "build" / "bench", help="for the servers' data"
    )
    parser.add_argument("--results", type=Path, help="where a shorter form writes its JSON")
    arguments = parser.parse_args()
    full = (arguments.profiles, arguments.batch, arguments.rounds) == (PROFILES, ROWS_A_BATCH, ROUNDS)
    command = "make bench" if full else _short_form(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
    try:
        with bench_stack(arguments.folder, arguments.batch, say) as stack:
            results = measure(stack, arguments.profiles, arguments.rounds, command)
    except LetheError as error:
        print(error, file=sys.stderr)
        return 1
    print(report.page(results))
    file = RESULTS if full else arguments.results
    if file is not None:
        file.write_text(json.dumps(report.document(results), indent=1) + "\n")
    if full:
        PAGE.write_text(report.replaced(PAGE.read_text(), results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
