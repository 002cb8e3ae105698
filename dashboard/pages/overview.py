"""Users by nationality: bars, a map, and the same in words."""

from dash import Dash, html
from dash.development.base_component import Component

from dashboard.components import blocks, charts, text
from dashboard.data import Group, Published, Reading, Source
from dashboard.live import clockwork, keep_up_to_date

PATH, NAME = "/", "Users"


def layout() -> Component:
    """The page before its first reading."""
    return html.Div(
        [
            clockwork("overview"),
            html.Div(id="overview-banner"),
            html.H1("Users by nationality"),
            blocks.tile_row("overview-tiles"),
            html.Div(id="overview-empty"),
            html.Div(
                [
                    blocks.chart("overview-bars", "Users", "Bars of users by nationality; as a table below"),
                    blocks.chart("overview-map", "On the map", "World map of users; as a table below"),
                ],
                id="overview-charts",
                className="pair",
                hidden=True,
            ),
            html.Div(id="overview-note"),
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
            ("Users", text.number(published.overall.users), "who let themselves be counted"),
            ("Average age", text.age(published.overall.average_age), "years"),
            ("Nationalities shown", text.number(named), f"of {k} people or more"),
        ]
    items.append(("Stored, not counted", text.people(published.not_counted, k), "no consent to analytics"))
    return blocks.tiles(items)


def missing(reading: Reading) -> Component | None:
    """Why there is no chart; None where there is one."""
    published = reading.published
    if published is None:
        return blocks.empty("No figures yet", "Nothing has been published so far. This page fills by itself.")
    if published.overall is None:
        k = published.smallest_group
        what = f"Figures start at {k} people. Until then, nothing is shown; this page fills by itself."
        return blocks.empty("Too few people", what)
    return None


def note(reading: Reading) -> Component | None:
    """How to read the figures, and the figures as a table."""
    published = reading.published
    if published is None:
        return None
    k = published.smallest_group
    return html.Div(
        [
            html.P(
                f"k-anonymous: groups under {k} people are in “Other”. Numbers of people are rounded to multiples of "
                f"{k}, and a figure is replaced when the data of {k} people in it has changed. "
                "The smallest countries are not drawn on the map."
            ),
            html.P(
                f"Latest figure: {text.clock(published.published_at)}. "
                f"Checked: {text.clock(published.checked_at)}."
            ),
            *_figures(published),
        ],
        className="notes",
    )


def _figures(published: Published) -> list[Component]:
    rows = [
        (
            text.name(group),
            f"{group.nationalities} nationalities" if group.is_other else group.code,
            text.number(group.users),
            text.age(group.average_age),
        )
        for group in published.groups
    ]
    columns = ("Nationality", "Code", "Users", "Average age")
    summary = html.Summary("The figures as a table")
    return [html.Details([summary, blocks.table("figures", columns, rows)], id="as-table")] if rows else []


def register(app: Dash, source: Source) -> None:
    """Keep the page up to date."""
    parts = {
        ("overview-banner", "children"): blocks.banner,
        ("overview-tiles", "children"): tiles,
        ("overview-empty", "children"): missing,
        ("overview-note", "children"): note,
        ("overview-bars", "figure"): lambda reading: charts.users_by_nationality(groups(reading)),
        ("overview-map", "figure"): lambda reading: charts.world(groups(reading)),
        ("overview-charts", "hidden"): lambda reading: missing(reading) is not None,
    }
    keep_up_to_date(app, source, "overview", parts)


def groups(reading: Reading) -> tuple[Group, ...]:
    """What is published, from the largest group on."""
    return reading.published.groups if reading.published else ()
