"""The embedded MongoDB server."""

from pathlib import Path

from lethe.settings import Paths, Ports
from lethe.stack.program import Program

READY_SECONDS = 30.0


def prepare(paths: Paths, ports: Ports, mongod: Path) -> Program:
    """Render the configuration and the key file; idempotent. Needs the credentials."""
    raise NotImplementedError


def wait_ready(paths: Paths, ports: Ports, seconds: float = READY_SECONDS) -> None:
    """Return when the server answers (also before its first provisioning); raises StackError."""
    raise NotImplementedError
