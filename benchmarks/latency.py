"""How long from producing a profile to reading it in Cassandra, at a steady rate."""

import statistics
import threading
import time
from dataclasses import dataclass

from benchmarks.bench_stack import BenchStack, wait_until

from lethe.protection.pseudonym import load_pepper, subject_id
from lethe.stores import cassandra

RATE = 500.0  # rows a second
SECONDS = 60
WARM_SECONDS = 15
SAMPLE_EVERY = 10  # one in so many profiles is waited for


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds from produce() to a row that a reader sees."""

    rate: float
    samples: int
    p50: float
    p99: float


def measure(stack: BenchStack) -> Latency:
    """Produce at RATE and watch a sample arrive; polls each of the oldest unseen ones every 50 ms."""
    stack.empty_lethe()
    stack.supervisor.start("stream", wait=False)
    wait_until(stack.is_running, "a running stream", 180)
    session, pepper = cassandra.connect("auditor"), load_pepper()
    waiting: dict[str, float] = {}
    took: list[float] = []
    done = threading.Event()

    def watch() -> None:
        while not (done.is_set() and not waiting):
            for subject, sent_at in list(waiting.items()):
                if cassandra.write_time(session, subject) is not None:
                    took.append(time.monotonic() - sent_at)
                    del waiting[subject]
            done.wait(0.05)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    for number, user_id in enumerate(stack.produce_at(RATE, WARM_SECONDS + SECONDS)):
        if number >= RATE * WARM_SECONDS and number % SAMPLE_EVERY == 0:
            waiting[subject_id(pepper, user_id)] = time.monotonic()
    done.set()
    watcher.join(timeout=120)
    stack.supervisor.stop("stream")
    if waiting:
        raise SystemExit(
            f"latency: {len(waiting)} of {len(took) + len(waiting)} profiles never became readable"
        )
    cuts = statistics.quantiles(took, n=100)
    return Latency(RATE, len(took), round(cuts[49], 3), round(cuts[98], 3))
