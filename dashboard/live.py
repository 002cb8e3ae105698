"""Pages that keep themselves up to date, and send to the browser only the parts that have changed."""

import hashlib
import json
from collections.abc import Callable, Mapping

from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component
from plotly.utils import PlotlyJSONEncoder

from dashboard.data import Reading, Source
from lethe.settings import DashboardSettings

# (component id, property) -> what it is for a reading
Parts = Mapping[tuple[str, str], Callable[[Reading], object]]


def clockwork(page: str) -> Component:
    """What a page needs to be kept up to date: put it anywhere in its layout."""
    every = DashboardSettings().refresh_seconds * 1000
    return html.Div([dcc.Interval(id=f"{page}-tick", interval=every), dcc.Store(id=f"{page}-shown")])


def keep_up_to_date(app: Dash, source: Source, page: str, parts: Parts) -> None:
    """Register the callback that brings each part of a page up to date, at once and then at every tick."""

    @app.callback(
        [*(Output(name, prop) for name, prop in parts), Output(f"{page}-shown", "data")],
        Input(f"{page}-tick", "n_intervals"),
        State(f"{page}-shown", "data"),
    )
    def refresh(_: int | None, shown: object) -> list[object]:
        reading = source.read()
        values = [part(reading) for part in parts.values()]
        digests = [_digest(value) for value in values]
        # It comes from the browser: what was not sent by this page is as if nothing were shown yet.
        before = shown if isinstance(shown, list) and len(shown) == len(values) else [""] * len(values)
        changed = [
            value if digest != old else no_update
            for value, digest, old in zip(values, digests, before, strict=True)
        ]
        return [*changed, digests]


def _digest(value: object) -> str:
    text = json.dumps(value, cls=PlotlyJSONEncoder, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
