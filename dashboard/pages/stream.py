"""How the stream is: its state, its speed, and what it refuses."""

from datetime import UTC, datetime

from dash import Dash, html
from dash.development.base_component import Component

from dashboard.components import blocks, charts, text
from dashboard.data import Batch, Reading, Source, Stream
from dashboard.live import clockwork, keep_up_to_date
from lethe.settings import StreamSettings

PATH, NAME = "/stream", "Stream"
LATEST = 10  # batches in the table
COLUMNS = (
    "Batch",
    "Finished",
    "Rows",
    "Stored",
    "Not counted",
    "Superseded",
    "Suppressed",
    "Quarantined",
    "Seconds",
    "Rows/s",
)


def layout() -> Component:
    """The page before its first reading."""
    return html.Div(
        [
            clockwork("stream"),
            html.Div(id="stream-banner"),
            html.Div([html.H1("Stream"), html.Div(id="stream-state")], className="title"),
            blocks.tile_row("stream-tiles"),
            html.Div(id="stream-empty"),
            html.Div(
                [
                    html.Div(
                        [
                            blocks.chart(
                                "stream-speed", "Rows a second, by batch", "Rows a second; table below"
                            ),
                            html.Section(
                                [
                                    html.H2("Quarantine, by reason"),
                                    html.Div(id="stream-quarantine"),
                                ],
                                className="card",
                            ),
                        ],
                        className="pair even",
                    ),
                    html.Section(
                        [html.H2("Latest batches"), html.Div(id="stream-batches")], className="card wide"
                    ),
                ],
                id="stream-charts",
                hidden=True,
            ),
        ]
    )


def state(reading: Reading) -> Component | None:
    """The badge: what the driver says, unless its heartbeat is too old for it to be true."""
    if reading.stream is None or reading.down_since is not None:
        return None
    word, kind = verdict(reading.stream, datetime.now(UTC))
    return html.Span(word, className=f"badge {kind}", role="status")


def verdict(stream: Stream, now: datetime) -> tuple[str, str]:
    """In a word, and how good it is: good, warning or bad."""
    if stream.state == "failed":
        return "failed", "bad"
    if stream.state == "stopped":
        return "stopped", "warning"
    if (now - stream.heartbeat_at).total_seconds() > StreamSettings().heartbeat_limit_seconds:
        return "no heartbeat", "bad"
    if stream.state == "starting":
        return "starting", "warning"
    return ("running", "good") if stream.lag else ("running, idle", "good")


def tiles(reading: Reading) -> list[Component]:
    """The numbers above the charts."""
    stream = reading.stream
    if stream is None:
        return []
    now = reading.down_since or datetime.now(UTC)
    last = stream.batches[0] if stream.batches else None
    lag = text.NOTHING if stream.lag is None else text.number(stream.lag)
    items = [
        ("Heartbeat", text.ago(now - stream.heartbeat_at), f"driver {stream.number} on {stream.host}"),
        ("Lag", lag, "messages not yet read"),
        ("Speed", text.number(round(last.rows_per_second)) if last else text.NOTHING, "rows/s, last batch"),
        (
            "Last batch",
            text.ago(now - last.at) if last else text.NOTHING,
            f"batch {last.name}" if last else "",
        ),
        ("Messages so far", text.number(stream.rows_in), _refused(stream)),
    ]
    if stream.last_error:
        items.append(("Last error", stream.last_error, "since the driver started"))
    return blocks.tiles(items)


def _refused(stream: Stream) -> str:
    return f"{text.number(sum(stream.quarantined.values()))} in quarantine"


def missing(reading: Reading) -> Component | None:
    """Why there is nothing; None where there is something."""
    if reading.stream is None:
        return blocks.empty("No stream yet", "The stream has not been started. This page fills by itself.")
    return None


def quarantine(reading: Reading) -> Component:
    """Refused messages by reason."""
    if reading.stream is None or not reading.stream.quarantined:
        return html.P("No message was refused.", className="quiet")
    return blocks.graph(
        "quarantine-bars",
        charts.quarantine(reading.stream.quarantined),
        "; ".join(f"{text.reason(name)}: {count}" for name, count in reading.stream.quarantined.items()),
    )


def batches(reading: Reading) -> Component:
    """The latest batches as a table."""
    if reading.stream is None or not reading.stream.batches:
        return html.P("No batch has been finished within the last day.", className="quiet")
    return blocks.table("batches", COLUMNS, [_row(batch) for batch in reading.stream.batches[:LATEST]])


def _row(batch: Batch) -> list[str]:
    counts = (
        batch.rows_in,
        batch.stored,
        batch.not_counted,
        batch.superseded,
        batch.suppressed,
        batch.quarantined,
    )
    return [
        batch.name,
        batch.at.strftime("%H:%M:%S"),
        *(text.number(count) for count in counts),
        f"{batch.duration_ms / 1000:.1f}",
        text.number(round(batch.rows_per_second)),
    ]


def register(app: Dash, source: Source) -> None:
    """Keep the page up to date."""
    parts = {
        ("stream-banner", "children"): blocks.banner,
        ("stream-state", "children"): state,
        ("stream-tiles", "children"): tiles,
        ("stream-empty", "children"): missing,
        ("stream-speed", "figure"): lambda reading: charts.speed(
            reading.stream.batches if reading.stream else ()
        ),
        ("stream-quarantine", "children"): quarantine,
        ("stream-batches", "children"): batches,
        ("stream-charts", "hidden"): lambda reading: reading.stream is None,
    }
    keep_up_to_date(app, source, "stream", parts)
