"""`lethe register …`: check the register, and show the schemas that follow from it."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The register: what personal data is held, and why.", no_args_is_help=True)

File = Annotated[
    Path | None, typer.Argument(help="A register; default: the project's own.", show_default=False)
]


@app.command("check")
def check(file: File = None) -> None:
    """Say everything that is wrong with a register, each with its line, the policies' wordings included."""
    from lethe.register.load import check as checked

    register = checked(file)
    typer.echo(
        f"valid: version {register.version}, {len(register.fields)} fields, {len(register.stores)} stores, "
        f"{len(register.purposes)} purposes"
    )
    if register.example:
        typer.echo("the controller is an EXAMPLE: name yours before you hold anybody's data")


@app.command("schema")
def schema(file: File = None) -> None:
    """Print what the register makes of the stores: Cassandra's CQL, then MongoDB's validators and TTLs."""
    import json

    from lethe.register.load import load
    from lethe.register.schema import cassandra_statements, mongodb_ttls, mongodb_validators
    from lethe.settings import CassandraSettings

    register = load(file)
    ring = CassandraSettings()
    replication: dict[str, str | int] = {
        "class": "NetworkTopologyStrategy",
        ring.datacenter: ring.replication,
    }
    for statement in cassandra_statements(register, ring.keyspace, replication):
        typer.echo(f"{statement};")
    ttls = {name: {"field": at, "seconds": seconds} for name, (at, seconds) in mongodb_ttls(register).items()}
    typer.echo(json.dumps({"validators": mongodb_validators(register), "ttls": ttls}, indent=2))
