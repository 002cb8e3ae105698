"""What integration and fault tests share: one embedded stack for the whole session, brought up as a user would.

It has its own folder and its own ports.

`LETHE_TEST_FOLDER` names the folder, which then stays; with `LETHE_TEST_STAYS_UP=1` the stack stays up in it too, and
the next session goes on with it: for work on one test, where bringing a stack up would take longer than the test.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lethe.stack.supervise import Supervisor
from tests.integration.live import LiveStack
from tests.integration.live_stream import LiveStream, pause_supervision, uncompacted
from tests.ports import free_base

# Segments that roll and compact within a test's patience.
FAST_TOPICS = {
    "LETHE_TOPIC_SEGMENT_MS": "5000",
    "LETHE_TOPIC_MAX_COMPACTION_LAG_MS": "5000",
    "LETHE_TOPIC_DELETE_RETENTION_MS": "1000",
}
# Many small batches, so that what a test kills is killed within one.
SMALL_BATCHES = {
    "LETHE_STREAM_MAX_OFFSETS_PER_TRIGGER": "400",
    "LETHE_STREAM_TRIGGER_SECONDS": "0.2",
    "LETHE_STREAM_HEARTBEAT_SECONDS": "0.5",
}
# What is off by default is tried too.
OPTIONS = {"LETHE_INTAKE_EMAIL_INDEX": "true", "LETHE_INTAKE_LOOKUPS_PER_HOUR": "1000"}


def _port_base(folder: Path) -> str:
    """The one that a stack in this folder listens on already, else a free one."""
    file = folder / "port-base"
    if not file.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.write_text(str(free_base()))
    return file.read_text()


@pytest.fixture(scope="session")
def stack() -> Iterator[LiveStack]:
    """The running stack; everything in this process that reads settings means it from here on.

    The stream's driver runs until a test stops it; Airflow does not look after it, but where a test asks for it.
    """
    folder = Path(os.environ.get("LETHE_TEST_FOLDER") or tempfile.mkdtemp(prefix="lethe-test-"))
    os.environ |= {
        "LETHE_HOME": str(folder / "home"),
        "LETHE_KEYS_DIR": str(folder / "keys"),
        "LETHE_PORT_BASE": _port_base(folder),
        **FAST_TOPICS,
        **SMALL_BATCHES,
        **OPTIONS,
    }
    stays_up = "LETHE_TEST_FOLDER" in os.environ and os.environ.get("LETHE_TEST_STAYS_UP") == "1"
    lethe = Path(sys.executable).with_name("lethe")
    live = LiveStack(folder / "home")
    try:
        if not (stays_up and Supervisor().is_up()):
            subprocess.run([lethe, "up"], check=True, timeout=900)
        pause_supervision(live)
        yield live
    finally:
        live.close()
        if not stays_up:
            subprocess.run([lethe, "down"], check=True, timeout=180)
        if "LETHE_TEST_FOLDER" not in os.environ:
            shutil.rmtree(folder)


@pytest.fixture(scope="module")
def stream(stack: LiveStack) -> Iterator[LiveStream]:
    """The stream over an empty house, for the tests of one file; what they send adds up."""
    with uncompacted():
        yield LiveStream(stack)


@pytest.fixture(scope="module")
def running(stream: LiveStream) -> Iterator[LiveStream]:
    """The same with its driver running, until the file's last test has ended."""
    stream.start()
    yield stream
    stream.stop()
