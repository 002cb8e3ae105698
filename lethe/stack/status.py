"""What runs: every program with its state, its memory and what it listens on, and the stream in one line."""

from dataclasses import dataclass
from datetime import UTC, datetime

import psutil
from pymongo.errors import PyMongoError

from lethe.errors import LetheError
from lethe.settings import Paths
from lethe.stack import airflow, programs
from lethe.stack.sockets import listening
from lethe.stack.supervise import ProgramState, Supervisor
from lethe.stores.mongodb import connect, database
from lethe.stream.supervision import STATE

ORDER = (*programs.SERVERS, *airflow.PROGRAMS, programs.STREAM, programs.PUBLISHER, programs.DASHBOARD)


@dataclass(frozen=True, slots=True)
class ProgramStatus:
    """One program; memory in bytes, of it and all that it started."""

    name: str
    state: str
    pid: int
    seconds_up: float
    memory: int
    ports: tuple[int, ...]

    @property
    def is_well(self) -> bool:
        """Whether it runs."""
        return self.state == "RUNNING"


def read(paths: Paths) -> list[ProgramStatus]:
    """Every program in the order of its start. Raises StackError when the supervisor does not answer."""
    found = {state.name: state for state in Supervisor(paths).states()}
    return [_status(found[name]) for name in ORDER if name in found]


def _status(state: ProgramState) -> ProgramStatus:
    ports = {socket.port for socket in listening([state.pid])} if state.pid else set()
    return ProgramStatus(
        state.name, state.state, state.pid, state.seconds_up, _memory(state.pid), tuple(sorted(ports))
    )


def _memory(pid: int) -> int:
    """Proportional set size: pages that processes share count once (proc(5), smaps_rollup)."""
    total = 0
    try:
        root = psutil.Process(pid) if pid else None
        family = [root, *root.children(recursive=True)] if root else []
    except psutil.NoSuchProcess:
        return 0
    for process in family:
        try:
            total += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total


def stream_line(paths: Paths) -> str:
    """What supervision last said of the stream, and when."""
    try:
        with connect("operator", paths) as client:
            found = database(client).stream_health.find_one({"_id": STATE}) or {}
    except (PyMongoError, LetheError) as error:
        return f"unknown: MongoDB does not answer ({type(error).__name__})"
    if "line" not in found:
        return "not looked at yet"
    ago = (datetime.now(UTC) - found["checked_at"]).total_seconds()
    return f"{found['line']} ({ago:.0f} s ago)"
