"""Users by nationality: bars, a map, and the same in words."""

from dash import Dash, html
from dash.development.base_component import Component

from dashboard.components import blocks, charts, text
from dashboard.data import Group, Reading, Source
from dashboard.live import clockwork, keep_up_to_date

PATH, NAME = "/", "Users"


def layout() -> Component:
    """The page before its first reading."""
    bars = blocks.graph("overview-bars", "Bars of users by nationality; as a table below")
    shape = {"aspectRatio": "1.75", "height": "auto"}
    world = blocks.graph(
        "overview-map", "World map of users by nationality; as a table beside it", style=shape
    )
    note = html.Div(id="overview-note", className="notes")
    cards = [
        blocks.card("Users", bars, blocks.in_words("figures", "Users and average age by nationality")),
        html.Div([blocks.card("On the map", world), blocks.card("How to read this", note)]),
    ]
    return html.Div(
        [
            clockwork("overview"),
            html.Div(id="overview-banner"),
            html.H1("Users by nationality"),
            blocks.tile_row("overview-tiles"),
            html.Div(id="overview-empty"),
            html.Div(cards, id="overview-charts", className="pair", hidden=True),
        ]
    )


def tiles(reading: Reading) -> list[Component]:
    """The numbers above the charts."""
    published = reading.published
    if published is None:
        return []
    k = published.smallest_group
    items = []
    if published.overall:
        named = sum(not group.is_other for group in published.groups)
        items = [
            ("Users", text.number(published.overall.users), "with consent to analytics"),
            ("Average age", text.age(published.overall.average_age), "years"),
            ("Nationalities shown", text.number(named), f"of {k} people or more"),
        ]
    items.append(("Stored, not counted", text.people(published.not_counted, k), "without that consent"))
    return blocks.tiles(items)


def missing(reading: Reading) -> Component | None:
    """Why there is no chart; None where there is one."""
    published = reading.published
    if published is None:
        what = "Nothing has been published so far. This page fills by itself."
        return blocks.unknown(reading) or blocks.empty("No figures yet", what)
    if published.overall is None:
        k = published.smallest_group
        what = f"Figures start at {k} people. Until then, nothing is shown; this page fills by itself."
        return blocks.empty("Too few people", what)
    return None


def note(reading: Reading) -> list[Component]:
    """What the figures tell, and as of when."""
    published = reading.published
    if published is None:
        return []
    k = published.smallest_group
    return [
        html.P(
            f"k-anonymous: groups under {k} people are in “Other”. Numbers of people are rounded to multiples of "
            f"{k}, and a figure is replaced when the data of {k} people in it has changed. "
            "The smallest countries are not drawn on the map."
        ),
        html.P(
            f"Latest figure: {text.clock(published.published_at)}. Checked: {text.clock(published.checked_at)}."
        ),
    ]


def groups(reading: Reading) -> tuple[Group, ...]:
    """What is published, the largest group first."""
    return reading.published.groups if reading.published else ()


def register(app: Dash, source: Source) -> None:
    """Keep the page up to date."""
    parts = {
        ("overview-banner", "children"): blocks.banner,
        ("overview-tiles", "children"): tiles,
        ("overview-empty", "children"): missing,
        ("overview-note", "children"): note,
        ("overview-bars", "figure"): lambda reading: charts.users_by_nationality(groups(reading)),
        ("overview-bars", "style"): lambda reading: charts.height(len(groups(reading))),
        ("figures", "children"): lambda reading: blocks.figures(groups(reading)),
        ("overview-map", "figure"): lambda reading: charts.world(groups(reading)),
        ("overview-charts", "hidden"): lambda reading: missing(reading) is not None,
    }
    keep_up_to_date(app, source, "overview", parts)
