"""`lethe`: the command line. Each command lives beside what it works on; here they are only put together."""

import os
import sys
from collections.abc import Callable

import typer

from lethe.audit.commands import app as audit
from lethe.errors import LetheError
from lethe.governance.commands import publish
from lethe.producers.commands import load, simulate
from lethe.quarantine.commands import app as quarantine
from lethe.register.commands import app as register
from lethe.requests.case_commands import app as case
from lethe.requests.certificate.commands import app as certificate
from lethe.requests.commands import erase
from lethe.requests.find import find
from lethe.stack import commands as stack
from lethe.stack.provision.commands import credentials, provision
from lethe.stream.commands import app as stream

app = typer.Typer(
    help="A live store of user profiles that knows how to forget, and can prove it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
SYSTEM, DATA, SERVICES = (
    "The system on this machine",
    "Data and requests",
    "What supervisors and containers run",
)
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def _add(panel: str, *commands: Callable[..., None]) -> None:
    for command in commands:
        app.command(rich_help_panel=panel)(command)


_add(SYSTEM, stack.up, stack.down, stack.status, stack.clean, stack.env)
app.command(rich_help_panel=SYSTEM, context_settings=PASS_ON)(stack.airflow)
_add(DATA, simulate, load, erase, find)
app.add_typer(case, name="case", rich_help_panel=DATA)
app.add_typer(quarantine, name="quarantine", rich_help_panel=DATA)
app.add_typer(certificate, name="certificate", rich_help_panel=DATA)
app.add_typer(audit, name="audit", rich_help_panel=DATA)
app.add_typer(register, name="register", rich_help_panel=DATA)
_add(SERVICES, publish, credentials, provision)
app.add_typer(stream, name="stream", rich_help_panel=SERVICES)

FAILED = 1
INTERRUPTED = 130


def main() -> None:
    """Run a command; a known error is one line on stderr, without a traceback."""
    os.umask(0o077)
    try:
        app()
    except LetheError as error:
        for line in str(error).splitlines():
            typer.secho(f"lethe: {line}", fg=typer.colors.RED, err=True)
        sys.exit(FAILED)
    except KeyboardInterrupt:
        typer.secho("lethe: interrupted; the same command goes on from here", err=True)
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
