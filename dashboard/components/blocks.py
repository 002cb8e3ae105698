"""The blocks that pages are built of: tiles, cards, tables, states."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from dash import dcc, html
from dash.development.base_component import Component
from plotly.graph_objects import Figure

from dashboard.components import text
from dashboard.components.charts import CONFIG
from dashboard.data import Reading


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


def chart(name: str, title: str, described: str, *, wide: bool = False) -> Component:
    """A card with a chart that is filled later; `described` says to a screen reader what it is."""
    return html.Section(
        [html.H2(title), graph(name, None, described)], className="card wide" if wide else "card"
    )


def graph(name: str, figure: Figure | None, described: str) -> Component:
    """A chart."""
    drawn = (
        dcc.Graph(id=name, config=CONFIG)
        if figure is None
        else dcc.Graph(id=name, figure=figure, config=CONFIG)
    )
    return html.Div(drawn, role="img", **labelled(described))


def table(name: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Component:
    """Rows under headings; the first column names the row."""
    head = html.Thead(html.Tr([html.Th(column, scope="col") for column in columns]))
    body = [html.Tr([html.Th(row[0], scope="row"), *(html.Td(cell) for cell in row[1:])]) for row in rows]
    return html.Div(
        html.Table([head, html.Tbody(body)], id=name), className="scroll", tabIndex=0, role="region"
    )


def empty(title: str, what: str) -> Component:
    """A page's state where there is nothing to show yet."""
    return html.Section([html.H2(title), html.P(what)], className="card empty")


def banner(reading: Reading) -> Component | None:
    """What is wrong with what the page shows; None where nothing is."""
    if reading.down_since is None:
        return None
    what = "The store does not answer. "
    if reading.read_at is None:
        what += "Figures come as soon as it does."
    else:
        what += f"You see what was known at {text.clock(reading.read_at)}, {_since(reading.read_at)}."
    return html.Div([html.Strong("Not up to date. "), what], className="banner", role="status")


def _since(at: datetime) -> str:
    return text.ago(datetime.now(UTC) - at)
