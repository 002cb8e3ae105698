"""docker-compose.yaml as Compose reads it: variables replaced, merges done, secrets and mounts in their long form."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

import yaml

from lethe.settings import PROJECT

FILE = PROJECT / "docker-compose.yaml"
DEFAULTS = {"HOME": "/home/someone"}  # what a shell has, and nothing else is set
ALL_SECRETS = "/run/secrets"
# The innermost one, so that a default may hold another.
_VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^${}]*))?\}")

Document = dict[str, Any]


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """Compose's `${NAME}` and `${NAME:-default}`, nested ones too."""
    while found := _VARIABLE.search(text):
        value = variables.get(found["name"]) or found["default"]
        assert value is not None, f"${{{found['name']}}} has no value and no default"
        text = text[: found.start()] + value + text[found.end() :]
    return text


def _all(value: Any, variables: Mapping[str, str]) -> Any:
    match value:
        case str():
            return interpolate(value, variables)
        case dict():
            return {key: _all(each, variables) for key, each in value.items()}
        case list():
            return [_all(each, variables) for each in value]
        case _:
            return value


def load(variables: Mapping[str, str] | None = None) -> Document:
    """The whole file."""
    document: Document = _all(yaml.safe_load(FILE.read_text()), DEFAULTS | dict(variables or {}))
    return document


@dataclass(frozen=True)
class Mount:
    """A folder, a file or a volume in a container."""

    source: str
    target: str
    is_volume: bool
    read_only: bool
    nocopy: bool = False


@dataclass(frozen=True)
class Service:
    """One service."""

    name: str
    raw: Document

    @property
    def image(self) -> str:
        return str(self.raw["image"])

    @property
    def is_ours(self) -> bool:
        return "build" in self.raw

    @property
    def is_one_shot(self) -> bool:
        return bool(self.raw.get("restart") == "no")

    @property
    def environment(self) -> dict[str, str]:
        return {name: str(value) for name, value in self.raw.get("environment", {}).items()}

    @property
    def argv(self) -> list[str]:
        return [*self.raw.get("entrypoint", []), *self.raw.get("command", [])]

    @property
    def health(self) -> list[str]:
        kind, *argv = self.raw["healthcheck"]["test"]
        assert kind == "CMD"
        return argv

    @cached_property
    def secrets(self) -> dict[str, str]:
        """Name -> where it lies in the container."""
        long = [{"source": each} if isinstance(each, str) else each for each in self.raw.get("secrets", [])]
        return {
            each["source"]: str(PurePosixPath(ALL_SECRETS) / each.get("target", each["source"]))
            for each in long
        }

    @cached_property
    def mounts(self) -> list[Mount]:
        return [_mount(each) for each in self.raw.get("volumes", [])]

    @property
    def networks(self) -> list[str]:
        return list(self.raw.get("networks", []))

    @property
    def needs(self) -> dict[str, str]:
        """Service -> the condition that it waits for."""
        return {name: each["condition"] for name, each in self.raw.get("depends_on", {}).items()}


def _mount(each: Any) -> Mount:
    if isinstance(each, str):
        source, target, *mode = each.split(":")
        return Mount(source, target, not source.startswith((".", "/")), mode == ["ro"])
    return Mount(
        each["source"],
        each["target"],
        each["type"] == "volume",
        bool(each.get("read_only")),
        bool(each.get("volume", {}).get("nocopy")),
    )


DOCUMENT = load()
SERVICES = {name: Service(name, raw) for name, raw in DOCUMENT["services"].items()}
NAMES = list(SERVICES)
LONG_RUNNING = [name for name, each in SERVICES.items() if not each.is_one_shot]
SERVERS = ("kafka", "cassandra", "mongodb", "postgres")
