"""`lethe audit …`: verify the trail, sign what it is now, read it, and let what is too old leave it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lethe.audit.entry import Action

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from lethe.audit.segments import Due

app = typer.Typer(help="The audit trail: verify it, sign it, read it.", no_args_is_help=True)

AUDITOR, ARCHIVIST = "auditor", "archivist"

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
As = Annotated[str, typer.Option("--as", metavar="USER", help="The Airflow user to act as.")]


@app.command("verify")
def verify(
    *,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            "--against",
            metavar="CHECKPOINT",
            help="A checkpoint that you have kept, besides those of the evidence folder; may be repeated.",
            show_default=False,
        ),
    ] = None,
    public_key: Annotated[
        Path | None,
        typer.Option("--public-key", help="PEM; without it, this installation's own.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Read every entry, and say what was edited, removed, inserted, moved or rewritten; fails where anything was."""
    import json

    from lethe.audit import checkpoints
    from lethe.audit.verify import verify as verified
    from lethe.settings import Paths
    from lethe.stores import mongodb

    key = _public_key(public_key)
    files = [*checkpoints.files(checkpoints.folder(Paths())), *(against or [])]
    with mongodb.connect(AUDITOR) as client:
        report = verified(client, mongodb.database(client), key, files).report
    if as_json:
        typer.echo(json.dumps(report.document(), indent=2))
    else:
        for line in report.lines():
            typer.echo(line)
    if not report.is_intact:
        raise typer.Exit(1)


def _public_key(file: Path | None) -> "Ed25519PublicKey":
    from lethe.errors import InputError
    from lethe.evidence import signing

    if file is None:
        return signing.Signer().public_key
    try:
        return signing.load_public(file.read_bytes(), "--public-key")
    except OSError as error:
        raise InputError(f"--public-key: can't be read ({error.strerror})") from error


@app.command("checkpoint")
def checkpoint() -> None:
    """Verify the trail, then write a signed checkpoint of it to the evidence folder; prints the file's name."""
    from lethe.audit import checkpointing
    from lethe.evidence.signing import Signer
    from lethe.settings import Paths
    from lethe.stores import mongodb

    signer = Signer()
    with mongodb.connect(AUDITOR) as client:
        file, _ = checkpointing.checkpoint(client, mongodb.database(client), Paths(), signer)
    typer.echo(file)


@app.command("list")
def list_(
    *,
    case: Annotated[str | None, typer.Option(help="Of this case.", show_default=False)] = None,
    audit_ref: Annotated[str | None, typer.Option(help="On this subject.", show_default=False)] = None,
    action: Annotated[
        list[Action] | None, typer.Option("--action", help="May be repeated.", show_default=False)
    ] = None,
    since: Annotated[str | None, typer.Option(help="Then or later; RFC 3339, or a date.")] = None,
    until: Annotated[str | None, typer.Option(help="Then or earlier.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="The newest so many; 0: all.")] = 100,
    as_user: As = "dpo",
    as_json: Annotated[
        bool, typer.Option("--json", help="One entry a line, in the form that is hashed.")
    ] = False,
) -> None:
    """Print entries of the trail, in their order."""
    from lethe.audit import acting, listing
    from lethe.moments import time_of
    from lethe.stores import mongodb

    wanted = listing.Filter(
        case, audit_ref, tuple(action or ()), time_of(since, "--since"), time_of(until, "--until")
    )
    acting.act_as(as_user, acting.READING, "may not read the audit trail; that")
    written = listing.line if as_json else listing.text
    with mongodb.connect(AUDITOR) as client:
        for entry in listing.entries(mongodb.database(client), wanted, limit or None):
            typer.echo(written(entry))


@app.command("drop")
def drop(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_user: As = "controller",
) -> None:
    """Let entries leave that are older than the register keeps them: by a signed act, which stays in the trail."""
    from lethe.audit import acting, checkpoints, segments
    from lethe.audit.checkpointing import insist
    from lethe.audit.verify import verify as verified
    from lethe.evidence.signing import Signer
    from lethe.register.load import load
    from lethe.settings import Paths
    from lethe.stores import mongodb

    paths, signer, period = Paths(), Signer(), segments.period_of(load())
    who = acting.act_as(as_user, acting.DECIDING, "may not end entries of the audit trail; that")
    with mongodb.connect(ARCHIVIST) as client:
        db = mongodb.database(client)
        held = verified(client, db, signer.public_key, checkpoints.files(checkpoints.folder(paths)))
        insist(held)
        found = segments.due(db, period, held.report.first)
        typer.echo(_told(found))
        if found.count + found.left == 0:
            return
        if not yes:
            typer.confirm("Remove them?", abort=True)
        segments.drop(client, db, found, paths=paths, signer=signer, who=who)
    typer.echo("removed")


def _told(found: "Due") -> str:
    left = f", {found.left:,} that an earlier act has ended" if found.left else ""
    return f"{found.count:,} entries are older than {found.period} (before {found.cutoff:%Y-%m-%d}){left}"
