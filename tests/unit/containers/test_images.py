"""The Dockerfile: fixed bases, sources that are there, every file by its hash, nobody is root at the end."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import PurePosixPath

import pytest
import typer.main
import yaml

from lethe.cli import app
from lethe.settings import PROJECT
from lethe.stack.fetch import CHECKSUMS, COPY_DEPENDENCIES, POMS
from tests.unit.containers.compose import SERVICES, Service

TEXT = (PROJECT / "Dockerfile").read_text()
TARGETS = ("airflow", "spark", "dashboard")
OURS = [name for name, service in SERVICES.items() if service.is_ours]


@dataclass
class Stage:
    """One stage: what it is made from, and its instructions."""

    name: str
    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def of(self, kind: str) -> list[str]:
        return [arguments for name, arguments in self.instructions if name == kind]


def _stages() -> dict[str, Stage]:
    found: dict[str, Stage] = {}
    lines = [line for line in TEXT.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        name, _, arguments = line.partition(" ")
        if name == "FROM":
            base, stage = re.fullmatch(r"(\S+) AS (\S+)", arguments).groups()  # type: ignore[union-attr]
            found[stage] = Stage(stage, base)
        elif name:
            list(found.values())[-1].instructions.append((name, arguments))
    return found


STAGES = _stages()


def _with_bases(target: str) -> Iterator[Stage]:
    """A stage after all that it is made from."""
    if target in STAGES:
        yield from _with_bases(STAGES[target].base)
        yield STAGES[target]


def _copied(stage: Stage) -> Iterator[tuple[str, str]]:
    """Source in the project and target, of each COPY that is not from another stage."""
    for arguments in stage.of("COPY"):
        words = [word for word in arguments.split() if not word.startswith("--")]
        if "--from=" not in arguments:
            yield from ((source, words[-1]) for source in words[:-1])


def test_every_base_is_fixed() -> None:
    outside = {stage.base for stage in STAGES.values() if stage.base not in STAGES}
    assert outside
    for base in outside:
        assert re.fullmatch(r"[\w/]+:\d+\.\d+\.\d+-[\w-]+", base), base
    assert STAGES["python"].base.startswith("python:3.11.")


@pytest.mark.parametrize("name", OURS)
def test_every_image_is_a_stage(name: str) -> None:
    target = SERVICES[name].raw["build"]["target"]
    assert target in TARGETS
    assert SERVICES[name].image.startswith(f"lethe-{target}:")
    assert {SERVICES[each].raw["build"]["target"] for each in OURS} == set(TARGETS)


@pytest.mark.parametrize("target", TARGETS)
def test_nobody_is_root_in_the_end(target: str) -> None:
    assert STAGES[target].instructions[-1] == ("USER", "lethe")
    assert 'useradd --non-unique --uid "$LETHE_UID"' in " ".join(STAGES["lethe"].of("RUN"))
    assert 'test "$LETHE_UID" -gt 0' in " ".join(STAGES["lethe"].of("RUN"))


def _is_ignored(source: str) -> bool:
    """As Docker reads .dockerignore: the last pattern that fits decides."""
    ignored = False
    for line in (PROJECT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if line and not line.startswith("#"):
            parents = [source, *map(str, PurePosixPath(source).parents)]
            if any(fnmatch(part, pattern) for part in parents):
                ignored = not line.startswith("!")
    return ignored


@pytest.mark.parametrize("stage", STAGES)
def test_every_source_is_there_and_reaches_docker(stage: str) -> None:
    for source, _ in _copied(STAGES[stage]):
        assert (PROJECT / source).exists(), source
        assert not _is_ignored(source), source


@pytest.mark.parametrize("name", [".lethe", ".git", ".venv", "tests", "docs/images", "docker-compose.yaml"])
def test_nothing_else_reaches_docker(name: str) -> None:
    assert _is_ignored(name)


@pytest.mark.parametrize("stage", ["environment", "airflow"])
def test_everything_from_python_is_installed_by_its_hash(stage: str) -> None:
    (run,) = [each for each in STAGES[stage].of("RUN") if "pip install" in each]
    assert "--require-hashes" in run
    assert "--only-binary :all:" in run


def test_no_package_comes_without_a_hash() -> None:
    text = (PROJECT / "containers" / "airflow" / "requirements.txt").read_text()
    for package in re.split(r"\n(?=[a-z])", text)[1:]:
        assert re.match(r"[a-z-]+==[\d.]+ \\\n +--hash=sha256:[0-9a-f]{64}", package), package


def test_the_jars_are_those_of_the_embedded_stack() -> None:
    (run,) = STAGES["jars"].of("RUN")
    assert COPY_DEPENDENCIES in run
    assert "sha256sum --check --strict" in run
    sources = {PROJECT / source for source, _ in _copied(STAGES["jars"])}
    assert sources == {POMS / "spark" / "pom.xml", CHECKSUMS / "spark.sha256"}
    from_jars = f"--from=jars {STAGES['jars'].of('WORKDIR')[0]} /opt/lethe/jars"
    assert from_jars in STAGES["spark"].of("COPY")
    assert 'JARS = Path("/opt/lethe/jars")' in (PROJECT / "containers/stream/start.py").read_text()


def test_the_stream_runs_on_java_17() -> None:
    assert any("openjdk-17-jre-headless" in run for run in STAGES["spark"].of("RUN"))


def _lies_in_image(service: Service, path: str) -> bool:
    """Whether a path of the project is in the service's image, at the same place below /app."""
    copied = [pair for stage in _with_bases(service.raw["build"]["target"]) for pair in _copied(stage)]
    for source, target in copied:
        place = (
            PurePosixPath(target) / PurePosixPath(source).name
            if target.endswith("/")
            else PurePosixPath(target)
        )
        if str(place) == str(PurePosixPath(source)) and PurePosixPath(path).is_relative_to(place):
            return (PROJECT / path).exists()
    return False


def _lethe_commands() -> set[str]:
    return set(getattr(typer.main.get_command(app), "commands", {}))


@pytest.mark.parametrize("name", OURS)
def test_every_command_exists_in_its_image(name: str) -> None:
    service = SERVICES[name]
    calls = [service.argv] + ([service.health] if "healthcheck" in service.raw else [])
    for argv in calls:
        match argv:
            case ["true"]:
                continue
            case ["lethe", command, *_]:
                assert command == "--help" or command in _lethe_commands()
                assert ("containers/lethe", "/opt/lethe/venv/bin/lethe") in list(_copied(STAGES["lethe"]))
            case ["python", "-m", module, *_]:
                assert _lies_in_image(service, module.replace(".", "/") + ".py")
            case ["python", script, *_]:
                assert _lies_in_image(service, script)
            case _:
                raise AssertionError(f"{name}: what is {argv}?")


@pytest.mark.parametrize("name", [name for name in OURS if "healthcheck" in SERVICES[name].raw])
def test_every_health_check_is_known(name: str) -> None:
    from containers.health import CHECKS

    assert SERVICES[name].health == ["python", "containers/health.py", name]
    assert name in CHECKS


@pytest.mark.parametrize("name", [name for name in OURS if name.startswith("airflow-")])
def test_every_component_of_airflow_is_known(name: str) -> None:
    from containers.airflow.start import COMMANDS, SIGNING

    component = name.removeprefix("airflow-")
    assert SERVICES[name].argv == ["python", "containers/airflow/start.py", component]
    assert component in COMMANDS
    assert component in SIGNING


@pytest.mark.parametrize("folder", ["dags", "plugins"])
def test_airflows_folders_are_in_its_image(folder: str) -> None:
    given = SERVICES["airflow-scheduler"].environment[f"AIRFLOW__CORE__{folder.upper()}_FOLDER"]
    assert given == f"/app/{folder}"
    assert _lies_in_image(SERVICES["airflow-scheduler"], folder)


def test_the_registers_wordings_are_in_every_image() -> None:
    register = yaml.safe_load((PROJECT / "register.yaml").read_text())
    for policy in register["policy_versions"].values():
        assert _lies_in_image(SERVICES["stream"], policy["wording"])
    assert _lies_in_image(SERVICES["stream"], "register.yaml")


def test_a_volumes_folder_is_made_with_an_owner() -> None:
    (made,) = [run for run in STAGES["lethe"].of("RUN") if "install -d" in run]
    targets = {mount.target for name in OURS for mount in SERVICES[name].mounts if mount.is_volume}
    assert targets
    assert all(f" {target} " in made.replace(";", " ") for target in targets)
