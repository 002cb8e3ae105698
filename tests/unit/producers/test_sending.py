"""The pace at which messages go; what a broker makes of them is tested with a real one."""

import threading
import time

import pytest

from lethe.producers.sending import Pace


def test_a_pace_is_kept_from_the_first_message_on() -> None:
    pace, start = Pace(100, threading.Event()), time.monotonic()
    for _ in range(21):
        pace.wait()
    assert time.monotonic() - start >= 0.2


def test_what_was_late_is_caught_up() -> None:
    pace, start = Pace(50, threading.Event()), time.monotonic()
    pace.wait()
    threading.Event().wait(0.2)
    for _ in range(10):
        pace.wait()
    assert time.monotonic() - start == pytest.approx(0.2, abs=0.15)


def test_no_rate_is_no_wait_and_a_stop_ends_one() -> None:
    stop, start = threading.Event(), time.monotonic()
    for pace in (Pace(0, stop), Pace(0.001, stop)):
        pace.wait()
        stop.set()
        pace.wait()
    assert time.monotonic() - start < 5
