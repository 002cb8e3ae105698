"""Run something in a child process that is killed (SIGKILL) before a given line of Lethe's own code."""

import json
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

FINISHED, RAISED = 0, 3
Contents = dict[str, tuple[int, bool]]


def killed_before(line: int, action: Callable[[], object], modules: tuple[ModuleType, ...]) -> bool:
    """Whether the child was killed before the `line`-th line that it ran in these modules (from 1).

    False: it had finished by then. Fails where the action raises.
    """

    def kill(at: int) -> None:
        if at == line:
            os.kill(os.getpid(), signal.SIGKILL)

    return _in_child(action, modules, kill)


def lines_that_see(
    folder: Path, action: Callable[[], object], modules: tuple[ModuleType, ...]
) -> tuple[list[int], int]:
    """Before which lines the folder is not as it was before the line before, the first among them; and the last line.

    A kill before any other line leaves what one of these leaves.
    """
    seen: list[int] = []
    last_line, last_look = 0, Contents()
    log = folder.with_name("lines")

    def look(at: int) -> None:
        nonlocal last_line, last_look
        now = contents(folder)
        if now != last_look:
            seen.append(at)
            last_look = now
        last_line = at

    def run() -> None:
        action()
        log.write_text(json.dumps([seen, last_line]))

    assert not _in_child(run, modules, look)
    lines, end = json.loads(log.read_text())
    return lines, end


def contents(folder: Path) -> Contents:
    """What a reader can tell of the files: name, size, and whether it is overwritten. No process ids in names."""
    found: Contents = {}
    for at, _, names in os.walk(folder):
        for name in names:
            content = Path(at, name).read_bytes()
            found[re.sub(r"\.\d+\.new", ".new", name)] = (len(content), not any(content))
    return found


def _in_child(
    action: Callable[[], object], modules: tuple[ModuleType, ...], before: Callable[[int], None]
) -> bool:
    """Whether the child was killed; `before` is told the number of each line before it is run."""
    child = os.fork()
    if child == 0:
        _child(action, {str(module.__file__) for module in modules}, before)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == FINISHED, "the action raised"
    return False


def _child(action: Callable[[], object], files: set[str], before: Callable[[int], None]) -> None:
    line = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal line
        if frame.f_code.co_filename not in files:
            return None
        if event == "line":
            line += 1
            before(line)
        return trace

    try:
        sys.settrace(trace)
        action()
        sys.settrace(None)
        os._exit(FINISHED)
    finally:
        os._exit(RAISED)
