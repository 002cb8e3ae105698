"""What the dashboard's tests run on: a MongoDB with the real roles, the dashboard's own process, a browser."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from pymongo.database import Database
from selenium import webdriver
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from lethe.audit import trail
from lethe.governance.publisher import Publisher
from lethe.register.load import load
from lethe.register.schema import mongodb_ttls, mongodb_validators
from lethe.settings import PORT_OFFSETS, MongoSettings, Paths, Ports, secret
from lethe.stack import fetch
from lethe.stack import mongodb as embedded
from lethe.stack.provision import mongodb as provision
from lethe.stack.provision.mongodb_rights import COLLECTIONS
from lethe.stores import mongodb
from lethe.stores.mongodb import Client, Document
from tests.ports import free_base

PROJECT = Path(__file__).resolve().parents[2]


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    """Poll until the condition is true and give its value; fails after `seconds`, saying what did not come."""
    retrying = Retrying(
        retry=retry_if_result(lambda value: not value), stop=stop_after_delay(seconds), wait=wait_fixed(0.1)
    )
    try:
        return retrying(condition)
    except RetryError:
        raise AssertionError(f"not within {seconds:.0f} s: {what}") from None


def free_dashboard_base() -> int:
    """A base whose ports of MongoDB and the dashboard are free now."""
    return free_base(range(25_000, 28_000, 60), [PORT_OFFSETS[name] for name in ("mongodb", "dashboard")])


def environment(paths: Paths, ports: Ports) -> dict[str, str]:
    """Variables of a process of this home."""
    ours = {"HOME": paths.home, "KEYS_DIR": paths.keys_dir, "PORT_BASE": ports.port_base}
    return {**os.environ, **{f"LETHE_{name}": str(value) for name, value in ours.items()}}


@dataclass
class Mongo:
    """One mongod, provisioned as the stack's own is."""

    paths: Paths
    ports: Ports
    clients: dict[str, Client] = field(default_factory=dict)
    mongod: Path | None = None
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def settings(self) -> MongoSettings:
        return embedded.embedded_settings(self.ports)

    def start(self) -> None:
        if self.mongod is None:  # every file of the cache is checked at each fetch
            self.mongod = fetch.fetch(self.paths, lambda _: None).mongod
        program = embedded.prepare(self.paths, self.ports, self.mongod)
        log = (self.paths.home / "mongod.log").open("ab")
        with log:
            self.process = subprocess.Popen(program.argv, cwd=program.directory, stdout=log, stderr=log)
        embedded.wait_ready(self.paths, self.ports)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=60)
            self.process = None

    def provision(self) -> None:
        register = load()
        schema = provision.Schema(mongodb_validators(register), mongodb_ttls(register))
        provision.provision(self.paths, self.settings, schema, lambda _: None)

    def client(self, role: str) -> Client:
        if role not in self.clients:
            self.clients[role] = mongodb.connect(role, self.paths, self.settings)
        return self.clients[role]

    def db(self, role: str = "admin") -> Database[Document]:
        return mongodb.database(self.client(role), self.settings)

    @contextmanager
    def publishing(self) -> Iterator[None]:
        """With `lethe publish` as the supervisor runs it, only more often."""
        lethe = Path(sys.executable).with_name("lethe")
        log = (self.paths.home / "publisher.log").open("ab")
        with log:
            process = subprocess.Popen(
                [lethe, "publish", "--interval", "0.2"],
                env=environment(self.paths, self.ports),
                stdout=log,
                stderr=log,
            )
        try:
            yield
        finally:
            process.terminate()
            assert process.wait(timeout=60) == 0

    def publish(self, k: int = 10) -> None:
        Publisher(self.client("publisher"), self.db("publisher"), k).publish_once()

    def clear(self) -> None:
        for name in COLLECTIONS:
            if name != "lease":
                self.db()[name].delete_many({})
        trail.seed(self.db())

    def close(self) -> None:
        for client in self.clients.values():
            client.close()
        self.stop()


@dataclass
class Dashboard:
    """The dashboard as the supervisor runs it."""

    paths: Paths
    ports: Ports
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.ports['dashboard']}"

    @property
    def password(self) -> str:
        return secret("dashboard-login", self.paths)

    @property
    def log(self) -> str:
        return (self.paths.home / "dashboard.log").read_text()

    def start(self) -> None:
        variables = environment(self.paths, self.ports) | {"LETHE_DASHBOARD_REFRESH_SECONDS": "0.5"}
        log = (self.paths.home / "dashboard.log").open("ab")
        with log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dashboard.app"], cwd=PROJECT, env=variables, stdout=log, stderr=log
            )
        wait_until(self._answers, "the dashboard's login page")

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/login").status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> int | None:
        """Ask it to end; its exit code."""
        if self.process is None:
            return None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        self.process = None
        return code


def chromium(folder: Path) -> webdriver.Chrome:
    """A headless browser with a profile of its own, which tells what it asks of whom."""
    options = webdriver.ChromeOptions()
    for flag in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        f"--user-data-dir={folder}",
        "--window-size=1400,900",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    service = webdriver.ChromeService(executable_path="/usr/bin/chromedriver")
    return webdriver.Chrome(options=options, service=service)
