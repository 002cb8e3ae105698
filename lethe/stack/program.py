"""A program: what the process supervisor must know to run one server; and commands that run once, to their end."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lethe.errors import StackError
from lethe.settings import Paths
from lethe.stack.private_files import private_folder, replace


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


def run_to_end(
    command: Sequence[object],
    log: Path,
    failure: str,
    seconds: float,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a command that ends by itself within `seconds`; what it says goes to `log`, of mode 600.

    `env` is added to this process' own. Raises StackError that begins with `failure` and names the log.
    """
    private_folder(log.parent)
    replace(log, "")
    with log.open("a") as output:
        try:
            subprocess.run(
                [str(part) for part in command],
                check=True,
                env=os.environ | (env or {}),
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=seconds,
            )
        except (subprocess.SubprocessError, OSError) as error:
            raise StackError(f"{failure}; read {log}") from error
