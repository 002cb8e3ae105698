"""The page of the stream: what the driver says of itself, and what a hostile word in it can't do."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from selenium.webdriver import Chrome

from dashboard.data import Source
from dashboard.pages.stream import verdict
from lethe.stream.health import DRIVER, TOTALS, Counts
from tests.dashboard.page import Page
from tests.dashboard.people import People
from tests.dashboard.servers import Dashboard, Mongo, wait_until

HOSTILE = '<img src=x onerror="window.hit=1"><b>bold</b><a href="javascript:hit=1">x</a>&lt;i&gt;'


@pytest.fixture
def page(browser: Chrome, dashboard: Dashboard) -> Page:
    return Page(browser, dashboard)


@pytest.fixture
def people(mongo: Mongo) -> People:
    made = People(mongo)
    made.health.starting()
    return made


def driver(mongo: Mongo, **fields: Any) -> None:
    """Set what the driver said last."""
    mongo.db().stream_health.update_one({"_id": DRIVER}, {"$set": fields})


def badge(page: Page) -> str:
    return "".join(page.texts("#stream-state .badge"))


def test_the_page_tells_lag_speed_the_last_batch_and_quarantine_by_reason(page: Page, people: People) -> None:
    good = [
        people.profile(person) for person in (*people.join("NL", 9), *people.join("FR", 3, consents=False))
    ]
    late = people.profile(next(iter(people.everybody.values())), event_time="2026-01-01T00:00:00Z")
    person = people.join("DE", 1)[0]
    bad = [
        people.message(b"{", person.user_id),
        people.message(b"[]", person.user_id),
        people.message(b"{", None),
        people.profile(person, email="nobody"),
        people.profile(person, nat="<b>"),
    ]
    people.take([*good, late, *bad], seconds=4)
    people.health.say(state="running", lag=1_234)
    page.enter("/stream")
    wait_until(lambda: badge(page) == "running", "a running stream")
    tiles = page.tiles()
    assert tiles["Lag"] == ("1,234", "messages not yet read")
    assert tiles["Messages so far"] == ("18", "5 in quarantine")
    assert tiles["Last batch"][1] == f"batch {people.lease.number}:0"
    assert page.rows("quarantine") == [
        ["Not JSON", "2"],
        ["E-mail not valid", "1"],
        ["Nationality not ISO 3166-1", "1"],
        ["Not a JSON object", "1"],
    ]
    bars = page.trace("quarantine-bars")
    assert dict(zip(bars["y"], bars["x"], strict=True)) == {r: int(n) for r, n in page.rows("quarantine")}
    assert people.model.quarantine_by_reason() == {
        "not_json": 2,
        "not_an_object": 1,
        "bad_email": 1,
        "bad_nationality": 1,
    }
    held = people.mongo.db().stream_health.find_one({"batch_id": 0})
    assert held is not None
    (row,) = page.rows("batches")
    assert row[0] == f"{people.lease.number}:0"
    assert row[1] == f"{held['at']:%H:%M:%S}"
    assert row[2:8] == ["18", "12", "3", "1", "0", "5"]
    assert row[8] == f"{held['duration_ms'] / 1000:.1f}"
    assert row[9] == tiles["Speed"][0] == f"{round(held['rows_per_second']):,}"
    assert [round(y) for y in page.trace("stream-speed")["y"]] == [round(held["rows_per_second"])]


def test_how_long_a_withdrawal_takes_is_told(page: Page, people: People) -> None:
    people.send(*people.join("NL", 3))
    said = Counts(rows_in=2, consents=2, withdrawals=2, withdrawal_ms=3_000, slowest_withdrawal_ms=2_000)
    people.health.batch(99, said, {}, datetime.now(UTC), lag=0)
    page.enter("/stream")
    wait_until(lambda: page.tiles().get("Withdrawals"), "the time that withdrawals took")
    assert page.tiles()["Withdrawals"] == ("1.5 s", "until in effect, on average of 2")


def test_the_latest_batch_comes_first_and_comes_by_itself(page: Page, people: People) -> None:
    page.enter("/stream")
    wait_until(lambda: badge(page) == "starting", "a driver that starts")
    for expected in range(1, 4):
        people.send(*people.join("NL", 1))
        names = [f"{people.lease.number}:{n}" for n in reversed(range(expected))]
        wait_until(lambda names=names: [row[0] for row in page.rows("batches")] == names, f"{names}")
    assert page.texts("#stream-none-refused") == ["No message was refused."]
    assert page.style("#stream-refused", "display") == "none"


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("state", "beat_seconds_ago", "lag", "told"),
    [
        ("running", 0, 5, ("running", "good")),
        ("running", 0, 0, ("running, idle", "good")),
        ("running", 60, 5, ("no heartbeat", "bad")),
        ("starting", 0, None, ("starting", "warning")),
        ("stopped", 60, 0, ("stopped", "warning")),
        ("failed", 60, None, ("failed", "bad")),
    ],
)
def test_a_driver_is_called_what_it_is(
    mongo: Mongo, state: str, beat_seconds_ago: int, lag: int | None, told: tuple[str, str]
) -> None:
    """Read as the dashboard reads it, but without a browser: six states would take it a minute."""
    now = datetime.now(UTC)
    driver(mongo, state=state, heartbeat_at=now - timedelta(seconds=beat_seconds_ago), lag=lag)
    reading = Source(mongo.db("dashboard")).read()
    assert reading.stream is not None
    assert verdict(reading.stream, now) == told


def test_a_driver_that_failed_says_so_and_with_which_error(page: Page, people: People) -> None:
    people.health.say(state="failed", last_error="StoreError")
    page.enter("/stream")
    wait_until(lambda: badge(page) == "failed", "a failed stream")
    assert page.tiles()["Last error"][0] == "StoreError"
    assert page.tiles()["Lag"][0] == "–"


def test_a_word_in_the_data_is_never_markup(page: Page, mongo: Mongo, people: People) -> None:
    people.send(*people.join("NL", 30))
    mongo.publish()
    db = mongo.db()
    db.stream_health.update_one({"_id": TOTALS}, {"$set": {"quarantined": {HOSTILE: 3}}})
    driver(mongo, last_error=HOSTILE, host=HOSTILE, state="running")
    figure = {"users": 40, "average_age": 33.3, "published_at": datetime.now(UTC)}
    db.published_users_by_nationality.insert_one({"_id": HOSTILE, **figure})
    page.enter("/stream")
    wait_until(lambda: page.rows("quarantine") == [[HOSTILE, "3"]], "the reason as it is")
    assert page.tiles()["Last error"][0] == HOSTILE
    assert any(text.startswith("<img src=x onerror=") for text in drawn(page, "quarantine-bars"))
    for path, table, chart in (("/", "figures", "overview-bars"), ("/ages", "ages-figures", "ages-dots")):
        page.go(path)
        wait_until(lambda table=table: HOSTILE in [row[0] for row in page.rows(table)], "the name as it is")
        assert any(text.startswith("<img src=x onerror=") for text in drawn(page, chart))
        hover(page, chart)
    assert page.browser.execute_script("return window.hit") is None
    found = page.browser.execute_script("return document.querySelectorAll('main img, main b, main a').length")
    assert found == 0
    assert page.browser.get_log("browser") == []


def drawn(page: Page, chart: str) -> list[str]:
    """The texts of a chart, with no link and nothing bold among them."""
    page.trace(chart)
    texts = f"#{chart} svg text"
    wait_until(lambda: page.texts(texts), "the chart's texts")
    assert page.browser.execute_script(f"return document.querySelectorAll('#{chart} svg a').length") == 0
    bold = "return Array.from(document.querySelectorAll(arguments[0])).filter((e) => e.style.fontWeight == 'bold')"
    assert page.browser.execute_script(bold, f"{texts} tspan") == []
    return page.texts(texts)


def hover(page: Page, chart: str) -> None:
    """Have the chart tell of the hostile point."""
    script = """
    const graph = document.querySelector(`#${arguments[0]} .js-plotly-plot`);
    const point = graph.data[0].y.findIndex((name) => name.includes("onerror"));
    window.Plotly.Fx.hover(graph, [{curveNumber: 0, pointNumber: point}]);"""
    page.browser.execute_script(script, chart)
    told = f"#{chart} .hovertext text"
    wait_until(lambda: any("<img src=x onerror=" in text for text in page.texts(told)), "the hover's text")
