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
    "Finished, UTC",
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
    cards = [
        blocks.card("Rows a second, by batch", _speed()),
        blocks.card("Quarantine, by reason", *_refused()),
    ]
    latest = blocks.card("Latest batches", blocks.scroll("batches", "Latest batches"))
    return html.Div(
        [
            clockwork("stream"),
            html.Div(id="stream-banner"),
            html.Div([html.H1("Stream"), html.Div(id="stream-state")], className="title"),
            blocks.tile_row("stream-tiles"),
            html.Div(id="stream-empty"),
            html.Div([html.Div(cards, className="pair even"), latest], id="stream-charts", hidden=True),
        ]
    )


def _speed() -> Component:
    described = "Rows a second of the latest batches; as a table below"
    return blocks.graph("stream-speed", described, style={"height": "260px"})


def _refused() -> list[Component]:
    bars = blocks.graph("quarantine-bars", "Bars of refused messages by reason; as a table below")
    in_words = blocks.in_words("quarantine", "Refused messages by reason")
    none = html.P("No message was refused.", id="stream-none-refused", className="quiet")
    return [html.Div([bars, in_words], id="stream-refused"), none]


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
        ("Messages so far", text.number(stream.rows_in), _in_quarantine(stream)),
    ]
    if stream.withdrawals:
        seconds = stream.withdrawal_ms / stream.withdrawals / 1000
        items.append(
            (
                "Withdrawals",
                f"{seconds:.1f} s",
                f"until in effect, on average of {text.number(stream.withdrawals)}",
            )
        )
    if stream.last_error:
        items.append(("Last error", stream.last_error, "since the driver started"))
    return blocks.tiles(items)


def _in_quarantine(stream: Stream) -> str:
    return f"{text.number(sum(stream.quarantined.values()))} in quarantine"


def missing(reading: Reading) -> Component | None:
    """Why there is nothing; None where there is something."""
    if reading.stream is None:
        what = "The stream has not been started. This page fills by itself."
        return blocks.unknown(reading) or blocks.empty("No stream yet", what)
    return None


def refused(reading: Reading) -> list[tuple[str, int]]:
    """Refused messages by reason, in words, the most frequent first."""
    found = reading.stream.quarantined.items() if reading.stream else ()
    return [(text.reason(name), count) for name, count in sorted(found, key=lambda item: (-item[1], item[0]))]


def quarantine(reading: Reading) -> Component:
    """Refused messages as a table."""
    rows = [(reason, text.number(count)) for reason, count in refused(reading)]
    return blocks.table(("Reason", "Messages"), rows)


def batches(reading: Reading) -> Component:
    """The latest batches as a table."""
    if reading.stream is None or not reading.stream.batches:
        return html.P("No batch has been finished within the last day.", className="quiet")
    return blocks.table(COLUMNS, [_row(batch) for batch in reading.stream.batches[:LATEST]])


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
        ("quarantine-bars", "figure"): lambda reading: charts.quarantine(refused(reading)),
        ("quarantine-bars", "style"): lambda reading: charts.height(len(refused(reading))),
        ("quarantine", "children"): quarantine,
        ("stream-refused", "hidden"): lambda reading: not refused(reading),
        ("stream-none-refused", "hidden"): lambda reading: bool(refused(reading)),
        ("batches", "children"): batches,
        ("stream-charts", "hidden"): lambda reading: reading.stream is None,
    }
    keep_up_to_date(app, source, "stream", parts)
