"""`lethe quarantine …`: what was refused, what it says, and sending it again."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from lethe.profiles.reasons import Reason

if TYPE_CHECKING:
    from lethe.audit.who import Who
    from lethe.quarantine.listing import Counted, Line
    from lethe.quarantine.reading import Shown
    from lethe.quarantine.selection import Selection
    from lethe.stores.mongodb import Client

app = typer.Typer(help="Refused messages: list them, read one, send them again.", no_args_is_help=True)

ROLE = "quarantine"

Reasons = Annotated[
    list[Reason] | None,
    typer.Option("--reason", help="Refused for this; may be repeated.", show_default=False),
]
Since = Annotated[str | None, typer.Option(help="Refused then or later; RFC 3339, or a date.")]
Until = Annotated[str | None, typer.Option(help="Refused then or earlier.")]
Topic = Annotated[str | None, typer.Option(help="Of this topic.")]
Partition = Annotated[int | None, typer.Option(min=0, help="Of this partition.")]
FirstOffset = Annotated[int | None, typer.Option(min=0, help="From this offset on.")]
LastOffset = Annotated[int | None, typer.Option(min=0, help="Up to this offset.")]
As = Annotated[str, typer.Option("--as", metavar="USER", help="The Airflow user to act as.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Places = Annotated[
    list[str], typer.Argument(metavar="PLACE…", help="TOPIC:PARTITION:OFFSET", show_default=False)
]
MaybePlaces = Annotated[
    list[str] | None, typer.Argument(metavar="[PLACE]…", help="TOPIC:PARTITION:OFFSET", show_default=False)
]


@app.command("list")
def list_(
    *,
    reason: Reasons = None,
    since: Since = None,
    until: Until = None,
    topic: Topic = None,
    partition: Partition = None,
    first_offset: FirstOffset = None,
    last_offset: LastOffset = None,
    lines: Annotated[bool, typer.Option("--lines", help="One line a message, not counts.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Lines at most.")] = 100,
    as_user: As = "controller",
    as_json: Json = False,
) -> None:
    """Say what is in quarantine: counts by topic and reason, or lines; never what a message says."""
    from lethe.quarantine import listing
    from lethe.quarantine.access import act_as
    from lethe.stores import mongodb

    selection = _selection(
        reasons=reason,
        since=since,
        until=until,
        topic=topic,
        partition=partition,
        first_offset=first_offset,
        last_offset=last_offset,
    )
    act_as(as_user, None)
    with _connection() as client:
        db = mongodb.database(client)
        found: list[Line] | list[Counted] = (
            listing.lines(db, selection, limit) if lines else listing.counts(db, selection)
        )
    _print_list(found, as_json)


@app.command("show")
def show(places: Places, as_user: As = "controller", as_json: Json = False) -> None:
    """Print what refused messages say; that you looked is recorded first.

    Fails where one is not there, or can't be opened.
    """
    from lethe.audit.entry import Action
    from lethe.quarantine import reading
    from lethe.quarantine.access import act_as, record_looks
    from lethe.quarantine.selection import places_of
    from lethe.stores import mongodb

    wanted = places_of(places)
    who = act_as(as_user, Action.QUARANTINE_SHOW)
    keys = reading.Keys()
    with _connection() as client:
        db = mongodb.database(client)
        found = reading.show(db, wanted, keys, lambda looks: record_looks(db, who, looks))
    _print_shown(found, as_json)
    missing = len(wanted) - len(found)
    if missing:
        typer.echo(
            f"{missing} of {len(wanted)} places: nothing there (replayed, erased or expired)", err=True
        )
    if missing or not all(_is_open(each) for each in found):
        raise typer.Exit(1)


@app.command("replay")
def replay(
    places: MaybePlaces = None,
    *,
    reason: Reasons = None,
    since: Since = None,
    until: Until = None,
    topic: Topic = None,
    partition: Partition = None,
    first_offset: FirstOffset = None,
    last_offset: LastOffset = None,
    everything: Annotated[bool, typer.Option("--all", help="Whatever can be replayed.")] = False,
    as_user: As = "controller",
    as_json: Json = False,
) -> None:
    """Send refused messages to their topics again, and take them out of quarantine; that you do is recorded first.

    They go through the whole stream as if their producer had sent them. Ctrl-C leaves the rest in quarantine.
    """
    from lethe.audit.entry import Action
    from lethe.errors import InputError
    from lethe.quarantine.access import act_as
    from lethe.quarantine.selection import Selection, places_of

    selection = _selection(
        reasons=reason,
        since=since,
        until=until,
        topic=topic,
        partition=partition,
        first_offset=first_offset,
        last_offset=last_offset,
    )
    if places:
        if everything or not selection.is_everything:
            raise InputError("give places or a filter, not both")
        selection = Selection(places=places_of(places))
    if selection.is_everything != everything:
        raise InputError("say what to replay: places, a filter, or --all alone")
    _replay(selection, act_as(as_user, Action.QUARANTINE_REPLAY), as_json)


def _replay(selection: "Selection", who: "Who", as_json: bool) -> None:
    import json

    from lethe.audit.entry import Action
    from lethe.quarantine.access import record_replay
    from lethe.quarantine.reading import Keys
    from lethe.quarantine.replay import Replay
    from lethe.quarantine.senders import TopicSenders
    from lethe.stores import mongodb

    keys = Keys()
    with _connection() as client:
        db = mongodb.database(client)

        def note(count: int) -> None:
            record_replay(db, who, Action.QUARANTINE_REPLAY, selection, count)

        outcome = Replay(client, db, keys, TopicSenders()).run(selection, note)
        record_replay(db, who, Action.QUARANTINE_REPLAYED, selection, outcome.sent)
    if as_json:
        typer.echo(json.dumps(outcome.document(), indent=2))
    else:
        typer.echo(f"replayed {outcome.sent:,}")
        for name, count in sorted(outcome.unreadable.items()):
            typer.echo(f"can't be opened any more, {name}: {count:,}")


def _selection(
    *,
    reasons: list[Reason] | None,
    since: str | None,
    until: str | None,
    topic: str | None,
    partition: int | None,
    first_offset: int | None,
    last_offset: int | None,
) -> "Selection":
    from lethe.moments import time_of
    from lethe.quarantine.selection import Selection, topic_of

    return Selection(
        tuple(reason.value for reason in reasons or ()),
        time_of(since, "--since"),
        time_of(until, "--until"),
        topic_of(topic),
        partition,
        first_offset,
        last_offset,
    )


@contextmanager
def _connection() -> Iterator["Client"]:
    """MongoDB with these commands' own login."""
    from lethe.stores import mongodb

    with mongodb.asked(ROLE, "quarantine") as client:
        yield client


def _print_list(found: "list[Line] | list[Counted]", as_json: bool) -> None:
    import json

    if as_json:
        typer.echo(json.dumps([each.document() for each in found], indent=2))
        return
    if not found:
        typer.echo("nothing")
        return
    told = [each.document() for each in found]
    rows = [list(told[0]), *([_cell(value) for value in row.values()] for row in told)]
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def _cell(value: object) -> str:
    return "-" if value is None else str(value)


def _is_open(shown: "Shown") -> bool:
    from lethe.protection.payloads import Content

    return isinstance(shown.content, Content)


def _print_shown(found: "list[Shown]", as_json: bool) -> None:
    import json

    from lethe.quarantine.reading import document_of, text_of

    if as_json:
        typer.echo(json.dumps([document_of(each) for each in found], indent=2))
    else:
        for each in found:
            typer.echo(text_of(each))
