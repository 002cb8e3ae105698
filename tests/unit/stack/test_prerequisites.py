"""What the machine lacks is one line a thing, which names it and how to get it."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lethe.errors import PrerequisiteError
from lethe.settings import Paths
from lethe.stack import prerequisites
from lethe.stack.prerequisites import GIB, Machine, check, find_missing

GOOD = Machine(
    system="Linux",
    processor="x86_64",
    libc=("glibc", "2.36"),
    java=Path("/usr/bin/java"),
    maven=Path("/usr/bin/mvn"),
    mongod=None,
    libcurl=True,
    free_memory=8 * GIB,
    free_disk=lambda _: 20 * GIB,
    browser=True,
)


def missing(tmp_path: Path, machine: Machine, **options: bool) -> list[str]:
    return list(find_missing(Paths(home=tmp_path / "home"), machine, **options))


def test_a_good_machine_lacks_nothing(tmp_path: Path) -> None:
    assert missing(tmp_path, GOOD, for_tests=True) == []


@pytest.mark.parametrize(
    ("machine", "told"),
    [
        (replace(GOOD, system="Darwin", processor="arm64"), ["docker-compose.yaml"]),
        (replace(GOOD, processor="aarch64"), ["docker-compose.yaml"]),
        (replace(GOOD, libc=("glibc", "2.31")), ["glibc 2.31", "2.35", "docker-compose.yaml"]),
        (replace(GOOD, libc=("", "")), ["glibc unknown"]),
        (replace(GOOD, java=None), ["Java 17", "openjdk-17-jre-headless", "LETHE_JAVA_HOME"]),
        (replace(GOOD, maven=None), ["Maven", "apt install maven"]),
        (replace(GOOD, libcurl=False), ["libcurl.so.4", "apt install libcurl4"]),
        (replace(GOOD, free_memory=2 * GIB), ["memory: 2.0 GiB free", "6 GiB"]),
        (replace(GOOD, free_disk=lambda _: GIB), ["disk: 1.0 GiB free", "LETHE_HOME"]),
    ],
)
def test_each_missing_thing_is_one_line_with_the_way_to_get_it(
    tmp_path: Path, machine: Machine, told: list[str]
) -> None:
    (line,) = missing(tmp_path, machine)
    assert "\n" not in line
    for words in told:
        assert words in line


def test_all_missing_things_are_told_at_once(tmp_path: Path) -> None:
    machine = replace(GOOD, java=None, maven=None)
    with pytest.raises(PrerequisiteError) as error:
        check(Paths(home=tmp_path), machine)
    assert len(str(error.value).splitlines()) == 2


def test_a_mongod_of_the_machines_own_needs_no_libcurl(tmp_path: Path) -> None:
    assert missing(tmp_path, replace(GOOD, libcurl=False, mongod=Path("/usr/bin/mongod"))) == []


def test_a_stack_that_runs_already_has_its_room(tmp_path: Path) -> None:
    machine = replace(GOOD, free_memory=GIB, free_disk=lambda _: GIB)
    assert missing(tmp_path, machine, is_running=True) == []


def test_only_tests_need_a_browser(tmp_path: Path) -> None:
    machine = replace(GOOD, browser=False)
    assert missing(tmp_path, machine) == []
    (line,) = missing(tmp_path, machine, for_tests=True)
    assert "chromium chromium-driver" in line


def java(folder: Path, version: str) -> Path:
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    program.chmod(0o755)
    return program


def test_java_17_is_found_beside_a_newer_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newer = java(tmp_path / "jdk-25", "25.0.1")
    wanted = java(tmp_path / "jvm" / "java-17-openjdk", "17.0.15")
    monkeypatch.delenv("LETHE_JAVA_HOME", raising=False)
    monkeypatch.setenv("JAVA_HOME", str(newer.parents[1]))
    monkeypatch.setenv("PATH", str(newer.parent))
    monkeypatch.setattr(prerequisites, "JAVA_HOMES", (str(tmp_path / "jvm"),))
    assert prerequisites.find_java() == wanted


def test_no_java_17_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newer = java(tmp_path / "jdk-25", "25.0.1")
    monkeypatch.setenv("LETHE_JAVA_HOME", str(newer.parents[1]))
    monkeypatch.setenv("JAVA_HOME", "")
    monkeypatch.setenv("PATH", str(newer.parent))
    monkeypatch.setattr(prerequisites, "JAVA_HOMES", ())
    with pytest.raises(PrerequisiteError, match="Java 17: not found"):
        prerequisites.find_java()


def test_the_tests_own_check_shows_no_traceback(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "lethe.stack.prerequisites", "--for-tests"],
        env={"PATH": str(tmp_path), "HOME": str(tmp_path), "LETHE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 1
    assert "Maven: no mvn on PATH" in ran.stderr
    assert "Traceback" not in ran.stderr
