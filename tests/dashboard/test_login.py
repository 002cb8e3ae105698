"""Nobody gets in without a login, and a login ends where it is told to."""

import json
import re
from collections.abc import Iterator

import httpx
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from dashboard.app import create_app
from dashboard.data import Source
from lethe.settings import DashboardSettings
from tests.dashboard.page import PAGES, Page, log_in, token_in, visitor
from tests.dashboard.servers import Dashboard, Mongo, wait_until

OPEN = {"/login", "/assets/lethe.css", "/assets/icon.svg"}
CALLBACK = "/_dash-update-component"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@pytest.fixture
def stranger(dashboard: Dashboard) -> Iterator[httpx.Client]:
    with visitor(dashboard) as client:
        yield client


@pytest.fixture
def member(dashboard: Dashboard) -> Iterator[httpx.Client]:
    with visitor(dashboard) as client:
        assert log_in(client, dashboard.password).status_code == 302
        yield client


@pytest.fixture
def routes(mongo: Mongo, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every route that the app knows, Dash's own among them, with something for each variable part."""
    monkeypatch.setenv("LETHE_HOME", str(mongo.paths.home))
    app = create_app(Source(mongo.db("dashboard")), DashboardSettings())
    return sorted({re.sub(r"<[^>]+>", "x", rule.rule) for rule in app.server.url_map.iter_rules()})


def programs(client: httpx.Client) -> list[str]:
    """What the page loads."""
    return re.findall(r'(?:src|href)="(/[^"?]+)', client.get("/").text)


def callback(client: httpx.Client) -> dict[str, object]:
    """A request for figures, as the browser makes it."""
    (found,) = [
        entry for entry in client.get("/_dash-dependencies").json() if "overview-map" in entry["output"]
    ]
    names = re.findall(r"([a-z-]+)\.([a-z]+)(?=\.\.\.|\.\.$)", found["output"])
    return {
        "output": found["output"],
        "outputs": [{"id": name, "property": prop} for name, prop in names],
        "inputs": [{"id": "overview-tick", "property": "n_intervals", "value": 0}],
        "state": [{"id": "overview-shown", "property": "data"}],
        "changedPropIds": [],
    }


def test_without_a_login_no_route_answers_but_the_login_page_and_its_looks(
    stranger: httpx.Client, routes: list[str]
) -> None:
    assert {"/", "/_dash-layout", "/_dash-dependencies", CALLBACK, "/logout"} <= set(routes)
    for path in {*routes, *PAGES, "/nowhere", "/login/", "/assets/lethe.css/"} - OPEN:
        for method in METHODS:
            answer = stranger.request(method, f"{stranger.base_url}".rstrip("/") + path)
            if method == "GET" and path in PAGES:
                assert answer.status_code == 302
                assert answer.headers["location"] == f"/login?next={path}"
            else:
                assert (path, method, answer.status_code) == (path, method, 401)
            assert "dash" not in answer.text.lower()


def test_without_a_login_no_program_and_no_figure_is_given(
    stranger: httpx.Client, member: httpx.Client, mongo: Mongo
) -> None:
    mongo.publish()
    paths = [path for path in programs(member) if path not in OPEN]
    assert any(path.startswith("/_dash-component-suites/") for path in paths)
    for path in [*paths, "/assets/session.js", "/assets/topojson/world_110m.json"]:
        assert member.get(path).status_code == 200
        assert (path, stranger.get(path).status_code) == (path, 401)
    question = callback(member)
    wait_until(lambda: "Stored, not counted" in member.post(CALLBACK, json=question).text, "figures")
    assert stranger.post(CALLBACK, json=question).status_code == 401
    for path in OPEN:
        assert stranger.get(path).status_code == 200


@pytest.mark.parametrize(
    ("user", "password"), [("lethe", "wrong"), ("lethe", ""), ("admin", None), ("", None)]
)
def test_a_wrong_name_or_password_lets_nobody_in(
    stranger: httpx.Client, member: httpx.Client, dashboard: Dashboard, user: str, password: str | None
) -> None:
    """The member's login comes first: it forgets the failures before."""
    answer = log_in(stranger, dashboard.password if password is None else password, user=user)
    assert answer.status_code == 401
    assert "User name or password is wrong." in answer.text
    assert dashboard.password not in answer.text
    assert stranger.get("/_dash-layout").status_code == 401
    assert member.get("/_dash-layout").status_code == 200


def test_after_five_wrong_passwords_everybody_waits_and_who_is_in_stays_in(
    stranger: httpx.Client, member: httpx.Client, dashboard: Dashboard
) -> None:
    for _ in range(5):
        assert log_in(stranger, "wrong").status_code == 401
    answer = log_in(stranger, dashboard.password)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] in ("1", "2")
    assert "Too many wrong passwords. Please wait" in answer.text
    assert member.get("/_dash-layout").status_code == 200
    wait_until(lambda: log_in(stranger, dashboard.password).status_code == 302, "a login after the wait")


def test_the_login_gives_a_cookie_that_scripts_and_other_sites_do_not_get(
    stranger: httpx.Client, dashboard: Dashboard
) -> None:
    answer = log_in(stranger, dashboard.password)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"lethe-{dashboard.ports['dashboard']}=")
    assert {"HttpOnly", "Path=/", "SameSite=Strict"} <= set(cookie.split("; "))
    assert dashboard.password not in cookie


def test_a_login_leads_to_the_page_that_was_asked_for_and_to_no_other_site(
    stranger: httpx.Client, dashboard: Dashboard
) -> None:
    wanted = {"/ages": "/ages", "//evil.example": "/", "https://evil.example/": "/", "/logout": "/", "": "/"}
    for asked, given in wanted.items():
        with visitor(dashboard) as client:
            assert log_in(client, dashboard.password, next=asked).headers["location"] == given
            assert client.get("/login", params={"next": asked}).headers["location"] == given
    assert "evil" not in stranger.get("/login", params={"next": '"><script>evil</script>'}).text


@pytest.mark.parametrize("token", ["", "x" * 43, None])
def test_a_login_form_without_the_sessions_own_token_is_refused(
    stranger: httpx.Client, dashboard: Dashboard, token: str | None
) -> None:
    """None: the token of somebody else's session."""
    if token is None:
        with visitor(dashboard) as other:
            token = token_in(other.get("/login").text)
    answer = log_in(stranger, dashboard.password, form_token=token)
    assert answer.status_code == 400
    assert stranger.get("/_dash-layout").status_code == 401


def test_a_logout_ends_the_session_for_a_copy_of_its_cookie_too(
    member: httpx.Client, dashboard: Dashboard
) -> None:
    (proof,) = re.findall(r'{[^{}]*"form_token"[^{}]*}', member.get("/_dash-layout").text)
    token = json.loads(proof)["value"]
    copy = dict(member.cookies)
    assert member.post("/logout", data={"form_token": "wrong"}).status_code == 400
    assert member.post("/logout").status_code == 400
    assert member.get("/_dash-layout").status_code == 200
    assert member.post("/logout", data={"form_token": token}).headers["location"] == "/login"
    assert member.get("/_dash-layout").status_code == 401
    with visitor(dashboard) as thief:
        thief.cookies.update(copy)
        assert thief.get("/_dash-layout").status_code == 401


def test_every_answer_carries_the_headers_that_narrow_a_browser_down(
    stranger: httpx.Client, member: httpx.Client
) -> None:
    for client, path in (
        *((stranger, path) for path in ("/", "/login", "/nowhere", "/_dash-layout", "/assets/lethe.css")),
        *((member, path) for path in (*PAGES, "/_dash-layout", "/nowhere", *programs(member))),
    ):
        headers = client.get(path).headers
        policy = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
        assert policy["connect-src"] == policy["form-action"] == policy["font-src"] == "'self'"
        assert re.fullmatch(r"'self'( 'sha256-[A-Za-z0-9+/=]+')+", policy["script-src"])
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers or re.fullmatch("[a-z]+", headers["server"])
        if path in PAGES or "layout" in path or path == "/login":
            assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example"])
def test_a_name_that_was_made_to_resolve_here_is_not_answered(
    stranger: httpx.Client, member: httpx.Client, host: str
) -> None:
    """DNS rebinding."""
    assert stranger.get("/login", headers={"host": host}).status_code == 400
    assert member.get("/_dash-layout", headers={"host": host}).status_code == 400


def test_in_the_browser_a_person_gets_in_and_out(browser: Chrome, dashboard: Dashboard, mongo: Mongo) -> None:
    page = Page(browser, dashboard)
    page.log_in("/ages", password="wrong")
    wait_until(lambda: page.texts(".problem") == ["User name or password is wrong."], "the refusal")
    page.log_in("/ages")
    assert page.texts("h1") == ["Average age"]
    browser.find_element(By.LINK_TEXT, "Stream").click()
    wait_until(lambda: page.texts("h1") == ["Stream"], "the page of the stream")
    page.leave()
    browser.back()
    wait_until(lambda: page.path.startswith("/login"), "no way back")


def test_a_page_that_is_open_when_its_session_ends_goes_to_the_login(
    browser: Chrome, dashboard: Dashboard, mongo: Mongo
) -> None:
    page = Page(browser, dashboard).log_in("/stream")
    browser.delete_all_cookies()
    wait_until(lambda: page.path == "/login?next=%2Fstream", "the login page")
