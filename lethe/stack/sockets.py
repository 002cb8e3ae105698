"""Which sockets a set of processes listens on."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Socket:
    """One listening TCP socket."""

    pid: int
    program: str
    address: str
    port: int


def listening(pids: Iterable[int]) -> list[Socket]:
    """The listening TCP sockets of these processes and all their descendants."""
    raise NotImplementedError
