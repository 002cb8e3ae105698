"""Processes of this installation, told by their environment: also those whose supervisor was killed.

The supervisor puts the address of its socket into the environment of every program, and children inherit it: so
what a supervisor that is gone has left behind is known for ours without any file of process ids.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import psutil

from lethe.settings import Paths, Ports
from lethe.stack.sockets import PROGRAM_VARIABLE
from lethe.stack.supervise import socket_path

ADDRESS_VARIABLE = "SUPERVISOR_SERVER_URL"
GENTLE_SECONDS = 30.0
FIRM_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Busy:
    """A port of ours that somebody else listens on; `holder` is empty where the system does not say who."""

    name: str
    port: int
    holder: str


def programs(paths: Paths) -> list[psutil.Process]:
    """Every process that a supervisor of this installation has started, and their descendants."""
    address = f"unix://{socket_path(paths)}"
    return [process for process in psutil.process_iter() if _variable(process, ADDRESS_VARIABLE) == address]


def program_name(process: psutil.Process) -> str:
    """The name of the program that a process belongs to; its own where it belongs to none."""
    try:
        return _variable(process, PROGRAM_VARIABLE) or process.name()
    except psutil.NoSuchProcess:
        return "?"


def _variable(process: psutil.Process, name: str) -> str | None:
    try:
        return process.environ().get(name)
    except (psutil.NoSuchProcess, psutil.AccessDenied):  # gone, or another user's and so not ours
        return None


def end(processes: Iterable[psutil.Process]) -> None:
    """Ask these processes to end, and kill those that have not after GENTLE_SECONDS."""
    alive = list(processes)
    for ask, seconds in ((psutil.Process.terminate, GENTLE_SECONDS), (psutil.Process.kill, FIRM_SECONDS)):
        for process in alive:
            try:
                ask(process)
            except psutil.NoSuchProcess:
                continue
        _, alive = psutil.wait_procs(alive, timeout=seconds)
        if not alive:
            return


def busy_ports(ports: Ports, ours: Iterable[int] = ()) -> Iterator[Busy]:
    """Each fixed port that a process other than `ours` (process ids) listens on.

    The ranges that Spark chooses from are left out: a driver takes the next one that is free.
    """
    own = frozenset(ours)
    by_port = {
        connection.laddr[1]: connection.pid
        for connection in psutil.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr
    }
    for name, port in ports.fixed().items():
        if port in by_port and by_port[port] not in own:
            yield Busy(name, port, _describe(by_port[port]))


def _describe(pid: int | None) -> str:
    if pid is None:
        return ""
    try:
        return f"{psutil.Process(pid).name()} (process {pid})"
    except psutil.NoSuchProcess:
        return f"process {pid}"
