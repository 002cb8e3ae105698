"""Everybody can use it: on a phone, by keyboard, by a screen reader, with weak eyes; and it talks to nobody else."""

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from dashboard.components import charts
from tests.dashboard.colours import contrast, faint_texts
from tests.dashboard.page import PAGES, Page
from tests.dashboard.people import WORLD, People
from tests.dashboard.servers import Dashboard, Mongo, wait_until

CHARTS = {
    "/": ("overview-bars", "overview-map"),
    "/ages": ("ages-dots",),
    "/stream": ("stream-speed", "quarantine-bars"),
}
TABLES = {"overview-bars": "figures", "overview-map": "figures", "ages-dots": "ages-figures"}
TABLES |= {"stream-speed": "batches", "quarantine-bars": "quarantine"}
LONG = {"GS": 12, "VC": 17, "SH": 25, "CD": 11}  # the longest names of countries


@pytest.fixture(scope="module")
def opened(chrome: Chrome, dashboard: Dashboard, running: Mongo) -> Page:
    """Logged in, with something on every page."""
    running.clear()
    people = People(running)
    people.world(WORLD | LONG)
    people.take([people.message(b"{", None) for _ in range(3)])
    people.health.starting()
    people.health.say(state="running", lag=12)
    running.publish()
    for log in ("performance", "browser"):
        chrome.get_log(log)
    return Page(chrome, dashboard).enter("/")


@pytest.fixture
def page(opened: Page) -> Iterator[Page]:
    yield opened
    opened.scheme("light")
    opened.resize(1400)


def show(page: Page, path: str) -> None:
    """Go to a page and wait until its charts are drawn."""
    page.go(path)
    for chart in CHARTS[path]:
        page.trace(chart)


def test_the_browser_talks_to_no_other_host_and_complains_of_nothing(page: Page) -> None:
    for path in PAGES:
        show(page, path)
    asked = [url for url in requests(page) if url.scheme not in ("data", "blob")]
    hosts = {(url.scheme, url.netloc) for url in asked}
    assert hosts == {("http", f"127.0.0.1:{page.dashboard.ports['dashboard']}")}
    assert "/assets/topojson/world_110m.json" in {url.path for url in asked}
    assert [entry["message"] for entry in page.browser.get_log("browser")] == []


def requests(page: Page) -> list:  # type: ignore[type-arg]
    """Every URL that the browser has asked for, web sockets too."""
    events = [json.loads(entry["message"])["message"] for entry in page.browser.get_log("performance")]
    urls = [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]
    urls += [event["params"]["url"] for event in events if event["method"] == "Network.webSocketCreated"]
    return [urlsplit(url) for url in urls if not url.startswith(("chrome:", "about:"))]


def test_on_a_phone_no_page_is_wider_than_the_screen(page: Page) -> None:
    page.resize(390, 844)
    for path in PAGES:
        show(page, path)
        page.browser.execute_script("document.querySelectorAll('details').forEach((e) => (e.open = true))")
        wait_until(lambda: width(page) == 390, f"charts of {path} that have shrunk to the screen")
        for chart in CHARTS[path]:
            box = page.browser.find_element(By.ID, chart).rect
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390
            assert box["height"] >= 120


def width(page: Page) -> int:
    return int(page.browser.execute_script("return document.documentElement.scrollWidth"))


def test_charts_keep_to_their_cards_when_the_window_changes(page: Page) -> None:
    overflow = """
    return Array.from(document.querySelectorAll(".card svg.main-svg")).filter((svg) => svg.checkVisibility()).every(
        (svg) => { const a = svg.getBoundingClientRect(), b = svg.closest(".card").getBoundingClientRect();
                   return a.left >= b.left && a.right <= b.right && a.top >= b.top && a.bottom <= b.bottom + 1 })"""
    for path in ("/", "/ages", "/stream"):
        show(page, path)
        for size in (700, 1400):
            page.resize(size)
            wait_until(lambda: page.browser.execute_script(overflow), f"charts of {path} within their cards")


def test_the_keyboard_reaches_everything_and_shows_where_it_is(page: Page) -> None:
    for path in PAGES:
        page.open(path)  # so that nothing has the focus
        page.trace(CHARTS[path][0])
        reached = []
        for _ in range(12):
            ActionChains(page.browser).send_keys(Keys.TAB).perform()
            focused = page.browser.switch_to.active_element
            if focused.tag_name == "body":
                break
            reached.append(focused.text or focused.get_attribute("aria-label"))
            assert float(focused.value_of_css_property("outline-width").removesuffix("px")) >= 2
            assert focused.value_of_css_property("outline-style") != "none"
            outline = focused.value_of_css_property("outline-color")
            assert contrast(outline, page.style("body", "background-color")) >= 3
        assert reached[:4] == ["Users", "Ages", "Stream", "Sign out"]
        assert "As a table" in reached
    summary = page.browser.find_element(By.TAG_NAME, "summary")
    summary.send_keys(Keys.ENTER)
    assert page.browser.execute_script("return document.querySelector('details').open")


def test_every_text_stands_out_from_what_is_behind_it_in_light_and_dark(page: Page) -> None:
    for path in PAGES:
        show(page, path)
        page.browser.execute_script("document.querySelectorAll('details').forEach((e) => (e.open = true))")
        for scheme in ("dark", "light"):
            page.scheme(scheme)
            assert (path, scheme, faint_texts(page)) == (path, scheme, [])
            card = page.style(".card", "background-color")
            for colour in (charts.BLUE, charts.ORANGE, charts.GREY):
                assert contrast(colour, card) >= 3


def test_a_screen_reader_gets_every_chart_as_a_table(page: Page) -> None:
    for path in PAGES:
        show(page, path)
        for chart in CHARTS[path]:
            picture = page.browser.find_element(By.CSS_SELECTOR, f"[role=img]:has(#{chart})")
            assert "as a table" in picture.get_attribute("aria-label")
            drawn = page.trace(chart)
            assert len(page.rows(TABLES[chart])) >= len(drawn["y"] or drawn["locations"])
        for table in {TABLES[chart] for chart in CHARTS[path]}:
            region = page.browser.find_element(By.ID, table)
            assert region.get_attribute("role") == "region"
            assert region.get_attribute("aria-label")
            heads = page.browser.execute_script(
                "return Array.from(arguments[0].querySelectorAll('th')).every((e) => e.scope)", region
            )
            assert heads


def test_a_page_says_what_it_is_and_in_which_order(page: Page) -> None:
    script = "return Array.from(document.querySelectorAll('h1, h2, h3')).map((e) => e.tagName)"
    for path, title in zip(PAGES, ("Users · Lethe", "Ages · Lethe", "Stream · Lethe"), strict=True):
        show(page, path)
        wait_until(lambda title=title: page.browser.title == title, f"the title {title}")
        assert page.browser.execute_script("return document.documentElement.lang") == "en"
        headings = page.browser.execute_script(script)
        assert headings[0] == "H1"
        assert set(headings[1:]) == {"H2"}
        for landmark in ("header", "nav[aria-label]", "main"):
            assert len(page.browser.find_elements(By.CSS_SELECTOR, landmark)) == 1
        assert page.texts("[aria-current=page]") == [title.split(" ")[0]]
        nameless = "return document.querySelectorAll('button:empty, a:empty, img:not([alt])').length"
        assert page.browser.execute_script(nameless) == 0


def test_the_login_page_is_for_everybody_too(page: Page) -> None:
    """The last of this module: it leaves."""
    page.leave()
    fields = page.browser.find_elements(By.CSS_SELECTOR, "input:not([type=hidden])")
    assert [field.accessible_name for field in fields] == ["User", "Password"]
    assert page.browser.switch_to.active_element.get_attribute("id") == "password"
    for scheme in ("dark", "light"):
        page.scheme(scheme)
        assert faint_texts(page) == []
        for field in ("#user", "#password"):
            assert (
                contrast(page.style(field, "border-top-color"), page.style("form", "background-color")) >= 3
            )
    page.resize(390, 844)
    wait_until(lambda: width(page) == 390, "a page as narrow as the screen")
