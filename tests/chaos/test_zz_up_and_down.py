"""What `up` and `down` find and leave: after a kill at any moment, with a busy port, with a changed setting.

Last of all (hence its name): it kills the supervisor under the stack that the other tests use.
"""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from lethe.settings import Paths, Ports
from lethe.stack import leftovers
from lethe.stack.program import log_file
from tests.integration.live import LETHE, LiveStack, wait_until
from tests.integration.live_stream import supervised
from tests.integration.messages import LONG
from tests.ports import free_base


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The variables of a second installation; whatever runs of it at the end is ended by `lethe down`."""
    variables = {
        "LETHE_HOME": str(tmp_path / "home"),
        "LETHE_KEYS_DIR": str(tmp_path / "keys"),
        "LETHE_PORT_BASE": str(free_base()),
    }
    yield variables
    subprocess.run([LETHE, "down"], env=os.environ | variables, check=True, timeout=180)


def start(variables: Mapping[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen([LETHE, "up"], env=os.environ | variables, stderr=subprocess.PIPE, text=True)


def paths_of(variables: Mapping[str, str]) -> Paths:
    return Paths(home=Path(variables["LETHE_HOME"]), keys_dir=Path(variables["LETHE_KEYS_DIR"]))


MOMENTS = ("starting the process supervisor", "mongodb: replica set", "cassandra: roles")


@pytest.mark.parametrize("line", MOMENTS if LONG else MOMENTS[-1:])
def test_an_up_that_was_killed_leaves_nothing_that_down_does_not_end(
    elsewhere: dict[str, str], line: str
) -> None:
    up = start(elsewhere)
    assert up.stderr is not None
    seen = next((told for told in up.stderr if line in told), None)
    up.send_signal(signal.SIGKILL)
    up.wait(timeout=10)
    up.stderr.close()
    assert seen is not None
    subprocess.run([LETHE, "down"], env=os.environ | elsewhere, check=True, timeout=180)
    assert leftovers.programs(paths_of(elsewhere)) == []
    assert list(leftovers.busy_ports(Ports(port_base=int(elsewhere["LETHE_PORT_BASE"])))) == []


def test_a_busy_port_is_told_with_its_holder_before_anything_starts(elsewhere: dict[str, str]) -> None:
    port = Ports(port_base=int(elsewhere["LETHE_PORT_BASE"]))["cassandra"]
    with socket.create_server(("127.0.0.1", port)):
        told = subprocess.run(
            [LETHE, "up"],
            env=os.environ | elsewhere,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert told.returncode == 1
    assert (
        f"port {port} (cassandra) is held by {psutil.Process().name()} (process {os.getpid()})" in told.stderr
    )
    assert "LETHE_PORT_BASE" in told.stderr
    assert leftovers.programs(paths_of(elsewhere)) == []


def test_two_ups_at_once_do_not_meet(elsewhere: dict[str, str]) -> None:
    first = start(elsewhere)
    assert first.stderr is not None
    assert next((told for told in first.stderr if "supervisor" in told), None)
    second = subprocess.run(
        [LETHE, "up"], env=os.environ | elsewhere, capture_output=True, text=True, timeout=60, check=False
    )
    first.kill()
    first.wait(timeout=10)
    first.stderr.close()
    assert second.returncode == 1
    assert second.stderr.strip().endswith(
        "another `lethe up`, `down` or `clean` is at work here; wait for it to end"
    )


@pytest.fixture(scope="module")
def looked_after(stack: LiveStack) -> Iterator[LiveStack]:
    """The stack as its users have it, and as `up` needs it: Airflow looks after the stream."""
    with supervised(stack):
        yield stack


def test_a_program_that_dies_is_started_again(stack: LiveStack) -> None:
    before = stack.pid("publisher")
    stack.kill("publisher")
    assert wait_until(lambda: stack.pid("publisher") not in (0, before), "another publisher")


def test_what_a_killed_supervisor_leaves_is_taken_over_with_its_data(looked_after: LiveStack) -> None:
    stack = looked_after
    stored = stack.db().subject_counts.count_documents({})
    records = stack.db().erasures.count_documents({})
    orphans = {process.pid for process in leftovers.programs(stack.paths)}
    os.kill(stack.supervisor.pid(), signal.SIGKILL)
    stack.close()
    told = stack.lethe("up")
    assert "processes that an earlier supervisor left behind" in told.stderr
    assert orphans.isdisjoint({process.pid for process in leftovers.programs(stack.paths)})
    assert stack.lethe("status").returncode == 0
    assert stack.db().subject_counts.count_documents({}) == stored
    assert stack.db().erasures.count_documents({}) == records


def test_down_leaves_no_process_and_no_port_and_the_next_up_has_the_data(looked_after: LiveStack) -> None:
    stack = looked_after
    records = stack.db().erasures.count_documents({})
    stack.close()
    stack.lethe("down")
    assert leftovers.programs(stack.paths) == []
    assert list(leftovers.busy_ports(Ports())) == []
    assert not (stack.paths.control / "supervisor.sock").exists()
    assert stack.lethe("status", check=False).returncode == 1
    stack.lethe("down")
    stack.lethe("up")
    assert stack.db().erasures.count_documents({}) == records
    assert log_file(stack.paths, "stream").stat().st_size > 0
