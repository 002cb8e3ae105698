"""The numbers on the page are those that the oracle expects, by the rules of publication."""

import pytest
from selenium.webdriver import Chrome

from lethe.profiles.countries import countries
from tests.dashboard.page import Page
from tests.dashboard.people import WORLD, People
from tests.dashboard.servers import Dashboard, Mongo, wait_until
from tests.dashboard.slow_publisher import OTHER, SlowPublisher
from tests.model import Model


@pytest.fixture
def page(browser: Chrome, dashboard: Dashboard) -> Page:
    return Page(browser, dashboard)


def label(name: str) -> str:
    return "Other" if name == OTHER else countries()[name].name


def expected_rows(slow: SlowPublisher) -> list[list[str]]:
    """The table: name, users, average age; the largest first, the rest last."""
    ordered = sorted(slow.standing, key=lambda shown: (shown.name == OTHER, -shown.users, shown.name))
    return [[label(shown.name), f"{shown.users:,}", f"{shown.average_age:.1f}"] for shown in ordered]


def rows(page: Page) -> list[list[str]]:
    return [[name, users, age] for name, _, users, age in page.rows("figures")]


def expected_tiles(slow: SlowPublisher, model: Model) -> dict[str, str]:
    users, average_age = slow.total()
    not_counted = slow.count("not counted", model.not_counted())
    return {
        "Users": f"{users:,}",
        "Average age": f"{average_age:.1f}",
        "Nationalities shown": str(sum(shown.name != OTHER for shown in slow.standing)),
        "Stored, not counted": "fewer than 10" if not_counted is None else f"{not_counted:,}",
    }


def tiles(page: Page) -> dict[str, str]:
    return {name: value for name, (value, _) in page.tiles().items()}


def test_the_page_shows_what_the_oracle_expects_and_follows_by_itself(page: Page, mongo: Mongo) -> None:
    people, slow = People(mongo), SlowPublisher()
    people.world()
    slow.look(people.model.contributions())
    slow.publish()
    mongo.publish()
    page.log_in("/")
    wait_until(
        lambda: rows(page) == expected_rows(slow), f"the figures {expected_rows(slow)}, not {rows(page)}"
    )
    assert tiles(page) == expected_tiles(slow, people.model)
    assert len(slow.standing) == sum(number >= 10 for number in WORLD.values()) + 1
    see_charts(page, slow)

    change(people, slow)
    slow.publish()
    mongo.publish()
    wait_until(lambda: rows(page) == expected_rows(slow), "the next figures, without a reload")
    assert tiles(page) == expected_tiles(slow, people.model)
    see_charts(page, slow)


def change(people: People, slow: SlowPublisher) -> None:
    """Many join, some of one country withdraw, move to another, are erased; few of another do."""
    living = list(people.everybody.values())
    people.send(*people.join("NL", 63), *people.join("IS", 8), *people.join("NZ", 4))
    slow.look(people.model.contributions())
    germans = [person for person in living if person.nat == "DE" and person.consents]
    for person in germans[:17]:
        person.nat = "EE"
    for person in germans[17:40]:
        person.consents = False
    spaniards = [person for person in living if person.nat == "ES"][:9]
    for person in spaniards:
        person.gender = "male"
    people.send(*germans[:40], *spaniards)
    slow.look(people.model.contributions())
    for person in [person for person in living if person.nat in ("ZA", "PL")][:30]:
        people.erase(person)
    slow.look(people.model.contributions())


def see_charts(page: Page, slow: SlowPublisher) -> None:
    """Bars and map draw the same figures as the table; nothing of who is in `other` is on the map."""
    bars = page.trace("overview-bars")
    wanted = [[name, int(users.replace(",", ""))] for name, users, _ in expected_rows(slow)]
    assert [list(bar) for bar in zip(bars["y"], bars["x"], strict=True)] == wanted
    world = page.trace("overview-map")
    shown = {shown.name: shown.users for shown in slow.standing if shown.name != OTHER}
    assert len(world["locations"]) == len(shown)
    drawn = {name: int(users.replace(",", "")) for name, users, _ in world["customdata"]}
    assert drawn == {label(code): users for code, users in shown.items()}
    assert [round(10**z) for z in world["z"]] == list(drawn.values())


def test_the_page_of_ages_shows_what_the_oracle_expects(page: Page, mongo: Mongo) -> None:
    people, slow = People(mongo, seed=2), SlowPublisher()
    people.world({"NL": 40, "FR": 25, "JP": 12, "DE": 8, "MT": 3})
    slow.look(people.model.contributions())
    slow.publish()
    mongo.publish()
    page.enter("/ages")
    ages = {label(shown.name): shown.average_age for shown in slow.standing}
    wanted = sorted(
        ([name, f"{age:.1f}"] for name, age in ages.items()), key=lambda r: (r[0] == "Other", -float(r[1]))
    )

    def shown() -> list[list[str]]:
        return [[name, age] for name, _, _, age in page.rows("ages-figures")]

    wait_until(lambda: shown() == wanted, f"{wanted}")
    dots = page.trace("ages-dots")
    assert dict(zip(dots["y"], dots["x"], strict=True)) == ages
    alone = {name: age for name, age in ages.items() if name != "Other"}
    assert page.tiles() == {
        "All": (f"{slow.total()[1]:.1f}", "years"),
        "Oldest on average": (f"{max(alone.values()):.1f}", max(alone, key=lambda name: alone[name])),
        "Youngest on average": (f"{min(alone.values()):.1f}", min(alone, key=lambda name: alone[name])),
    }


def test_nine_changes_do_not_show_and_the_tenth_does(page: Page, mongo: Mongo) -> None:
    people = People(mongo)
    people.send(*people.join("NL", 40), *people.join("FR", 20))
    mongo.publish()
    page.enter("/")
    before = wait_until(lambda: rows(page), "the figures")
    people.send(*people.join("NL", 9))
    mongo.publish()
    checked = mongo.db().published_status.find_one({})["checked_at"].strftime("%H:%M:%S")  # type: ignore[index]
    wait_until(lambda: f"{checked} UTC" in page.text, "a refresh after the publication")
    assert rows(page) == before
    people.send(*people.join("NL", 1))
    mongo.publish()
    wait_until(lambda: rows(page)[0][:2] == ["Netherlands", "50"], "the figure of fifty people")


def test_figures_follow_also_where_each_answer_takes_longer_than_the_page_waits_to_ask_again(
    page: Page, mongo: Mongo
) -> None:
    people = People(mongo)
    people.send(*people.join("NL", 40))
    mongo.publish()
    page.enter("/")
    wait_until(lambda: rows(page), "the figures")
    slow_line = {"offline": False, "latency": 1_600, "downloadThroughput": -1, "uploadThroughput": -1}
    page.browser.execute_cdp_cmd("Network.emulateNetworkConditions", slow_line)
    try:
        people.send(*people.join("NL", 20))
        mongo.publish()
        wait_until(lambda: rows(page)[0][1] == "60", "sixty people")
    finally:
        page.browser.execute_cdp_cmd("Network.emulateNetworkConditions", slow_line | {"latency": 0})


def test_a_table_that_was_unfolded_stays_so_when_the_figures_change(page: Page, mongo: Mongo) -> None:
    people = People(mongo)
    people.send(*people.join("NL", 40))
    mongo.publish()
    page.enter("/")
    wait_until(lambda: rows(page), "the figures")
    page.browser.execute_script("document.querySelector('summary').click()")
    people.send(*people.join("NL", 20))
    mongo.publish()
    wait_until(lambda: rows(page)[0][1] == "60", "sixty people")
    assert page.browser.execute_script("return document.querySelector('details').open")


def test_with_nothing_published_and_with_too_few_people_the_page_says_so(page: Page, mongo: Mongo) -> None:
    page.enter("/")
    wait_until(lambda: "No figures yet" in page.text, "the empty state")
    people = People(mongo)
    people.send(*people.join("NL", 5), *people.join("FR", 4))
    mongo.publish()
    wait_until(lambda: "Too few people" in page.text, "the state of too few people")
    assert tiles(page) == {"Stored, not counted": "fewer than 10"}
    assert rows(page) == []
    assert "Netherlands" not in page.browser.page_source
    for path in ("/ages", "/stream"):
        page.go(path)
        wait_until(lambda: "fills by itself" in page.text, f"the empty state of {path}")
    people.send(*people.join("NL", 1))
    mongo.publish()
    page.go("/")
    wait_until(lambda: [row[:2] for row in rows(page)] == [["Other", "10"]], "ten people in Other")
