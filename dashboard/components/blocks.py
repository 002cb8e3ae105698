"""The blocks that pages are built of: tiles, cards, tables, states."""

from collections.abc import Mapping, Sequence
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component
from plotly.graph_objects import Figure

from dashboard.components import text
from dashboard.components.charts import CONFIG
from dashboard.data import Group, Reading


def labelled(label: str) -> Any:
    """Keyword arguments that name a block for a screen reader."""
    return {"aria-label": label}


def tiles(items: Sequence[tuple[str, str, str]]) -> list[Component]:
    """Numbers in large, each (label, value, note)."""
    return [
        html.Div(
            [
                html.Dt(label),
                html.Dd(value, className="value"),
                *([html.Dd(note, className="note")] if note else []),
            ],
            className="tile",
        )
        for label, value, note in items
    ]


def tile_row(name: str) -> Component:
    """Where a page's tiles stand."""
    return html.Dl(id=name, className="tiles")


def card(title: str, *content: Component) -> Component:
    """A block with a heading."""
    return html.Section([html.H2(title), *content], className="card")


def graph(
    name: str, described: str, figure: Figure | None = None, style: Mapping[str, str] | None = None
) -> Component:
    """A chart, filled later or now. `style` must give it a height.

    To a screen reader it is one picture: `described` says what of, and where the same stands as a table.
    """
    drawn = dcc.Graph(id=name, figure=figure or Figure(), style=style or {}, config=CONFIG)
    return html.Div(drawn, role="img", **labelled(described))


def scroll(name: str, label: str) -> Component:
    """Where a table stands that may be wider than the page; `label` names it to a screen reader.

    It stays when the table is replaced, and with it how far somebody has scrolled.
    """
    return html.Div(id=name, className="scroll", tabIndex=0, role="region", **labelled(label))


def in_words(name: str, label: str) -> Component:
    """Where the table stands that a chart is drawn of: folded in until somebody unfolds it."""
    return html.Details([html.Summary("As a table"), scroll(name, label)])


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Component:
    """Rows under headings; the first column names the row."""
    head = html.Thead(html.Tr([html.Th(column, scope="col") for column in columns]))
    body = [html.Tr([html.Th(row[0], scope="row"), *(html.Td(cell) for cell in row[1:])]) for row in rows]
    return html.Table([head, html.Tbody(body)])


def figures(groups: Sequence[Group]) -> Component:
    """Published figures as a table."""
    rows = [
        (text.name(group), text.code(group), text.number(group.users), text.age(group.average_age))
        for group in groups
    ]
    return table(("Nationality", "Code", "Users", "Average age"), rows)


def empty(title: str, what: str) -> Component:
    """A page's state where there is nothing to show yet."""
    return html.Section([html.H2(title), html.P(what)], className="card empty")


def unknown(reading: Reading) -> Component | None:
    """A page's state where the store has never answered: there may be something, or nothing."""
    if reading.read_at is not None:
        return None
    what = "The store has not answered since the dashboard started. This page fills by itself."
    return empty("Nothing known yet", what)


def banner(reading: Reading) -> Component | None:
    """What is wrong with what the page shows; None where nothing is."""
    if reading.down_since is None:
        return None
    if reading.read_at is None:
        then = "What it holds comes as soon as it does."
    else:
        then = f"You see what was known at {text.clock(reading.read_at)}."
    # It says nothing that changes by itself: a screen reader would read it out anew each time.
    what = f"The store does not answer. {then}"
    return html.Div([html.Strong("Not up to date. "), what], className="banner", role="status")
