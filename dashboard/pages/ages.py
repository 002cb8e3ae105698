"""Average age by nationality and overall."""

from dash import Dash, html
from dash.development.base_component import Component
from plotly.graph_objects import Figure

from dashboard.components import blocks, charts, text
from dashboard.data import Group, Reading, Source
from dashboard.live import clockwork, keep_up_to_date
from dashboard.pages import overview

PATH, NAME = "/ages", "Ages"


def layout() -> Component:
    """The page before its first reading."""
    dots = blocks.graph("ages-dots", "Average ages by nationality; as a table below")
    in_words = blocks.in_words("ages-figures", "Average age and users by nationality")
    card = blocks.card("By nationality", dots, in_words)
    what = (
        "Age counts whole years from the first day of the month of birth. The average of all is made of the "
        "published figures only."
    )
    return html.Div(
        [
            clockwork("ages"),
            html.Div(id="ages-banner"),
            html.H1("Average age"),
            blocks.tile_row("ages-tiles"),
            html.Div(id="ages-empty"),
            html.Div([card, html.P(what, className="notes")], id="ages-charts", hidden=True),
        ]
    )


def tiles(reading: Reading) -> list[Component]:
    """The numbers above the chart."""
    if reading.published is None or reading.published.overall is None:
        return []
    named = [group for group in reading.published.groups if not group.is_other]
    items = [("All", text.age(reading.published.overall.average_age), "years")]
    if named:
        oldest = max(named, key=lambda group: group.average_age)
        youngest = min(named, key=lambda group: group.average_age)
        items.append(("Oldest on average", text.age(oldest.average_age), text.name(oldest)))
        items.append(("Youngest on average", text.age(youngest.average_age), text.name(youngest)))
    return blocks.tiles(items)


def dots(reading: Reading) -> Figure:
    """The chart, empty where nothing is published."""
    if reading.published is None or reading.published.overall is None:
        return Figure()
    return charts.ages(oldest_first(reading), reading.published.overall)


def oldest_first(reading: Reading) -> list[Group]:
    """What is published, the group of the oldest people first, `other` last."""
    return sorted(
        overview.groups(reading), key=lambda group: (group.is_other, -group.average_age, group.code)
    )


def register(app: Dash, source: Source) -> None:
    """Keep the page up to date."""
    parts = {
        ("ages-banner", "children"): blocks.banner,
        ("ages-tiles", "children"): tiles,
        ("ages-empty", "children"): overview.missing,
        ("ages-dots", "figure"): dots,
        ("ages-dots", "style"): lambda reading: charts.height(len(overview.groups(reading)) + 1),
        ("ages-figures", "children"): lambda reading: blocks.figures(oldest_first(reading)),
        ("ages-charts", "hidden"): lambda reading: overview.missing(reading) is not None,
    }
    keep_up_to_date(app, source, "ages", parts)
