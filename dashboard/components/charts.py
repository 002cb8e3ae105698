"""The charts: plotly figures out of readings. Ink and surfaces come from the style sheet, for light and dark alike."""

from collections.abc import Mapping, Sequence
from math import floor, log10
from typing import Any

import plotly.graph_objects as go

from dashboard.components import text
from dashboard.data import Batch, Group

# Told apart also without seeing red or green; each at least 3:1 against both surfaces.
BLUE, ORANGE, GREY = "#2f86b7", "#d9730d", "#8593a0"
# One hue, light to dark, still apart from both surfaces at its ends.
SCALE = ((0.0, "#b9dcec"), (0.35, "#6db3d3"), (0.7, "#2f86b7"), (1.0, "#0d4f73"))
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
ROW_PIXELS = 26
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


def _rows(count: int) -> int:
    """Height in pixels of a chart with so many rows."""
    return max(120, 48 + ROW_PIXELS * count)


def _category_axis() -> dict[str, Any]:
    return {
        "autorange": "reversed",
        "automargin": True,
        "fixedrange": True,
        "ticks": "",
        "ticklabelstandoff": 6,
    }


def users_by_nationality(groups: Sequence[Group]) -> go.Figure:
    """Horizontal bars, the largest first, `other` last and grey."""
    ordered = sorted(groups, key=lambda group: group.is_other)
    names = [text.name(group) for group in ordered]
    bars = go.Bar(
        x=[group.users for group in ordered],
        y=names,
        orientation="h",
        marker={"color": [GREY if group.is_other else BLUE for group in ordered], "cornerradius": 3},
        text=[text.number(group.users) for group in ordered],
        textposition="outside",
        cliponaxis=False,
        customdata=[text.age(group.average_age) for group in ordered],
        hovertemplate="<b>%{y}</b><br>%{x:,} users<br>average age %{customdata}<extra></extra>",
    )
    layout = _layout(
        height=_rows(len(ordered)),
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
        customdata=[[text.name(g), text.number(g.users), text.age(g.average_age)] for g in shown],
        hovertemplate="<b>%{customdata[0]}</b><br>%{customdata[1]} users"
        "<br>average age %{customdata[2]}<extra></extra>",
        colorbar={
            "orientation": "h",
            "y": -0.02,
            "yanchor": "top",
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
    return go.Figure(shapes, _layout(height=440, geo=geo, dragmode=False))


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
    """Average age by nationality as dots, the oldest first, with a line at the average of all."""
    ordered = sorted(groups, key=lambda group: (group.is_other, -group.average_age, group.code))
    values = [group.average_age for group in ordered]
    dots = go.Scatter(
        x=values,
        y=[text.name(group) for group in ordered],
        mode="markers+text",
        marker={
            "size": 11,
            "color": [GREY if group.is_other else BLUE for group in ordered],
        },
        text=[text.age(value) for value in values],
        textposition="middle right",
        cliponaxis=False,
        customdata=[text.number(group.users) for group in ordered],
        hovertemplate="<b>%{y}</b><br>average age %{x:.1f}<br>%{customdata} users<extra></extra>",
    )
    reach = max(1.0, *(abs(value - overall.average_age) for value in values)) * 1.15
    figure = go.Figure(
        dots,
        _layout(
            height=_rows(len(ordered)) + 36,
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
        customdata=[[batch.name, text.number(batch.rows_in)] for batch in ordered],
        hovertemplate="batch %{customdata[0]}, %{x|%H:%M:%S}<br>%{y:,.0f} rows/s"
        "<br>%{customdata[1]} rows<extra></extra>",
    )
    return go.Figure(
        line,
        _layout(
            height=260,
            margin={"l": 8, "r": 16, "t": 12, "b": 8},
            xaxis={"fixedrange": True, "automargin": True, "showgrid": False, "nticks": 6},
            yaxis={
                "fixedrange": True,
                "automargin": True,
                "rangemode": "tozero",
                "nticks": 5,
                "tickformat": ",",
            },
        ),
    )


def quarantine(reasons: Mapping[str, int]) -> go.Figure:
    """Refused messages by reason, the most frequent first."""
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    bars = go.Bar(
        x=[count for _, count in ordered],
        y=[text.reason(name) for name, _ in ordered],
        orientation="h",
        marker={"color": ORANGE, "cornerradius": 3},
        text=[text.number(count) for _, count in ordered],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="<b>%{y}</b><br>%{x:,} messages<extra></extra>",
    )
    layout = _layout(
        height=_rows(len(ordered)),
        margin={"l": 8, "r": 48, "t": 8, "b": 8},
        bargap=0.28,
        xaxis={"visible": False, "fixedrange": True, "rangemode": "tozero"},
        yaxis=_category_axis(),
    )
    return go.Figure(bars, layout)
