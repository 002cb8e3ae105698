"""`lethe simulate` and `lethe load`: what puts profiles on the topic."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lethe.producers.expectation import Expectation
    from lethe.producers.simulation import Simulation


def simulate(
    *,
    profiles: Annotated[int, typer.Option(min=1, help="People to send profiles of.")] = 1000,
    rate: Annotated[float, typer.Option(min=0, help="Messages a second; 0: as fast as possible.")] = 0,
    seed: Annotated[int, typer.Option(help="The same seed makes the same people.")] = 1,
    locales: Annotated[
        str, typer.Option(help="ISO codes, with commas, the most frequent first; none: all.")
    ] = "",
    faulty: Annotated[float, typer.Option(min=0, max=0.5, help="Share of messages to be refused.")] = 0.02,
    consent_changes: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share of people whose consents change alone, or who are children."),
    ] = 0.05,
    expect: Annotated[
        Path | None, typer.Option(help="Write what the stores must hold afterwards, as JSON.")
    ] = None,
) -> None:
    """Send made-up people's profiles and consents, with updates, late, repeated and faulty messages among them.

    Ctrl-C ends it early; what it says then holds for what was sent.
    """
    import time
    from datetime import UTC, datetime

    from lethe.producers.simulation import Simulation
    from lethe.profiles.rules import Rules
    from lethe.register.load import load as load_register

    codes = tuple(code.strip().upper() for code in locales.split(",") if code.strip())
    now, start = datetime.now(UTC), time.monotonic()
    rules = Rules.from_register(load_register())
    plan = Simulation(profiles, now, rules, seed, codes, faulty, consent_changes=consent_changes)
    if expect is not None:
        _write(expect, "")  # no use to find out at the end
    expectation = _send(plan, rate)
    if expect is not None:
        _write(expect, json.dumps(expectation.document(seed, now), indent=1) + "\n")
    _say(expectation, time.monotonic() - start)


def _send(plan: "Simulation", rate: float) -> "Expectation":
    """Send it, and take note of what was sent, until its end or Ctrl-C."""
    import signal
    import threading
    from contextlib import ExitStack

    from lethe.producers.expectation import Expectation
    from lethe.producers.sending import Pace, Sender
    from lethe.profiles.contract import CONSENTS_TOPIC, PROFILES_TOPIC
    from lethe.stores.kafka import client_settings

    expectation, stop = Expectation(), threading.Event()
    topics = (PROFILES_TOPIC, CONSENTS_TOPIC) if plan.consent_changes else (PROFILES_TOPIC,)
    with ExitStack() as open_senders:
        senders = {
            topic: open_senders.enter_context(Sender(client_settings("producer"), topic)) for topic in topics
        }
        before = signal.signal(signal.SIGINT, lambda *_: stop.set())
        try:
            pace = Pace(rate, stop)
            for message in plan:
                pace.wait()
                if stop.is_set():
                    break
                senders[message.topic].send(message.key, message.value)
                expectation.take(message)
        finally:
            signal.signal(signal.SIGINT, before)
    return expectation


def _write(file: Path, text: str) -> None:
    from lethe.errors import InputError

    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--expect {file}: can't be written: {error.strerror}") from error


def _say(expectation: "Expectation", seconds: float) -> None:
    """What was sent, and what can be done with it."""
    typer.echo(f"sent {expectation.sent:,} messages in {seconds:.1f} s")
    for kind, count in expectation.kinds.items():
        typer.echo(f"  {kind.replace('_', ' '):<13} {count:>9,}")
    typer.echo(f"{len(expectation.standing):,} people, {len(expectation.counted()):,} of them to be counted")
    user_ids = expectation.erasable(3)
    if user_ids:
        typer.echo("made-up people whom you may erase:")
        for user_id in user_ids:
            typer.echo(f"  {user_id}")
        typer.echo("next: lethe status")
        typer.echo(f"      lethe erase {user_ids[0]} --wait")


def load(
    file: Annotated[Path, typer.Argument(help="JSONL, one profile a line; or CSV with a header.")],
    mapped: Annotated[
        list[str] | None,
        typer.Option("--map", help="COLUMN=dotted.path, once for each CSV column with a name of its own."),
    ] = None,
    delimiter: Annotated[str | None, typer.Option(help="Between CSV fields, if no comma; or tab.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check only; send nothing.")] = False,
) -> None:
    """Send the profiles in a file of yours; lines that break the contract's rules are named, and not sent."""
    from contextlib import nullcontext

    from lethe.producers.lines import check_file
    from lethe.producers.loading import Source
    from lethe.producers.loading import load as load_items
    from lethe.producers.sending import Sender
    from lethe.profiles.rules import Rules
    from lethe.register.load import load as load_register
    from lethe.stores.kafka import client_settings

    def note(line: str) -> None:
        typer.echo(line, err=True)

    register = load_register()
    check_file(file)
    with (
        Source(file, tuple(mapped or ()), delimiter).open(register, note) as items,
        nullcontext() if dry_run else Sender(client_settings("producer")) as sender,
    ):
        send = sender.send if sender else lambda _key, _value: None
        counts = load_items(items, Rules.from_register(register), send, note)
    verb = "would send" if dry_run else "sent"
    typer.echo(f"{verb} {counts.accepted:,}, refused {counts.refused:,}")
    if counts.refused:
        raise typer.Exit(1)
