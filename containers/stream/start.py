"""The stream's container: the process supervisor in the foreground, with the one program `stream`.

It does not start the driver. `supervise_stream` does, in the scheduler's container, by the supervisor's socket on
the volume that both see.
"""

import os
import sys
from pathlib import Path

from lethe.errors import LetheError
from lethe.settings import PROJECT, Paths
from lethe.stack.fetch import link_jars
from lethe.stack.private_files import private_folder
from lethe.stack.program import Program
from lethe.stack.programs import STREAM
from lethe.stack.supervise import render

JARS = Path("/opt/lethe/jars")
BESIDE_PYTHON = Path(sys.executable).parent


def prepare(paths: Paths, jars: Path) -> Path:
    """Spark's jars, and the supervisor's configuration; returns the latter's file."""
    private_folder(paths.control)
    link_jars(jars, paths.jars)
    driver = Program(
        name=STREAM,
        argv=[str(BESIDE_PYTHON / "lethe"), "stream", "run"],
        directory=PROJECT,
        autostart=False,
        stop_wait_seconds=30,
    )
    return render(paths, [driver])


def main() -> None:
    """Become the supervisor; returns never."""
    os.umask(0o077)
    try:
        config = prepare(Paths(), JARS)
    except LetheError as error:
        sys.exit(f"stream: {error}")
    program = BESIDE_PYTHON / "supervisord"
    os.execv(program, [str(program), "--nodaemon", "-c", str(config)])  # noqa: S606 - becomes the supervisor


if __name__ == "__main__":
    main()
