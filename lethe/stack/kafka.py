"""The embedded kafka server."""

from pathlib import Path

from lethe.settings import Paths, Ports
from lethe.stack.program import Program

READY_SECONDS = 60.0


def prepare(paths: Paths, ports: Ports, java: Path, lib: Path) -> Program:
    """Render the configuration and make what must be there before the first start; idempotent.

    `java`: a Java 17 binary; `lib`: the folder of the server's jars. Needs the credentials.
    """
    raise NotImplementedError


def wait_ready(paths: Paths, ports: Ports, seconds: float = READY_SECONDS) -> None:
    """Return when the server answers an authenticated request; raises StackError that names the log."""
    raise NotImplementedError
