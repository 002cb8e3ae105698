"""`lethe find`: the user ids of whoever has an e-mail address."""

from typing import Annotated

import typer


def find(
    as_user: Annotated[
        str, typer.Option("--as", metavar="USER", help="The Airflow user to act as.")
    ] = "controller",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print the user ids of whoever has an e-mail address, which is read from standard input or asked for.

    Needs LETHE_INTAKE_EMAIL_INDEX. That you looked is recorded first; so many looks an hour are allowed.
    """
    import json
    import sys

    from lethe.audit.acting import DECIDING, act_as
    from lethe.errors import ConfigurationError, InputError
    from lethe.protection.blind_index import BlindIndex
    from lethe.protection.keyring import subject_keys
    from lethe.register.load import load
    from lethe.requests.look_up import Intake, by_address
    from lethe.settings import IntakeSettings
    from lethe.stores import cassandra, mongodb

    settings = IntakeSettings()
    if not settings.email_index:
        raise ConfigurationError("there is no e-mail index: LETHE_INTAKE_EMAIL_INDEX is off")
    address = typer.prompt("E-mail address", err=True) if sys.stdin.isatty() else sys.stdin.readline()
    if "@" not in address:
        raise InputError("standard input: not an e-mail address")
    who = act_as(as_user, DECIDING, "may not look people up; that")
    client, session = mongodb.connect("intake"), cassandra.connect("intake")
    try:
        intake = Intake(mongodb.database(client), session, BlindIndex(), subject_keys(), load())
        found = by_address(intake, who, address, per_hour=settings.lookups_per_hour)
    finally:
        client.close()
        session.cluster.shutdown()
    if as_json:
        typer.echo(
            json.dumps([{"user_id": each.user_id, "subject_id": each.subject_id} for each in found], indent=2)
        )
    else:
        for each in found:
            typer.echo(each.user_id)
    if not found:
        typer.echo("nobody has this address, or nothing of theirs has come since the index is kept", err=True)
        raise typer.Exit(1)
