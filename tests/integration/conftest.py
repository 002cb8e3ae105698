"""One embedded stack for the whole session, in its own folder and on its own ports, brought up as a user would."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.live import LiveStack

# Segments that roll and compact within a test's patience.
FAST_TOPICS = {
    "LETHE_TOPIC_SEGMENT_MS": "5000",
    "LETHE_TOPIC_MAX_COMPACTION_LAG_MS": "5000",
    "LETHE_TOPIC_DELETE_RETENTION_MS": "1000",
}


def _free_base() -> int:
    """A base whose whole range of ports is free now."""
    for base in range(28_000, 60_000, 100):
        try:
            for offset in range(60):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", base + offset))
        except OSError:
            continue
        return base
    raise RuntimeError("no range of 60 free ports on loopback")


def _port_base(folder: Path) -> str:
    """The base of a stack that the folder holds already, else a free one."""
    file = folder / "port-base"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(str(_free_base()))
    return file.read_text()


@pytest.fixture(scope="session")
def stack() -> Iterator[LiveStack]:
    """The running stack; everything in this process that reads settings means it from here on.

    LETHE_TEST_FOLDER keeps it, up, from one run of the tests to the next.
    """
    kept = os.environ.get("LETHE_TEST_FOLDER")
    folder = Path(kept or tempfile.mkdtemp(prefix="lethe-test-"))
    os.environ |= {
        "LETHE_HOME": str(folder / "home"),
        "LETHE_KEYS_DIR": str(folder / "keys"),
        "LETHE_PORT_BASE": _port_base(folder),
        **FAST_TOPICS,
    }
    lethe = Path(sys.executable).with_name("lethe")
    subprocess.run([lethe, "up"], check=True, timeout=900)
    live = LiveStack(folder / "home")
    try:
        yield live
    finally:
        live.close()
        if not kept:
            subprocess.run([lethe, "down"], check=True, timeout=180)
            shutil.rmtree(folder)
