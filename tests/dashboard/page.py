"""What a person sees and does in the browser, and what a program sends without one."""

import re
from dataclasses import dataclass
from typing import Any

import httpx
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.dashboard.servers import Dashboard, wait_until

PAGES = ("/", "/ages", "/stream")

# What tells of one chart: rows of its first trace, once plotly has drawn it.
TRACE = """
const graph = document.querySelector(`#${arguments[0]} .js-plotly-plot`);
if (!graph || !graph.data || !graph.data.length || !graph.querySelector("svg")) return null;
const trace = graph.data[0];
return Object.fromEntries(["x", "y", "z", "locations", "text", "customdata"].map(
    (name) => [name, trace[name] ? Array.from(trace[name]) : null]));
"""
TEXTS = "return Array.from(document.querySelectorAll(arguments[0])).map((e) => e.textContent)"
TILES = """
return Array.from(document.querySelectorAll(".tile")).map(
    (tile) => Array.from(tile.children).map((part) => part.textContent))
"""
ROWS = """
const table = document.querySelector(`#${arguments[0]} table`);
return table && Array.from(table.tBodies[0].rows).map((row) => Array.from(row.cells).map((c) => c.textContent))
"""


@dataclass
class Page:
    """The dashboard in a browser."""

    browser: Chrome
    dashboard: Dashboard

    def open(self, path: str = "/") -> "Page":
        self.browser.get(self.dashboard.url + path)
        return self

    def enter(self, path: str = "/") -> "Page":
        """With the cookie of a login that was made without the browser."""
        with visitor(self.dashboard) as client:
            log_in(client, self.dashboard.password)
            for name, value in client.cookies.items():
                cookie = {"name": name, "value": value, "url": self.dashboard.url, "httpOnly": True}
                self.browser.execute_cdp_cmd("Network.setCookie", cookie)
        self.open(path)
        wait_until(lambda: self.texts("h1"), f"the page {path}")
        return self

    def go(self, path: str) -> None:
        """By the page's own way to another page."""
        way = wait_until(
            lambda: self.browser.find_elements(By.CSS_SELECTOR, f"nav a[href='{path}']"), f"the way to {path}"
        )
        way[0].click()
        wait_until(lambda: self.path == path, f"the page {path}")

    def log_in(self, path: str = "/", password: str | None = None) -> "Page":
        """As a person does: type, and press Enter."""
        self.open(path)
        field = self.browser.find_element(By.ID, "password")
        field.send_keys(password or self.dashboard.password, Keys.ENTER)
        if password is None:
            wait_until(lambda: self.texts("h1") and self.path == path, f"the page {path} after the login")
        return self

    def leave(self) -> None:
        self.browser.find_element(By.ID, "leave").click()
        wait_until(lambda: self.path.split("?")[0] == "/login", "the login page")

    @property
    def path(self) -> str:
        return self.browser.current_url.removeprefix(self.dashboard.url)

    @property
    def text(self) -> str:
        """What can be seen."""
        return str(self.browser.find_element(By.TAG_NAME, "body").text)

    def texts(self, selector: str) -> list[str]:
        return list(self.browser.execute_script(TEXTS, selector))

    def tiles(self) -> dict[str, tuple[str, str]]:
        """Label -> value, note."""
        found = self.browser.execute_script(TILES)
        return {label: (value, note[0] if note else "") for label, value, *note in found}

    def rows(self, table: str) -> list[list[str]]:
        """A table's body, folded in or not; nothing where there is no such table."""
        return self.browser.execute_script(ROWS, table) or []

    def trace(self, chart: str) -> dict[str, Any]:
        """What a chart shows; waits until it is drawn."""
        found: dict[str, Any] = wait_until(
            lambda: self.browser.execute_script(TRACE, chart), f"the chart {chart}"
        )
        return found

    def style(self, selector: str, name: str) -> str:
        return str(self.browser.find_element(By.CSS_SELECTOR, selector).value_of_css_property(name))

    def resize(self, width: int, height: int = 900) -> None:
        """To a screen of this many CSS pixels."""
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)

    def scheme(self, name: str) -> None:
        """`light` or `dark`, as a system asks for."""
        wish = [{"name": "prefers-color-scheme", "value": name}]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": wish})


def token_in(html: str) -> str:
    """The form's token on a page."""
    found = re.search(r'name="form_token" value="([^"]+)"', html)
    assert found, "no form with a token"
    return found[1]


def visitor(dashboard: Dashboard) -> httpx.Client:
    """A client that is not logged in and follows no redirect."""
    return httpx.Client(base_url=dashboard.url, timeout=30)


def log_in(client: httpx.Client, password: str, **fields: str) -> httpx.Response:
    """Send the login form as a browser would."""
    token = token_in(client.get("/login").text)
    form = {"user": "lethe", "password": password, "form_token": token, "next": "/", **fields}
    return client.post("/login", data=form)
