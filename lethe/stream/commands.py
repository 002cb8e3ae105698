"""`lethe stream …`: what the supervisor runs."""

import typer

app = typer.Typer(help="The stream's driver.", no_args_is_help=True)


@app.callback()
def stream() -> None:
    """The stream's driver."""


@app.command()
def run() -> None:
    """Take the lease and become the stream's driver (the supervisor's program `stream`)."""
    from lethe.settings import Paths
    from lethe.stream.submit import run as become_driver

    become_driver(Paths())
