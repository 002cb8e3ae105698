"""Sessions end by themselves, and guessing gets slow; by a clock that the test turns."""

from dataclasses import dataclass

import pytest

from dashboard.sessions import Sessions, Throttle


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_session_lives_while_it_is_used_and_not_beyond_its_whole_time() -> None:
    clock = Clock()
    sessions = Sessions(idle=30, absolute=100, clock=clock)
    name = sessions.open()
    for _ in range(4):
        clock.now += 24
        assert sessions.touch(name)
    clock.now += 4
    assert not sessions.touch(name)


def test_a_session_that_nobody_uses_ends() -> None:
    clock = Clock()
    sessions = Sessions(idle=30, absolute=100, clock=clock)
    used, left = sessions.open(), sessions.open()
    clock.now += 29
    assert sessions.touch(used)
    clock.now += 1
    assert not sessions.touch(left)
    assert sessions.touch(used)


def test_a_session_that_was_closed_is_nobodys() -> None:
    sessions = Sessions(idle=30, absolute=100)
    closed, other = sessions.open(), sessions.open()
    sessions.close(closed)
    assert not sessions.touch(closed)
    assert sessions.touch(other)
    assert not sessions.touch("made up")


def test_each_failure_from_the_fifth_on_makes_the_wait_longer_up_to_a_minute() -> None:
    clock = Clock()
    throttle = Throttle(clock=clock)
    waits = []
    for _ in range(13):
        throttle.failed()
        waits.append(throttle.wait())
    assert waits == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]
    clock.now += 59
    assert throttle.wait() == pytest.approx(1)
    clock.now += 1
    assert throttle.wait() == 0


def test_a_right_password_forgets_the_failures() -> None:
    throttle = Throttle(clock=Clock())
    for _ in range(7):
        throttle.failed()
    throttle.succeeded()
    assert throttle.wait() == 0
    throttle.failed()
    assert throttle.wait() == 0
