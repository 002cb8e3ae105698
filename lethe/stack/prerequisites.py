"""What the machine itself must have; each missing thing is one line that names it and how to get it."""

import ctypes.util
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from lethe.errors import PrerequisiteError
from lethe.settings import Paths

JAVA_MAJOR = 17
MONGOD_AT_LEAST = 6
GLIBC_AT_LEAST = (2, 35)
GIB = 1024**3
# Measured with all of it running and 300,000 profiles: 3.6 GB resident; the rest is Spark's and Cassandra's heap.
MEMORY_GIB = 6.0
DISK_GIB = 4.0  # environment 1.4, downloads and jars 0.4, data and commit logs of a first day

JAVA_HOMES = ("/usr/lib/jvm", "/opt", "/opt/java", "/usr/local")


@dataclass(frozen=True, slots=True)
class Machine:
    """What was found; tests make their own."""

    system: str = field(default_factory=platform.system)
    processor: str = field(default_factory=platform.machine)
    libc: tuple[str, str] = field(default_factory=platform.libc_ver)
    java: Path | None = field(default_factory=lambda: look_for_java())  # noqa: PLW0108 - defined below
    maven: Path | None = field(default_factory=lambda: look_for("mvn"))
    mongod: Path | None = field(default_factory=lambda: find_mongod())  # noqa: PLW0108 - defined below
    libcurl: bool = field(default_factory=lambda: ctypes.util.find_library("curl") is not None)
    free_memory: int = field(default_factory=lambda: psutil.virtual_memory().available)
    free_disk: Callable[[Path], int] = lambda folder: psutil.disk_usage(str(folder)).free
    browser: bool = field(default_factory=lambda: bool(look_for("chromium") and look_for("chromedriver")))


def check(
    paths: Paths, machine: Machine | None = None, *, for_tests: bool = False, is_running: bool = False
) -> None:
    """Raise PrerequisiteError, one line a thing, when something is missing.

    `is_running`: the stack is up, and so has its memory and disk already.
    """
    missing = list(find_missing(paths, machine or Machine(), for_tests=for_tests, is_running=is_running))
    if missing:
        raise PrerequisiteError("\n".join(missing))


def find_missing(
    paths: Paths, machine: Machine, *, for_tests: bool = False, is_running: bool = False
) -> Iterator[str]:
    """A line for each missing thing."""
    if machine.system != "Linux" or machine.processor not in ("x86_64", "AMD64"):
        yield (
            f"{machine.system} on {machine.processor}: the embedded stack needs Linux x86-64; "
            "here, use docker-compose.yaml (docs/containers.md)"
        )
        return
    if machine.libc[0] != "glibc" or _version(machine.libc[1]) < GLIBC_AT_LEAST:
        yield (
            f"glibc {machine.libc[1] or 'unknown'}: 2.35 or later is needed (Debian 12, Ubuntu 22.04, RHEL 10 …); "
            "on this system, use docker-compose.yaml (docs/containers.md)"
        )
    if machine.java is None:
        yield f"Java {JAVA_MAJOR}: not found; apt install openjdk-17-jre-headless, or set LETHE_JAVA_HOME"
    if machine.maven is None:
        yield "Maven: no mvn on PATH; apt install maven"
    if machine.mongod is None and not machine.libcurl:
        yield "libcurl.so.4: not found, mongod needs it; apt install libcurl4"
    if not is_running:
        yield from _room(paths, machine)
    if for_tests and not machine.browser:
        yield "chromium, chromium-driver: not found, the browser tests need both; apt install chromium chromium-driver"


def _room(paths: Paths, machine: Machine) -> Iterator[str]:
    if machine.free_memory < MEMORY_GIB * GIB:
        yield f"memory: {machine.free_memory / GIB:.1f} GiB free, {MEMORY_GIB:.0f} GiB are needed; stop something"
    folder = next(folder for folder in (paths.home, *paths.home.parents) if folder.exists())
    if (free := machine.free_disk(folder)) < DISK_GIB * GIB:
        yield f"disk: {free / GIB:.1f} GiB free at {folder}, {DISK_GIB:.0f} GiB are needed; set LETHE_HOME elsewhere"


def find_java() -> Path:
    """A Java 17 binary. Raises PrerequisiteError where there is none."""
    found = look_for_java()
    if found is None:
        raise PrerequisiteError(f"Java {JAVA_MAJOR}: not found; install it, or set LETHE_JAVA_HOME")
    return found


def find_maven() -> Path:
    """Maven. Raises PrerequisiteError where there is none."""
    found = look_for("mvn")
    if found is None:
        raise PrerequisiteError("Maven: no mvn on PATH; apt install maven")
    return found


def look_for(program: str) -> Path | None:
    """A program on PATH."""
    found = shutil.which(program)
    return None if found is None else Path(found)


def look_for_java() -> Path | None:
    """Java 17 by LETHE_JAVA_HOME, JAVA_HOME, PATH, or where systems keep it beside a newer default."""
    homes = [Path(os.environ[name]) for name in ("LETHE_JAVA_HOME", "JAVA_HOME") if os.environ.get(name)]
    on_path = look_for("java")
    candidates = [home / "bin" / "java" for home in homes] + ([on_path] if on_path else [])
    for folder in JAVA_HOMES:
        candidates += sorted(Path(folder).glob("*17*/bin/java"))
    for java in candidates:
        if java.is_file() and _java_major(java) == JAVA_MAJOR:
            return java.resolve()
    return None


def _java_major(java: Path) -> int | None:
    said = _said([str(java), "-version"])
    found = re.search(r'version "(\d+)', said)
    return int(found[1]) if found else None


def find_mongod() -> Path | None:
    """A mongod on PATH that is recent enough."""
    found = look_for("mongod")
    version = re.search(r"db version v(\d+)", _said([str(found), "--version"])) if found else None
    return found if version and int(version[1]) >= MONGOD_AT_LEAST else None


def _said(command: list[str]) -> str:
    """What a program says of its version; nothing where it can't be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return ""
    return done.stdout + done.stderr


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text))


if __name__ == "__main__":
    try:
        check(Paths(), for_tests="--for-tests" in sys.argv[1:])
    except PrerequisiteError as missing:
        sys.exit(str(missing))
