"""Which sockets a set of processes listens on."""

import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import psutil

# The supervisor gives every program its name in the environment, and children inherit it.
PROGRAM_VARIABLE = "SUPERVISOR_PROCESS_NAME"


@dataclass(frozen=True, slots=True, order=True)
class Socket:
    """One socket that takes what anybody sends to it: a listening TCP socket, or an unconnected UDP socket."""

    pid: int
    program: str
    address: str
    port: int
    protocol: str = "tcp"


def listening(pids: Iterable[int]) -> list[Socket]:
    """The listening sockets of these processes and of all their descendants, sorted.

    A process that has ended meanwhile listens on nothing. Raises psutil.AccessDenied for a process of another
    user: a list that leaves something out would prove nothing.
    """
    found: set[Socket] = set()
    for process in _family(pids):
        try:
            program = _program(process)
            connections = process.net_connections(kind="inet")
        except psutil.NoSuchProcess:
            continue
        for connection in connections:
            tcp = connection.type == socket.SOCK_STREAM
            if (tcp and connection.status == psutil.CONN_LISTEN) or (not tcp and not connection.raddr):
                address, port = connection.laddr
                found.add(Socket(process.pid, program, address, port, "tcp" if tcp else "udp"))
    return sorted(found)


def _family(pids: Iterable[int]) -> Iterator[psutil.Process]:
    """Each process once, with its descendants."""
    seen: set[int] = set()
    for pid in pids:
        try:
            process = psutil.Process(pid)
            members = [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            continue
        for member in members:
            if member.pid not in seen:
                seen.add(member.pid)
                yield member


def _program(process: psutil.Process) -> str:
    return process.environ().get(PROGRAM_VARIABLE) or process.name()
