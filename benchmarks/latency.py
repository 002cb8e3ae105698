"""How long from producing a profile to reading it in Cassandra, at a steady rate."""

import statistics
import threading
import time
from dataclasses import dataclass, field

from cassandra.cluster import Session
from cassandra.concurrent import execute_concurrent_with_args

from benchmarks.bench_stack import BenchStack
from lethe.errors import StackError
from lethe.producers.sending import Pace, Sender
from lethe.protection.pseudonym import load_pepper, subject_id
from lethe.stores import cassandra
from lethe.stores.kafka import client_settings

RATE = 500  # rows a second
SECONDS = 60
WARM_SECONDS = 15  # in which batches shrink from the throughput's to this rate's
SAMPLE_EVERY = 25  # one in so many profiles is waited for
POLL_SECONDS = 0.05
LAST_SECONDS = 60.0  # for the last ones to arrive


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from produce() to a row that a reader sees, at `rate` rows a second."""

    rate: int
    samples: int
    p50: float
    p99: float
    greatest: float


@dataclass(slots=True)
class _Watch:
    """Asks for every row that has not been seen yet, until all are."""

    session: Session
    waiting: dict[str, float] = field(default_factory=dict)  # subject_id -> when it was sent
    took: list[float] = field(default_factory=list)
    last_sent: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        question = self.session.prepare(f"SELECT subject_id FROM {cassandra.TABLE} WHERE subject_id = ?")  # noqa: S608
        while not (self.last_sent.is_set() and not self.waiting):
            asked = [(subject,) for subject in list(self.waiting)]
            answers = execute_concurrent_with_args(self.session, question, asked, concurrency=50)
            seen_at = time.monotonic()
            for (subject,), (_, rows) in zip(asked, answers, strict=True):
                if rows.one() is not None:
                    self.took.append(seen_at - self.waiting.pop(subject))
            self.last_sent.wait(POLL_SECONDS)


def measure(stack: BenchStack) -> Latency:
    """Send new people's profiles at RATE to the running stream, and see a sample of them arrive."""
    pepper = load_pepper(stack.paths)
    messages = list(stack.messages(RATE * (WARM_SECONDS + SECONDS), seed=2))
    watch = _Watch(cassandra.connect("auditor", stack.paths))
    watcher = threading.Thread(target=watch.run, name="latency", daemon=True)
    watcher.start()
    pace = Pace(RATE, threading.Event())
    with Sender(client_settings("producer", stack.paths)) as sender:
        for number, (key, value) in enumerate(messages):
            pace.wait()
            if number >= RATE * WARM_SECONDS and number % SAMPLE_EVERY == 0:
                watch.waiting[subject_id(pepper, key.decode())] = time.monotonic()
            sender.send(key, value)
    watch.last_sent.set()
    watcher.join(timeout=LAST_SECONDS)
    watch.session.cluster.shutdown()
    if watch.waiting:
        raise StackError(
            f"{len(watch.waiting)} profiles were sent and can't be read {LAST_SECONDS:.0f} s later"
        )
    return summary(watch.took)


def summary(took: list[float]) -> Latency:
    """The figures that are told of so many waits (s)."""
    cuts = statistics.quantiles(took, n=100)
    return Latency(RATE, len(took), round(cuts[49], 2), round(cuts[98], 2), round(max(took), 2))
