"""Who is logged in, and how often somebody may try: both in this process only.

The cookie names a session; whether it lives is known here, so that logging out ends it also for whoever has a copy
of the cookie, and a restart ends all. This is why the dashboard runs as one process with threads.
"""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

Clock = Callable[[], float]


@dataclass(slots=True)
class Sessions:
    """Live sessions. `idle` and `absolute` are seconds: since the last request, since the login."""

    idle: float
    absolute: float
    clock: Clock = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _live: dict[str, tuple[float, float]] = field(default_factory=dict)  # id -> opened, last seen

    def open(self) -> str:
        """A new session's id."""
        name, now = secrets.token_urlsafe(32), self.clock()
        with self._lock:
            self._live = {held: times for held, times in self._live.items() if self._lives(times, now)}
            self._live[name] = (now, now)
        return name

    def touch(self, name: str) -> bool:
        """Whether the session lives; if so, it has been seen now."""
        now = self.clock()
        with self._lock:
            times = self._live.pop(name, None)
            if times is None or not self._lives(times, now):
                return False
            self._live[name] = (times[0], now)
            return True

    def close(self, name: str) -> None:
        """End a session."""
        with self._lock:
            self._live.pop(name, None)

    def _lives(self, times: tuple[float, float], now: float) -> bool:
        opened, seen = times
        return now - opened < self.absolute and now - seen < self.idle


@dataclass(slots=True)
class Throttle:
    """Makes guessing slow: from the fifth failure in a row on, each makes everybody wait longer.

    There is one user, and behind a proxy or on loopback all come from one address: failures are counted for all.
    Sessions that are open are not touched.
    """

    clock: Clock = time.monotonic
    free_tries: int = 5
    cap_seconds: float = 60.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _failures: int = 0
    _until: float = float("-inf")

    def wait(self) -> float:
        """Seconds until the next try is let in; 0 when it may come now."""
        with self._lock:
            return max(0.0, self._until - self.clock())

    def failed(self) -> None:
        """Count a failure."""
        with self._lock:
            self._failures += 1
            beyond = self._failures - self.free_tries
            if beyond >= 0:
                self._until = self.clock() + min(2.0**beyond, self.cap_seconds)

    def succeeded(self) -> None:
        """Forget failures."""
        with self._lock:
            self._failures, self._until = 0, float("-inf")
