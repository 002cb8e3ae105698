"""No request to the dashboard gets anything about a person: every route and callback, over a store full of canaries."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from dash import Dash
from flask.testing import FlaskClient

from dashboard.app import PAGES, create_app
from dashboard.data import Source
from lethe.governance.publisher import ALL, PUBLICATION
from lethe.settings import DashboardSettings, Paths, secret
from lethe.stack import credentials
from lethe.stream.health import DRIVER, TOTALS

CANARY = "canary-5f2b9e0c"
MAY_READ = {"published_status", "published_users_by_nationality", "published_average_age", "stream_health"}
CALLBACK = "/_dash-update-component"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# What stands in every document beside what the dashboard shows.
PERSONAL = {"subject_id": CANARY, "payload": CANARY, "line": CANARY, "names": [CANARY]}


class Collection:
    """As much of a collection as the dashboard asks."""

    def __init__(self, documents: list[dict[str, Any]]) -> None:
        self.documents = documents

    def find_one(self, wanted: dict[str, Any], **_: Any) -> dict[str, Any] | None:
        return next((doc for doc in self.documents if doc["_id"] == wanted["_id"]), None)

    def find(self, wanted: dict[str, Any] | None = None, **_: Any) -> "Collection":
        return Collection([doc for doc in self.documents if not wanted or "batch_id" in doc])

    def sort(self, *_: Any) -> "Collection":
        return self

    def limit(self, _: int) -> "Collection":
        return self

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.documents)


class Store:
    """A database that notes which collections it is asked for; all hold canaries."""

    def __init__(self) -> None:
        self.asked: set[str] = set()
        batch = {"_id": "1:7", "batch_id": 7, "lease": 1, "at": NOW, "duration_ms": 5, "rows_per_second": 9.0}
        batch |= dict.fromkeys(("rows_in", "stored", "superseded", "suppressed", "not_counted"), 3)
        batch["quarantined"] = {"not_json": 1}
        driver = {"_id": DRIVER, "state": "running", "number": 1, "host": "here", "started_at": NOW}
        driver |= {"heartbeat_at": NOW, "lag": 0, "last_error": None}
        status = {
            "_id": PUBLICATION,
            "smallest_group": 10,
            "not_counted": 20,
            "published_at": NOW,
            "checked_at": NOW,
        }
        self.held = {
            "published_status": [status],
            "published_users_by_nationality": [{"_id": "NL", "users": 40, "average_age": 33.3}],
            "published_average_age": [{"_id": ALL, "users": 40, "average_age": 33.3}],
            "stream_health": [driver, {"_id": TOTALS, "rows_in": 9, "quarantined": {"not_json": 1}}, batch],
        }

    @property
    def client(self) -> "Store":
        return self

    @contextmanager
    def start_session(self, **_: Any) -> Iterator[None]:
        yield None

    def __getattr__(self, name: str) -> Collection:
        self.asked.add(name)
        return Collection([doc | PERSONAL for doc in self.held.get(name, [{"_id": DRIVER}])])


@pytest.fixture(autouse=True)
def installation(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LETHE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LETHE_KEYS_DIR", str(tmp_path / "keys"))
    credentials.create(Paths())


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def app(store: Store) -> Dash:
    return create_app(Source(cast(Any, store)))


def log_in(app: Dash, base: str = "http://localhost") -> FlaskClient:
    client: FlaskClient = app.server.test_client()
    page = client.get("/login", base_url=base).text
    token = page.split('name="form_token" value="')[1].split('"')[0]
    form = {"user": "lethe", "password": secret("dashboard-login"), "form_token": token}
    assert client.post("/login", data=form, base_url=base).status_code == 302
    return client


def questions(app: Dash) -> list[dict[str, Any]]:
    """Each callback as a browser asks it, and with what no browser would send."""
    hostile = (None, 0, "/", "contributions", "typed", "../../", {"$ne": None}, ["x"] * 200)
    found = []
    for output, callback in app.callback_map.items():
        outputs = [
            dict(zip(("id", "property"), part.rsplit(".", 1), strict=True))
            for part in output.strip(".").split("...")
        ]
        for value in hostile:
            parts = {
                kind: [{**each, "value": value} for each in callback[kind]] for kind in ("inputs", "state")
            }
            several = output.startswith("..")
            asked = {"output": output, "outputs": outputs if several else outputs[0], "changedPropIds": []}
            found.append(asked | parts)
    return found


def rules(app: Dash) -> list[str]:
    """Every route, with its blanks filled."""
    return sorted(
        {
            str(rule).replace("<path:path>", "contributions").replace("<path:filename>", "../data.py")
            for rule in app.server.url_map.iter_rules()
        }
    )


def test_no_route_and_no_callback_tells_of_a_person(app: Dash, store: Store) -> None:
    client = log_in(app)
    answers = [
        client.open(path, method=method)
        for path in [*rules(app), *PAGES, "/contributions", "/assets/../data.py"]
        for method in METHODS
        if path != "/logout"
    ]
    asked = questions(app)
    assert len({question["output"] for question in asked}) == len(app.callback_map) >= 4
    answered = [client.post(CALLBACK, json=question) for question in asked]
    assert any("Nationalities shown" in answer.text for answer in answered), (
        "the figures were there to be told"
    )
    for answer in [*answers, *answered]:
        assert CANARY.encode() not in answer.data
        assert b"Traceback" not in answer.data
    assert {answer.status_code for answer in answered} <= {200, 204}
    assert store.asked == MAY_READ


def test_without_a_login_no_callback_reaches_the_store(app: Dash, store: Store) -> None:
    stranger = app.server.test_client()
    assert {stranger.post(CALLBACK, json=question).status_code for question in questions(app)} == {401}
    assert store.asked == set()


def test_every_answer_forbids_framing_sniffing_other_hosts_and_keeping(app: Dash) -> None:
    client = log_in(app)
    for path in [*rules(app), *PAGES, "/nowhere"]:
        for who in (client, app.server.test_client()):
            headers = who.get(path).headers
            policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
            assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
            assert "unsafe-inline" not in policy["script-src"]
            assert "unsafe-eval" not in policy["script-src"]
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["X-Frame-Options"] == "DENY"
            assert headers["Referrer-Policy"] == "no-referrer"
            if not path.startswith(("/_dash-component-suites/", "/assets/")):
                assert headers["Cache-Control"] == "no-store"


def test_with_https_the_cookie_is_for_https_alone(store: Store) -> None:
    app = create_app(Source(cast(Any, store)), DashboardSettings(url="https://127.0.0.1"))
    client = log_in(app, "https://127.0.0.1")
    cookie = client.get_cookie("__Host-lethe", domain="127.0.0.1")
    assert cookie is not None
    assert (cookie.secure, cookie.http_only, cookie.same_site, cookie.path) == (True, True, "Strict", "/")
    headers = client.get("/", base_url="https://127.0.0.1").headers
    assert headers["Strict-Transport-Security"] == "max-age=31536000"
