"""Which batches of a pipeline count, and what is told of them."""

import subprocess
import sys
import threading

import pytest

from benchmarks import report
from benchmarks.cpu import ELSEWHERE, PYTHON, CpuMeter
from benchmarks.latency import summary
from benchmarks.rates import LETHE, Batch, Run, counted
from lethe.errors import StackError

ROWS = 50_000


def batches(*rows: int) -> list[Batch]:
    """Batches that take ten seconds each."""
    return [(10.0 * number, count) for number, count in enumerate(rows, start=1)]


def test_the_first_two_batches_are_warm_up() -> None:
    assert counted(batches(ROWS, ROWS, ROWS, ROWS), ROWS) == (20.0, 40.0, 2 * ROWS)


def test_the_few_rows_that_rounding_leaves_for_a_last_batch_do_not_slow_a_pipeline_down() -> None:
    assert counted(batches(ROWS, ROWS, ROWS, 6), ROWS) == (20.0, 30.0, ROWS)


def test_a_short_form_counts_a_batch_that_is_less_than_full() -> None:
    assert counted(batches(ROWS, ROWS, 20_006), ROWS) == (20.0, 30.0, 20_006)


@pytest.mark.parametrize("rows", [(), (ROWS,), (ROWS, ROWS), (ROWS, ROWS, 6)])
def test_nothing_after_the_warm_up_is_no_result(rows: tuple[int, ...]) -> None:
    with pytest.raises(StackError, match="--profiles"):
        counted(batches(*rows), ROWS)


def test_cpu_time_is_shared_out_evenly_between_two_readings() -> None:
    meter = CpuMeter({}, readings=[(10.0, {"spark": 1.0}), (12.0, {"spark": 3.0}), (14.0, {"spark": 3.0})])
    assert meter.used(11.0, 13.0) == {"spark": 1.0}


def test_the_cpu_time_of_a_process_stands_when_it_has_ended() -> None:
    work = "import sys; sum(range(20_000_000)); sys.stdin.read()"
    process = subprocess.Popen([sys.executable, "-c", work], stdin=subprocess.PIPE)
    with CpuMeter({"worker": process.pid}) as meter:
        while not meter.readings or meter.readings[-1][1]["worker"] < 0.1:
            threading.Event().wait(0.05)
        process.communicate()
        taken = len(meter.readings)
        while len(meter.readings) < taken + 2:
            threading.Event().wait(0.05)
    assert meter.readings[-1][1]["worker"] >= 0.1
    assert meter.readings[-1][1].keys() == {"worker", PYTHON, ELSEWHERE}


def run(pipeline: str, speed: float) -> Run:
    return Run(pipeline, 1000, 1.0, speed, dict.fromkeys(report.PROGRAMS, 10.0))


def results(lethe: float, waits: list[float]) -> report.Results:
    speeds = {LETHE: lethe, "default": 10_000.0, "tuned": 16_000.0, "noop": 30_000.0}
    runs = [run(name, speed * factor) for factor in (0.5, 1.0, 4.0) for name, speed in speeds.items()]
    return report.Results("make bench", "2026-11-24", 200_000, ROWS, 1281, runs, summary(waits))


def test_rates_are_compared_by_their_medians() -> None:
    found = results(9_000.0, [1.0] * 200)
    assert found.rows_per_second(LETHE) == 9_000.0
    assert found.share("default") == 0.9


@pytest.mark.parametrize(
    ("lethe", "longest", "met"),
    [(8_000.0, 4.0, [True, True]), (7_990.0, 4.0, [False, True]), (8_000.0, 6.0, [True, False])],
)
def test_a_target_that_is_missed_is_told(lethe: float, longest: float, met: list[bool]) -> None:
    found = results(lethe, [1.0] * 95 + [longest] * 5)
    assert list(found.met.values()) == met
    assert ("**not met**" in report.page(found)) is not all(met)


def test_only_what_stands_between_the_marks_is_written_anew() -> None:
    found = results(9_000.0, [1.0] * 200)
    once = report.replaced(f"before\n{report.START}\nold\n{report.END}\nafter\n", found)
    assert once.startswith("before\n")
    assert once.endswith("\nafter\n")
    assert "old" not in once
    assert report.replaced(once, found) == once
