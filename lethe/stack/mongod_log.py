"""mongod's log without what people typed: `python -m lethe.stack.mongod_log NAMES MONGOD ARGUMENT...`

The Community edition has no audit log and redacts nothing. Its log tells of logins and refusals, but also the name that
a failed login was tried with, which may be a password or a user id, and the whole command that was refused, with its
values. So this process becomes mongod, and leaves a child behind that reads the log and writes it on: of lines about
access only what stands in ACCESS_KEPT, and names only where they are users of ours (NAMES, with commas).

Nothing is imported but what Python brings: it runs beside mongod for as long as that does.
"""

import json
import os
import re
import signal
import sys
from collections.abc import Collection, Iterator
from typing import Any

LEFT_OUT = "left out"
# Lines that `systemLog.quiet` would drop; it would drop successful logins with them (ids of mongod 6.0).
CONNECTIONS = (22943, 22944, 51800)
# Of a line about access: who it was is told apart from how and from where. A newer mongod says `user` and `client`.
ACCESS_KEPT = ("mechanism", "speculative", "remote", "client", "codeName")
NAMED = ("principalName", "user")
REFUSED = re.compile(r"not authorized on ([a-z]+) to execute command \{ ([a-zA-Z]+): \"([a-z_]+)\"")


def kept(line: str, names: Collection[str]) -> str | None:
    """What is kept of a line, None for one that is dropped; what is no JSON is kept as it is."""
    try:
        told = json.loads(line)
    except ValueError:
        return line
    if not isinstance(told, dict) or told.get("id") in CONNECTIONS:
        return None
    if told.get("c") == "ACCESS" and "attr" in told:
        told["attr"] = _access(told["attr"], names)
    else:
        return line
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _access(attributes: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    result = {key: attributes[key] for key in ACCESS_KEPT if key in attributes}
    for key in NAMED:
        if key in attributes:
            name = attributes[key]
            name = name.get("user") if isinstance(name, dict) else name
            result[key] = name if name in names else LEFT_OUT
    error = attributes.get("error")
    if isinstance(error, dict):
        result |= {key: error[key] for key in ("code", "codeName") if key in error}
    elif error is not None:
        kind = re.match("[A-Za-z]+(?=:)", str(error))
        result["error"] = kind[0] if kind else LEFT_OUT
    found = REFUSED.search(str(error))
    if found:
        result |= dict(zip(("db", "command", "collection"), found.groups(), strict=True))
    return result


def copy(lines: Iterator[bytes], out: int, names: Collection[str]) -> None:
    """Write on what is kept, until the log ends; where nobody takes it, read on all the same: mongod must not wait."""
    for raw in lines:
        line = kept(raw.decode(errors="replace").rstrip("\n"), names)
        if line is not None:
            try:
                os.write(out, line.encode() + b"\n")
            except OSError:
                continue


def main(names: str, program: str, *arguments: str) -> None:
    """Become mongod, its log in the hands of a child. Never returns."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.close(writing)
        for ending in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(ending, signal.SIG_IGN)  # what tells mongod to end goes to its whole group
        with os.fdopen(reading, "rb") as log:
            copy(iter(log), sys.stdout.fileno(), frozenset(names.split(",")))
        os._exit(0)
    os.close(reading)
    os.dup2(writing, 1)
    os.dup2(writing, 2)
    os.close(writing)
    os.execv(program, [program, *arguments])  # noqa: S606 - becomes mongod


if __name__ == "__main__":
    main(*sys.argv[1:])
