"""Which batches of a pipeline count, and what is told of them."""

import json
import subprocess
import sys
import threading

import pytest

from benchmarks import report
from benchmarks.bench_stack import updated
from benchmarks.cpu import ELSEWHERE, PYTHON, CpuMeter
from benchmarks.latency import summary
from benchmarks.rates import FIRST_SEEN, LETHE, UPDATES, Batch, Run, counted
from lethe.errors import StackError

ROWS = 50_000


def batches(*rows: int) -> list[Batch]:
    """Batches that take ten seconds each."""
    return [(10.0 * number, count) for number, count in enumerate(rows, start=1)]


def test_the_first_two_batches_are_warm_up_and_each_phase_counts_what_is_all_its_own() -> None:
    found = counted(batches(ROWS, ROWS, ROWS, ROWS, ROWS, ROWS, ROWS, ROWS), 4 * ROWS, ROWS)
    assert found == {FIRST_SEEN: (20.0, 40.0, 2 * ROWS), UPDATES: (40.0, 80.0, 4 * ROWS)}


def test_a_batch_of_both_phases_counts_for_neither() -> None:
    found = counted(batches(ROWS, ROWS, ROWS, ROWS, ROWS, ROWS, ROWS), 3 * ROWS + 10, ROWS)
    assert found == {FIRST_SEEN: (20.0, 30.0, ROWS), UPDATES: (40.0, 70.0, 3 * ROWS)}


def test_the_few_rows_that_rounding_leaves_for_a_last_batch_do_not_slow_a_pipeline_down() -> None:
    found = counted(batches(ROWS, ROWS, ROWS, ROWS, ROWS, ROWS, 6), 3 * ROWS, ROWS)
    assert found[UPDATES] == (30.0, 60.0, 3 * ROWS)


@pytest.mark.parametrize("rows", [(), (ROWS,), (ROWS, ROWS), (ROWS, ROWS, 6), (ROWS,) * 4])
def test_a_phase_without_a_batch_of_its_own_is_no_result(rows: tuple[int, ...]) -> None:
    with pytest.raises(StackError, match="--profiles"):
        counted(batches(*rows), 4 * ROWS, ROWS)


def test_every_third_update_changes_what_figures_are_made_of_and_each_is_later() -> None:
    first = {"event_time": "2026-11-24T10:00:00.123+00:00", "nat": "NL", "location": {"city": "Delft"}}
    later = [json.loads(updated(json.dumps(first).encode(), number)) for number in range(3)]
    assert {each["event_time"] for each in later} == {"2026-11-24T10:01:00.123+00:00"}
    assert [each["nat"] for each in later] == ["DE", "NL", "NL"]


def test_an_update_of_what_has_no_event_time_has_none_and_is_as_late_as_its_sending() -> None:
    first = {"nat": "NL", "location": {"city": "Delft"}}
    later = json.loads(updated(json.dumps(first).encode(), 0))
    assert later == {"nat": "DE", "location": {"city": "Elsewhere"}}


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


def run(pipeline: str, phase: str, speed: float) -> Run:
    return Run(pipeline, phase, 1000, 1.0, speed, dict.fromkeys(report.PROGRAMS, 10.0))


def results(lethe: float, waits: list[float], updates: float = 20_000.0) -> report.Results:
    speeds = {LETHE: lethe, "default": 10_000.0, "tuned": 16_000.0, "noop": 30_000.0}
    later = speeds | {LETHE: updates}
    runs = [
        run(name, phase, speed * factor)
        for factor in (0.5, 1.0, 4.0)
        for phase, of in ((FIRST_SEEN, speeds), (UPDATES, later))
        for name, speed in of.items()
    ]
    return report.Results("make bench", "2026-11-24", 200_000, ROWS, 1281, runs, summary(waits))


def test_rates_are_compared_by_their_medians() -> None:
    found = results(9_000.0, [1.0] * 200)
    assert found.rows_per_second(LETHE) == 9_000.0
    assert found.share("default") == 0.9


@pytest.mark.parametrize(
    ("lethe", "updates", "longest", "met"),
    [
        (10_400.0, 10_400.0, 4.0, [True, True, True, True, True]),
        (10_390.0, 10_400.0, 4.0, [True, False, True, True, True]),
        (9_990.0, 9_990.0, 4.0, [False, False, False, False, True]),
        (10_400.0, 10_400.0, 6.0, [True, True, True, True, False]),
    ],
)
def test_a_target_that_is_missed_is_told(
    lethe: float, updates: float, longest: float, met: list[bool]
) -> None:
    found = results(lethe, [1.0] * 95 + [longest] * 5, updates)
    assert list(found.met.values()) == met
    assert ("**not met**" in report.page(found)) is not all(met)


def test_only_what_stands_between_the_marks_is_written_anew() -> None:
    found = results(9_000.0, [1.0] * 200)
    once = report.replaced(f"before\n{report.START}\nold\n{report.END}\nafter\n", found)
    assert once.startswith("before\n")
    assert once.endswith("\nafter\n")
    assert "old" not in once
    assert report.replaced(once, found) == once
