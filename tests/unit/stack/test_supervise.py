"""The process supervisor: what it is told to run, and a real one that runs it."""

import configparser
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from lethe.errors import StackError
from lethe.settings import Paths
from lethe.stack import leftovers
from lethe.stack.program import Program
from lethe.stack.supervise import Supervisor, render, socket_path
from lethe.stream.verdict import Process

IDLE = [sys.executable, "-c", "import signal; signal.pause()"]


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(home=tmp_path / "home", keys_dir=tmp_path / "keys")


@pytest.fixture
def supervisor(paths: Paths) -> Iterator[Supervisor]:
    made = Supervisor(paths)
    made.launch(render(paths, [Program("idle", IDLE, paths.home, autostart=False)]))
    process = psutil.Process(made.pid())
    yield made
    if process.is_running():
        made.shutdown()
        process.wait(timeout=30)


def until(condition: object, seconds: float = 20) -> None:
    assert callable(condition)
    Retrying(retry=retry_if_result(lambda v: not v), stop=stop_after_delay(seconds), wait=wait_fixed(0.1))(
        condition
    )


def sections(file: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read(file)
    return parser


def test_the_configuration_and_its_folders_are_private(paths: Paths) -> None:
    file = render(paths, [Program("idle", IDLE, paths.home)])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(paths.logs.stat().st_mode) == 0o700


def test_percent_signs_and_spaces_reach_the_program(paths: Paths) -> None:
    file = render(paths, [Program("odd", ["/bin/echo", "a b", "100%"], paths.home, {"ODD": "x,y %"})])
    section = sections(file)["program:odd"]
    assert section["command"] == '"/bin/echo" "a b" "100%%"'
    assert 'ODD="x,y %%"' in section["environment"]


@pytest.mark.parametrize("text", ['say "hello"', "back\\slash", "two\nlines"])
def test_what_the_configuration_cannot_hold_is_refused_without_quoting_it(paths: Paths, text: str) -> None:
    with pytest.raises(StackError) as refused:
        render(paths, [Program("odd", ["/bin/echo", text], paths.home)])
    assert text not in str(refused.value)


def test_every_log_is_rotated_and_only_the_stream_is_not_restarted(paths: Paths) -> None:
    parser = sections(render(paths, [Program(name, IDLE, paths.home) for name in ("stream", "kafka")]))
    for name in ("stream", "kafka"):
        assert parser[f"program:{name}"]["stdout_logfile_maxbytes"] == "20MB"
        assert int(parser[f"program:{name}"]["stdout_logfile_backups"]) >= 1
    assert parser["program:stream"]["autorestart"] == "false"
    assert parser["program:kafka"]["autorestart"] == "true"


def test_a_long_home_gets_a_short_socket_of_its_own(tmp_path: Path) -> None:
    long = Paths(home=tmp_path / ("x" * 60) / ("y" * 60))
    other = Paths(home=tmp_path / ("x" * 60) / ("z" * 60))
    assert len(str(socket_path(long))) <= 100
    assert socket_path(long) != socket_path(other)


def test_nobody_who_does_not_own_the_sockets_folder_is_trusted(paths: Paths, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    paths.home.mkdir()
    paths.control.parent.mkdir(exist_ok=True)
    render(paths, [])
    paths.control.rename(tmp_path / "aside")
    paths.control.symlink_to(elsewhere)
    with pytest.raises(StackError, match="belongs to somebody else"):
        Supervisor(paths).launch(paths.config / "supervisord.conf")


def test_start_and_stop_can_be_repeated(supervisor: Supervisor) -> None:
    assert supervisor.process("idle") == (Process.ABSENT, None)
    supervisor.start("idle")
    supervisor.start("idle")
    until(lambda: supervisor.process("idle")[0] is Process.ALIVE)
    supervisor.stop("idle")
    supervisor.stop("idle")
    assert supervisor.process("idle")[0] is Process.ABSENT


def test_a_changed_configuration_file_replaces_the_program(paths: Paths, supervisor: Supervisor) -> None:
    file = paths.home / "settings"
    file.write_text("one")
    configured = Program("idle", IDLE, paths.home, files=(file,), autostart=False)
    render(paths, [configured])
    supervisor.apply()
    supervisor.start("idle", wait=True)
    first = supervisor.state("idle").pid
    render(paths, [configured])
    supervisor.apply()
    assert supervisor.state("idle").pid == first
    file.write_text("two")
    render(paths, [configured])
    supervisor.apply()
    supervisor.start("idle", wait=True)
    assert supervisor.state("idle").pid not in (0, first)


def test_what_a_killed_supervisor_leaves_is_known_for_ours_and_ended(
    paths: Paths, supervisor: Supervisor
) -> None:
    supervisor.start("idle", wait=True)
    pid = supervisor.state("idle").pid
    master = psutil.Process(supervisor.pid())
    os.kill(master.pid, 9)
    master.wait(timeout=10)
    assert not supervisor.is_up()
    left = leftovers.programs(paths)
    assert [process.pid for process in left] == [pid]
    assert [leftovers.program_name(process) for process in left] == ["idle"]
    leftovers.end(left)
    assert leftovers.programs(paths) == []


def test_an_unknown_program_is_a_clear_error(supervisor: Supervisor) -> None:
    with pytest.raises(StackError, match="nonsense"):
        supervisor.start("nonsense")


def test_no_supervisor_is_a_clear_error(paths: Paths) -> None:
    with pytest.raises(StackError, match="run `make up`"):
        Supervisor(paths).states()
