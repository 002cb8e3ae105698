"""A store that is down is a state of the page, and passes by itself."""

from selenium.webdriver import Chrome

from tests.dashboard.page import PAGES, Page, log_in, visitor
from tests.dashboard.people import People
from tests.dashboard.servers import Dashboard, Mongo, wait_until


def test_while_the_store_is_down_the_page_says_so_and_recovers_by_itself(
    browser: Chrome, dashboard: Dashboard, mongo: Mongo
) -> None:
    people = People(mongo)
    people.send(*people.join("NL", 40))
    people.health.say(state="running", lag=0)
    page = Page(browser, dashboard).enter("/")
    with mongo.publishing():
        before = wait_until(lambda: page.rows("figures"), "the figures")
        mongo.stop()
        try:
            banner = wait_until(lambda: page.texts(".banner"), "word that the store is down")[0]
            assert banner.startswith("Not up to date. The store does not answer. You see what was known at ")
            assert page.rows("figures") == before
            no_trace_of_a_stack(dashboard)
            for path in PAGES:
                page.go(path)
                wait_until(lambda: page.texts(".banner") == [banner], f"the same word on {path}")
            assert page.texts("#stream-state .badge") == []
            page.go("/")
        finally:
            mongo.start()
        wait_until(lambda: page.rows("figures") and not page.texts(".banner"), "figures without a banner")
        people.send(*people.join("NL", 30))
        # One transaction a partition: the publisher may look between them, and then waits with the rest.
        wait_until(
            lambda: page.rows("figures")[0][2] in ("60", "70"), "figures that follow again", seconds=60
        )
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def no_trace_of_a_stack(dashboard: Dashboard) -> None:
    """Every page answers as always, and the log holds one line of the outage."""
    with visitor(dashboard) as client:
        assert log_in(client, dashboard.password).status_code == 302
        for path in PAGES:
            answer = client.get(path)
            assert answer.status_code == 200
            assert "Traceback" not in answer.text
    assert "traceback" not in dashboard.log
    assert dashboard.log.count("the store does not answer") == 1


def test_a_page_outlives_its_dashboard_and_the_dashboard_starts_without_its_store(
    browser: Chrome, dashboard: Dashboard, mongo: Mongo
) -> None:
    page = Page(browser, dashboard).enter("/ages")
    assert page.style("#lost", "display") == "none"
    assert dashboard.stop() == 0
    mongo.stop()
    try:
        wait_until(lambda: page.style("#lost", "display") == "block", "word that the dashboard is gone")
        assert "The dashboard does not answer. Trying again…" in page.text
        dashboard.start()
        # Who was logged in is known by the process that is gone: the page asks for a login, and comes back to it.
        wait_until(lambda: page.path == "/login?next=%2Fages", "the login page")
        page.enter("/ages")
        banner = "Not up to date. The store does not answer. What it holds comes as soon as it does."
        wait_until(lambda: page.texts(".banner") == [banner], "what is missing, and what comes")
        for path in PAGES:
            page.go(path)
            wait_until(
                lambda: page.texts("h2") and "Nothing known yet" in page.texts("h2"), f"nothing of {path}"
            )
            assert "No figures yet" not in page.text
            assert "No stream yet" not in page.text
    finally:
        if dashboard.process is None:
            dashboard.start()
        mongo.start()
    wait_until(lambda: not page.texts(".banner") and "No stream yet" in page.text, "the empty state")


def test_an_error_of_the_dashboards_own_is_told_and_shows_no_trace(
    browser: Chrome, dashboard: Dashboard, mongo: Mongo
) -> None:
    status = mongo.db().published_status
    status.insert_one({"_id": "publication"})  # not what the publisher writes
    page = Page(browser, dashboard).enter("/")
    wait_until(lambda: "The dashboard does not answer. Trying again…" in page.text, "word of the error")
    assert "Traceback" not in browser.page_source
    assert "KeyError" not in browser.page_source
    status.delete_many({})
    wait_until(lambda: "No figures yet" in page.text and "Trying again" not in page.text, "the page again")
