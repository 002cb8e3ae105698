"""MongoDB, the dashboard and a browser, once for all tests here; each test begins with empty collections."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver

from lethe.settings import Paths, Ports
from lethe.stack import credentials
from tests.dashboard.servers import Dashboard, Mongo, chromium, free_dashboard_base


@pytest.fixture(scope="session")
def home() -> Iterator[tuple[Paths, Ports]]:
    """A home of their own, with every credential."""
    folder = Path(tempfile.mkdtemp(prefix="lethe-dashboard-"))
    paths = Paths(home=folder / "home", keys_dir=folder / "keys", secrets_dir=None)
    credentials.create(paths)
    yield paths, Ports(port_base=int(os.environ.get("LETHE_PORT_BASE") or free_dashboard_base()))
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def running(home: tuple[Paths, Ports]) -> Iterator[Mongo]:
    server = Mongo(*home)
    try:
        server.start()
        server.provision()
        yield server
    finally:
        server.close()


@pytest.fixture
def mongo(running: Mongo) -> Mongo:
    running.clear()
    return running


@pytest.fixture(scope="session")
def dashboard(running: Mongo) -> Iterator[Dashboard]:
    server = Dashboard(running.paths, running.ports)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def chrome() -> Iterator[webdriver.Chrome]:
    with tempfile.TemporaryDirectory(prefix="lethe-chromium-", ignore_cleanup_errors=True) as folder:
        driver = chromium(Path(folder))
        try:
            yield driver
        finally:
            driver.quit()


@pytest.fixture
def browser(chrome: webdriver.Chrome, dashboard: Dashboard) -> webdriver.Chrome:
    """The browser, logged out and with nothing in its logs."""
    chrome.get(f"{dashboard.url}/login")
    chrome.delete_all_cookies()
    chrome.get("about:blank")
    chrome.get_log("performance")
    chrome.get_log("browser")
    return chrome
