"""Users, rights and schemas on running servers: idempotent, and resumable after a kill at any point."""

from collections.abc import Callable
from typing import Any

from lethe.settings import Paths, Ports


def provision(paths: Paths, ports: Ports, register: Any, progress: Callable[[str], None]) -> None:
    """Bring the three running servers to the users, rights and schemas that Lethe needs.

    `progress` is called with a line before each step. Raises StackError.
    """
    raise NotImplementedError
