"""What each program costs in CPU time while a pipeline runs, to tell what its speed is made of."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from types import TracebackType
from typing import Self

import psutil

SECONDS = 1.0  # between two readings
PYTHON = "python"
ELSEWHERE = "elsewhere"
Times = dict[str, float]


@dataclass(slots=True)
class CpuMeter:
    """Reads CPU times once a second while it is entered; `roots`: program -> process id.

    Python processes below a root count as `python`; all that the machine did beside the roots as `elsewhere`.
    """

    roots: Mapping[str, int]
    readings: list[tuple[float, Times]] = field(default_factory=list)  # at which Unix s, seconds by program
    _seconds: dict[int, tuple[str, float]] = field(default_factory=dict)  # by process id, ended ones too
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="cpu-meter", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        """End."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def used(self, start: float, end: float) -> Times:
        """CPU seconds by program between two times (Unix s)."""
        at_start, at_end = self._at(start), self._at(end)
        return {name: at_end[name] - at_start.get(name, 0.0) for name in at_end}

    def _run(self) -> None:
        while not self._stop.is_set():
            self.readings.append((time.time(), self._read()))
            self._stop.wait(SECONDS)

    def _at(self, moment: float) -> Times:
        """The reading at a time, as if each program had worked evenly between two."""
        for (before_at, before), (after_at, after) in pairwise(self.readings):
            if before_at <= moment <= after_at:
                share = (moment - before_at) / (after_at - before_at)
                return {name: before[name] + share * (total - before[name]) for name, total in after.items()}
        return self.readings[-1][1]

    def _read(self) -> Times:
        for name, pid in self.roots.items():
            try:
                root = psutil.Process(pid)
                family = [(name, root)] + [
                    (PYTHON if "python" in child.name() else name, child)
                    for child in root.children(recursive=True)
                ]
                for program, process in family:
                    times = process.cpu_times()
                    self._seconds[process.pid] = (program, times.user + times.system)
            except psutil.NoSuchProcess:  # what it has used so far stands
                continue
        totals = dict.fromkeys((*self.roots, PYTHON), 0.0)
        for program, seconds in self._seconds.values():
            totals[program] += seconds
        machine = psutil.cpu_times()
        busy = machine.user + machine.nice + machine.system + machine.irq + machine.softirq
        return totals | {ELSEWHERE: busy - sum(totals.values())}
