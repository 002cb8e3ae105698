"""The running stack as tests use it: clients by role, processes to kill, and waits with a bound."""

import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from cassandra import AuthenticationFailed
from cassandra.cluster import Cluster, NoHostAvailable, Session
from pymongo.database import Database
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from lethe.settings import Paths
from lethe.stack.supervise import Supervisor
from lethe.stores import cassandra, mongodb
from lethe.stores.mongodb import Client, Document

LETHE = Path(sys.executable).with_name("lethe")


def assert_lets_nobody_in(cluster: Cluster) -> None:
    """That every node refuses the login, and for that reason; ends the cluster's connections."""
    try:
        with pytest.raises(NoHostAvailable) as refused:
            cluster.connect()
        assert all(isinstance(error, AuthenticationFailed) for error in refused.value.errors.values())
    finally:
        cluster.shutdown()


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 120, every: float = 0.3) -> Any:
    """Poll until the condition is true and give its value; fails after `seconds`, saying what did not come."""
    retrying = Retrying(
        retry=retry_if_result(lambda value: not value), stop=stop_after_delay(seconds), wait=wait_fixed(every)
    )
    try:
        return retrying(condition)
    except RetryError:
        raise AssertionError(f"not within {seconds:.0f} s: {what}") from None


def process_tree(pid: int) -> list[psutil.Process]:
    """A process and everything that it started, the youngest first."""
    process = psutil.Process(pid)
    return [*reversed(process.children(recursive=True)), process]


def signal_all(processes: list[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to each that is still there."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


class LiveStack:
    """One stack that `lethe up` has brought up."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.paths = Paths()
        self._clients: dict[str, Client] = {}
        self._sessions: dict[str, Session] = {}

    def lethe(
        self, *arguments: str, text: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line as a user would."""
        return subprocess.run(
            [LETHE, *arguments], input=text, check=check, capture_output=True, text=True, timeout=600
        )

    def mongo(self, role: str) -> Client:
        """A MongoDB client with that role's rights."""
        if role not in self._clients:
            self._clients[role] = mongodb.connect(role)
        return self._clients[role]

    def db(self, role: str = "admin") -> Database[Document]:
        """The database, with that role's rights."""
        return mongodb.database(self.mongo(role))

    def cassandra(self, role: str = "admin") -> Session:
        """A Cassandra session with that role's rights."""
        if role not in self._sessions:
            self._sessions[role] = cassandra.connect(role)
        return self._sessions[role]

    @property
    def supervisor(self) -> Supervisor:
        """The process supervisor."""
        return Supervisor(self.paths)

    def pid(self, program: str) -> int:
        """The process id of a running program."""
        states = {state.name: state for state in self.supervisor.states()}
        return int(states[program].pid or 0)

    def kill(self, program: str) -> None:
        """kill -9 a program and everything that it started."""
        signal_all(process_tree(self.pid(program)), signal.SIGKILL)

    def close(self) -> None:
        """End this process' connections; the next question makes new ones."""
        while self._clients:
            self._clients.popitem()[1].close()
        while self._sessions:
            self._sessions.popitem()[1].cluster.shutdown()
