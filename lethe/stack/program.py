"""A program: what the process supervisor must know to run one server."""

from dataclasses import dataclass, field
from pathlib import Path

from lethe.settings import Paths


@dataclass(frozen=True, slots=True)
class Program:
    """One long-running process of the stack.

    Nothing in `argv` is a secret, since every user of the machine can read it; `env` holds only what this
    program needs. It logs to stdout, which the supervisor keeps in `log_file(paths, name)`.
    """

    name: str
    argv: list[str]
    directory: Path
    env: dict[str, str] = field(default_factory=dict)
    files: tuple[Path, ...] = ()  # its configuration: when one changes, the program is replaced
    autostart: bool = True
    stop_signal: str = "TERM"
    stop_wait_seconds: int = 20
    start_seconds: int = 1  # alive this long = started; whether it answers is wait_ready's to say


def log_file(paths: Paths, name: str) -> Path:
    """The log of a program, rotated by the supervisor."""
    return paths.logs / f"{name}.log"
