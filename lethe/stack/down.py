"""`lethe down`: end every process of the installation, gently where that is possible; the data stays."""

import shutil
from collections.abc import Callable, Iterable

import psutil

from lethe.errors import StackError
from lethe.protection.key_store import KeyStore
from lethe.settings import Paths
from lethe.stack import airflow, leftovers, programs
from lethe.stack.program import log_file
from lethe.stack.readiness import wait_until
from lethe.stack.supervise import Supervisor
from lethe.stack.up import only_command

Progress = Callable[[str], None]
STOP_SECONDS = 60.0
# Airflow first, or it would start the stream again; then who writes; the servers last.
ORDER = (airflow.PROGRAMS, (programs.STREAM,), (programs.PUBLISHER, programs.DASHBOARD), programs.SERVERS)


def down(progress: Progress) -> None:
    """End everything. Raises StackError when a process or a port is left."""
    paths = Paths()
    if not paths.home.exists():
        return
    with only_command(paths):
        _down(paths, progress)


def _down(paths: Paths, progress: Progress) -> None:
    supervisor = Supervisor(paths)
    if supervisor.is_up():
        known = {state.name for state in supervisor.states()}
        for group in ORDER:
            names = [name for name in group if name in known]
            progress(f"stopping {', '.join(names)}")
            _stop(paths, supervisor, names)
        _end_supervisor(paths, supervisor)
    left = leftovers.programs(paths)
    if left:
        progress(f"ending {len(left)} processes that the supervisor does not know")
        leftovers.end(left)
    if left := leftovers.programs(paths):
        alive = (f"{leftovers.program_name(process)} (process {process.pid})" for process in left)
        raise StackError(f"still alive after a firm stop: {', '.join(alive)}")


def _stop(paths: Paths, supervisor: Supervisor, names: Iterable[str]) -> None:
    """Stop programs at the same time; each has its own bound, after which it is killed."""
    wanted = list(names)
    for name in wanted:
        supervisor.stop(name, wait=False)

    def stopped() -> bool:
        return not any(state.is_running for state in supervisor.states() if state.name in wanted)

    wait_until(stopped, "supervisord", paths, STOP_SECONDS)


def _end_supervisor(paths: Paths, supervisor: Supervisor) -> None:
    process = psutil.Process(supervisor.pid())
    supervisor.shutdown()
    try:
        process.wait(timeout=STOP_SECONDS)
    except psutil.TimeoutExpired as error:
        raise StackError(
            f"supervisord does not end within {STOP_SECONDS:.0f} s; read {log_file(paths, 'supervisord')}"
        ) from error


def clean(progress: Progress, *, keys: bool) -> None:
    """End everything, then remove all data and what its subjects' keys came from; with `keys` the pepper too."""
    down(progress)
    paths = Paths()
    KeyStore(paths).destroy()
    for folder in [paths.home, *([paths.keys_dir] if keys else [])]:
        if folder.exists():
            progress(f"removing {folder}")
            shutil.rmtree(folder)
