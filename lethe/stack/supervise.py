"""The process supervisor (supervisord): its configuration, and a small client of its socket.

The socket lies in a folder of mode 700; whoever can reach it can start and stop the programs.
"""

import hashlib
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from xmlrpc.client import Fault, ServerProxy

from supervisor.states import ProcessStates, getProcessStateDescription
from supervisor.xmlrpc import Faults, SupervisorTransport

from lethe.errors import StackError
from lethe.settings import Paths
from lethe.stack.private_files import private_folder, replace
from lethe.stack.program import Program, log_file
from lethe.stream.verdict import Process

CONFIG = "supervisord.conf"
LOG_BYTES, LOG_COPIES = "20MB", 3
ONCE = ("stream",)  # started by its DAG alone: a driver that ends is judged before it is started again


@dataclass(frozen=True, slots=True)
class ProgramState:
    """What the supervisor says of a program; `seconds_up` and `pid` are 0 where it does not run."""

    name: str
    state: str
    pid: int
    seconds_up: float
    exit_status: int

    @property
    def is_running(self) -> bool:
        """Whether its process is there."""
        return self.state in ("RUNNING", "STARTING", "STOPPING")


def socket_path(paths: Paths) -> Path:
    """Where the supervisor listens."""
    return paths.control / "supervisor.sock"


def pid_file(paths: Paths) -> Path:
    """Where the supervisor writes its process id."""
    return paths.run / "supervisord.pid"


def render(paths: Paths, programs: Sequence[Program]) -> Path:
    """Write the supervisor's configuration, of mode 600; returns the file."""
    private_folder(paths.config)
    private_folder(paths.logs)
    private_folder(paths.run)
    sections: dict[str, dict[str, object]] = {
        "unix_http_server": {"file": socket_path(paths), "chmod": "0700"},
        "supervisord": {
            "logfile": log_file(paths, "supervisord"),
            "logfile_maxbytes": LOG_BYTES,
            "logfile_backups": LOG_COPIES,
            "pidfile": pid_file(paths),
            "childlogdir": paths.logs,
            "umask": "077",
            "minfds": 4096,
        },
        "rpcinterface:supervisor": {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        },
        "supervisorctl": {"serverurl": f"unix://{socket_path(paths)}"},
    }
    sections |= {f"program:{program.name}": _section(paths, program) for program in programs}
    text = "\n".join(
        f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in values.items())
        for name, values in sections.items()
    )
    replace(paths.config / CONFIG, text)
    return paths.config / CONFIG


def _section(paths: Paths, program: Program) -> dict[str, object]:
    # A program that sets its title would write over its environment, by which a process is known for ours.
    # With the configuration's digest in it, the supervisor sees that a program's files have changed.
    variables = program.env | {"SPT_NOENV": "1", "CONFIGURATION_SHA256": _digest(program.files)}
    environment = ",".join(f"{name}={_quoted(value)}" for name, value in variables.items())
    return {
        "command": " ".join(_quoted(argument) for argument in program.argv),
        "directory": str(program.directory).replace("%", "%%"),
        "environment": environment,
        "autostart": "true" if program.autostart else "false",
        "autorestart": "false" if program.name in ONCE else "true",
        "startsecs": program.start_seconds,
        "startretries": 10,
        "stopsignal": program.stop_signal,
        "stopwaitsecs": program.stop_wait_seconds,
        "stopasgroup": "true",
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": str(log_file(paths, program.name)).replace("%", "%%"),
        "stdout_logfile_maxbytes": LOG_BYTES,
        "stdout_logfile_backups": LOG_COPIES,
    }


def _digest(files: Sequence[Path]) -> str:
    found = hashlib.sha256()
    for file in files:
        found.update(hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()


def _quoted(text: str) -> str:
    """As supervisord reads an argument or a value: in double quotes, % doubled.

    Raises StackError for what its format can't hold.
    """
    if any(character in text for character in '"\\\n'):
        raise StackError(
            "a program's argument holds a quote, a backslash or a line end; supervisord can't take it"
        )
    return '"' + text.replace("%", "%%") + '"'


class Supervisor:
    """The running supervisor, by its socket. Every method raises StackError when it does not answer."""

    def __init__(self, paths: Paths | None = None) -> None:
        self._paths = paths or Paths()

    def launch(self, config: Path) -> None:
        """Start the supervisor in a session of its own, so that a terminal's Ctrl-C doesn't reach the servers.

        Raises StackError when it can't start, or its socket's folder is not ours alone.
        """
        folder = self._paths.control
        if os.path.lexists(folder):
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
                raise StackError(f"{folder} belongs to somebody else; remove it, or set LETHE_CONTROL_DIR")
        private_folder(folder)
        supervisord = Path(sys.executable).with_name("supervisord")
        done = subprocess.run(
            [supervisord, "-c", config],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise StackError(f"supervisord did not start: {said[-1] if said else 'no word why'}")

    def is_up(self) -> bool:
        """Whether a supervisor answers on the socket."""
        if not socket_path(self._paths).exists():
            return False
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(socket_path(self._paths)))
            except OSError:
                return False
        return True

    def pid(self) -> int:
        """The supervisor's own process id."""
        with self._rpc() as rpc:
            return int(rpc.supervisor.getPID())

    def states(self) -> list[ProgramState]:
        """Every program's state."""
        with self._rpc() as rpc:
            return [self._state(info) for info in rpc.supervisor.getAllProcessInfo()]

    def state(self, name: str) -> ProgramState:
        """One program's state."""
        with self._rpc() as rpc:
            return self._state(rpc.supervisor.getProcessInfo(name))

    def process(self, name: str) -> tuple[Process, float | None]:
        """A program's state as supervision judges it, and for how many seconds it has been alive."""
        found = self.state(name)
        if not found.is_running:
            return Process.ABSENT, None
        kind = Process.STARTING if found.state == "STARTING" else Process.ALIVE
        return kind, found.seconds_up

    def start(self, name: str, *, wait: bool = False) -> None:
        """Start a program; no error where it runs already."""
        with self._rpc() as rpc:
            self._unless(Faults.ALREADY_STARTED, rpc.supervisor.startProcess, name, wait)

    def stop(self, name: str, *, wait: bool = True) -> None:
        """Stop a program, gently and after its bound firmly; no error where it does not run."""
        with self._rpc() as rpc:
            self._unless(Faults.NOT_RUNNING, rpc.supervisor.stopProcess, name, wait)

    def apply(self) -> None:
        """Take a changed configuration over: programs that changed are replaced, new ones started, others let be."""
        with self._rpc() as rpc:
            try:
                ((added, changed, removed),) = rpc.supervisor.reloadConfig()
            except Fault as fault:
                raise StackError(f"supervisord refuses its configuration: {fault.faultString}") from fault
            for name in (*changed, *removed):
                rpc.supervisor.stopProcessGroup(name)
                rpc.supervisor.removeProcessGroup(name)
            for name in (*added, *changed):
                rpc.supervisor.addProcessGroup(name)

    def shutdown(self) -> None:
        """Tell the supervisor to end; it stops every program that still runs first."""
        with self._rpc() as rpc:
            rpc.supervisor.shutdown()

    @staticmethod
    def _unless(fault_code: int, call: Any, *arguments: object) -> None:
        try:
            call(*arguments)
        except Fault as fault:
            if fault.faultCode != fault_code:
                raise StackError(f"supervisord: {arguments[0]}: {fault.faultString}") from fault

    @staticmethod
    def _state(info: Mapping[str, Any]) -> ProgramState:
        state = str(getProcessStateDescription(info["state"]))
        up = (
            info["now"] - info["start"]
            if info["state"] in (ProcessStates.RUNNING, ProcessStates.STARTING)
            else 0
        )
        return ProgramState(info["name"], state, info["pid"], float(up), info["exitstatus"])

    @contextmanager
    def _rpc(self) -> Iterator[Any]:
        url = f"unix://{socket_path(self._paths)}"
        proxy = ServerProxy("http://127.0.0.1", transport=SupervisorTransport(None, None, url))
        try:
            yield proxy
        except (OSError, HTTPException) as error:
            raise StackError(
                f"supervisord does not answer at {socket_path(self._paths)}; run `make up`"
            ) from error
        finally:
            proxy("close")()
