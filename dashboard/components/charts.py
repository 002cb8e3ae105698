"""The charts: plotly figures out of readings. Ink and surfaces come from the style sheet, for light and dark alike."""

from collections.abc import Sequence
from math import floor, log10
from typing import Any

import plotly.graph_objects as go

from dashboard.components import text
from dashboard.data import Batch, Group

# Told apart also without seeing red or green; each at least 3:1 against both surfaces.
BLUE, ORANGE, GREY = "#2f86b7", "#d9730d", "#8593a0"
# One hue, light to dark, at both ends still apart from land and sea, in light and dark.
SCALE = ((0.0, "#9ccbe3"), (0.35, "#63aacf"), (0.7, "#2f86b7"), (1.0, "#135c86"))
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
ROW_PIXELS = 26
LABEL_LENGTH = 24  # letters beside a bar; a longer name stands whole in the hover and in the table
HOVER = "<b>%{customdata[0]}</b><br>%{customdata[1]} users<br>average age %{customdata[2]}<extra></extra>"
# The map's shapes come from our own assets, not from plotly's makers.
CONFIG: Any = {"displayModeBar": False, "topojsonURL": "/assets/topojson/", "responsive": True}


def _layout(**changes: Any) -> dict[str, Any]:
    common: dict[str, Any] = {
        "font": {"family": FONT, "size": 13},
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hoverlabel": {"font": {"family": FONT}},
        "showlegend": False,
        "uirevision": "kept",  # a refresh leaves zoom and hover as they are
        "template": "none",
    }
    return common | changes


def height(rows: int) -> dict[str, str]:
    """Style of a chart with so many rows. A chart fills its place: a height of its own would be lost at a resize."""
    return {"height": f"{max(120, 56 + ROW_PIXELS * rows)}px"}


def _category_axis() -> dict[str, Any]:
    return {
        "autorange": "reversed",
        "automargin": True,
        "fixedrange": True,
        "ticks": "",
        "ticklabelstandoff": 6,
    }


def _labels(groups: Sequence[Group]) -> list[str]:
    return [text.inert(text.name(group), LABEL_LENGTH) for group in groups]


def _told(group: Group) -> list[str]:
    """What HOVER tells of a group."""
    return [text.inert(text.name(group)), text.number(group.users), text.age(group.average_age)]


def users_by_nationality(groups: Sequence[Group]) -> go.Figure:
    """Horizontal bars in the order of the groups, `other` grey."""
    bars = go.Bar(
        x=[group.users for group in groups],
        y=_labels(groups),
        orientation="h",
        marker={"color": [GREY if group.is_other else BLUE for group in groups], "cornerradius": 3},
        text=[text.number(group.users) for group in groups],
        textposition="outside",
        cliponaxis=False,
        customdata=[_told(group) for group in groups],
        hovertemplate=HOVER,
    )
    layout = _layout(
        margin={"l": 8, "r": 56, "t": 8, "b": 8},
        bargap=0.28,
        xaxis={"visible": False, "fixedrange": True, "rangemode": "tozero"},
        yaxis=_category_axis(),
    )
    return go.Figure(bars, layout)


def world(groups: Sequence[Group]) -> go.Figure:
    """A map of the nationalities that are shown, by users on a logarithmic scale: the largest would hide all others."""
    shown = [group for group in groups if not group.is_other and text.alpha_3(group.code)]
    ticks = _decades([group.users for group in shown])
    shapes = go.Choropleth(
        locations=[text.alpha_3(group.code) for group in shown],
        z=[log10(group.users) for group in shown],
        zmin=log10(ticks[0]),
        zmax=log10(ticks[-1]),
        colorscale=[list(stop) for stop in SCALE],
        marker={"line": {"width": 0.5, "color": "rgba(255,255,255,.65)"}},
        customdata=[_told(group) for group in shown],
        hovertemplate=HOVER,
        colorbar={
            "orientation": "h",
            "y": 0,
            "yanchor": "top",
            "ypad": 0,
            "thickness": 10,
            "len": 0.6,
            "outlinewidth": 0,
            "tickvals": [log10(tick) for tick in ticks],
            "ticktext": [text.number(tick) for tick in ticks],
            "title": {"text": "Users", "side": "top", "font": {"size": 12}},
        },
    )
    geo = {
        "projection": {"type": "natural earth"},
        "showframe": False,
        "showcoastlines": False,
        "showland": True,
        "landcolor": "#dfe5ea",
        "bgcolor": "rgba(0,0,0,0)",
        "lataxis": {"range": [-56, 84]},
    }
    return go.Figure(shapes, _layout(margin={"l": 0, "r": 0, "t": 0, "b": 56}, geo=geo, dragmode=False))


def _decades(values: Sequence[int]) -> list[int]:
    """1, 2, 5 steps of every decade around the values; at least two."""
    low, high = min(values, default=10), max(values, default=100)
    steps = [
        step * 10**decade for decade in range(floor(log10(low)), floor(log10(high)) + 2) for step in (1, 2, 5)
    ]
    first = max(i for i, step in enumerate(steps) if step <= low)
    last = next(i for i, step in enumerate(steps) if step >= high)
    chosen = steps[first : max(last, first + 1) + 1]
    return chosen if len(chosen) <= 5 else [chosen[0], *chosen[2:-2:2], chosen[-1]]


def ages(groups: Sequence[Group], overall: Group) -> go.Figure:
    """Average age as dots in the order of the groups, with a line at the average of all."""
    values = [group.average_age for group in groups]
    dots = go.Scatter(
        x=values,
        y=_labels(groups),
        mode="markers+text",
        marker={
            "size": 11,
            "color": [GREY if group.is_other else BLUE for group in groups],
        },
        text=[text.age(value) for value in values],
        # Away from the line at the average, which would cross the numbers out.
        textposition=[f"middle {'left' if value < overall.average_age else 'right'}" for value in values],
        cliponaxis=False,
        customdata=[_told(group) for group in groups],
        hovertemplate=HOVER,
    )
    reach = max(1.0, *(abs(value - overall.average_age) for value in values)) * 1.2
    figure = go.Figure(
        dots,
        _layout(
            margin={"l": 8, "r": 40, "t": 40, "b": 8},
            xaxis={
                "range": [overall.average_age - reach, overall.average_age + reach],
                "fixedrange": True,
                "showgrid": False,
                "visible": False,
            },
            yaxis=_category_axis() | {"showgrid": True, "griddash": "dot"},
        ),
    )
    figure.add_vline(
        x=overall.average_age,
        line={"color": ORANGE, "width": 2},
        annotation={
            "text": f"all: {text.age(overall.average_age)} years",
            "yref": "paper",
            "y": 1.0,
            "yanchor": "bottom",
            "font": {"size": 13},
        },
        annotation_position="top",
    )
    return figure


def speed(batches: Sequence[Batch]) -> go.Figure:
    """Rows a second of the latest batches, in order of time."""
    ordered = sorted(batches, key=lambda batch: batch.at)
    line = go.Scatter(
        x=[batch.at for batch in ordered],
        y=[batch.rows_per_second for batch in ordered],
        mode="lines+markers",
        line={"color": BLUE, "width": 2},
        marker={"size": 6},
        customdata=[[text.inert(batch.name), text.number(batch.rows_in)] for batch in ordered],
        hovertemplate="batch %{customdata[0]}, %{x|%H:%M:%S}<br>%{y:,.0f} rows/s"
        "<br>%{customdata[1]} rows<extra></extra>",
    )
    return go.Figure(
        line,
        _layout(
            margin={"l": 8, "r": 16, "t": 12, "b": 8},
            xaxis={
                "fixedrange": True,
                "automargin": True,
                "showgrid": False,
                "nticks": 4,
                "tickangle": 0,
                "ticklabelstandoff": 6,
                "tickformat": "%H:%M:%S",
            },
            yaxis={
                "fixedrange": True,
                "automargin": True,
                "rangemode": "tozero",
                "nticks": 5,
                "tickformat": ",",
            },
        ),
    )


def quarantine(reasons: Sequence[tuple[str, int]]) -> go.Figure:
    """Refused messages by reason, in this order."""
    bars = go.Bar(
        x=[count for _, count in reasons],
        y=[text.inert(name) for name, _ in reasons],
        orientation="h",
        marker={"color": ORANGE, "cornerradius": 3},
        text=[text.number(count) for _, count in reasons],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="<b>%{y}</b><br>%{x:,} messages<extra></extra>",
    )
    layout = _layout(
        margin={"l": 8, "r": 48, "t": 8, "b": 8},
        bargap=0.28,
        xaxis={"visible": False, "fixedrange": True, "rangemode": "tozero"},
        yaxis=_category_axis(),
    )
    return go.Figure(bars, layout)
