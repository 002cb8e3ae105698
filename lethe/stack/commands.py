"""`lethe up`, `down`, `status`, `clean`, `env` and `airflow`: the embedded stack from the command line."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer


def up() -> None:
    """Bring the whole system up on this machine; repeat it whenever something is missing."""
    import time

    from rich.console import Console

    from lethe.stack import up as bringing_up

    console = Console(stderr=True, highlight=False)
    began = time.monotonic()

    def progress(line: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:5.1f} s[/dim]  {line}", soft_wrap=True)

    bringing_up.up(progress)
    _tell_where_everything_is()


def _tell_where_everything_is() -> None:
    from lethe.settings import AirflowSettings, DashboardSettings, Paths
    from lethe.stack import airflow

    secrets, program = _short(Paths().secrets), _program()
    url = {"admin": AirflowSettings().url}
    rows = [
        ("what", "where", "user", "password in"),
        ("Dashboard", DashboardSettings().url, "lethe", f"{secrets}/dashboard-login"),
        *(
            ("Airflow" if user in url else "", url.get(user, ""), user, f"{secrets}/airflow-{user}")
            for user in airflow.USERS
        ),
    ]
    typer.echo()
    for what, where, user, password in rows:
        typer.echo(f"{what:<10} {where:<22} {user:<10} {password}")
    typer.echo(f'\nKafka, Cassandra, MongoDB, for any client: eval "$({program} env)"\n\nNext:')
    for command, purpose in (
        (f"{program} simulate --profiles 2000", "send people; it prints three user ids"),
        (DashboardSettings().url, "open the dashboard"),
        (f"{program} erase USER_ID --wait", "erase one of the three"),
    ):
        typer.echo(f"  {command:<40} {purpose}")


def _program() -> str:
    """The `lethe` command as the user can type it here."""
    return _short(Path(sys.executable).with_name("lethe"))


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def down() -> None:
    """Stop every process; the data stays, and the next `up` goes on where it was."""
    from lethe.stack import down as ending

    ending.down(_say)


def clean(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    keys: Annotated[bool, typer.Option("--keys", help="Remove the pepper too.")] = False,
) -> None:
    """Stop everything, remove all data, and destroy what its subjects' keys came from (asks first).

    Copies of the data that you made elsewhere are not touched; what is encrypted in them can't be read any more.
    """
    from lethe.settings import Paths
    from lethe.stack import down as ending

    paths = Paths()
    what = f"{paths.home} with all data and its subjects' keys" + (f", and {paths.keys_dir}" if keys else "")
    if not yes:
        typer.confirm(f"Remove {what}?", abort=True)
    ending.clean(_say, keys=keys)
    if not keys and paths.keys_dir.exists():
        _say(f"the pepper is still in {paths.keys_dir}; --keys removes it")


def status() -> None:
    """Say what runs; exit code 1 when something does not."""
    from rich.console import Console
    from rich.table import Table

    from lethe.settings import Paths
    from lethe.stack import status as reading

    paths = Paths()
    found = reading.read(paths)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("program", "state", "process", "up for", "memory", "ports"):
        table.add_column(column, justify="right" if column in ("process", "up for", "memory") else "left")
    for each in found:
        table.add_row(
            each.name,
            each.state if each.is_well else f"[bold red]{each.state}[/bold red]",
            str(each.pid or ""),
            _duration(each.seconds_up) if each.pid else "",
            f"{each.memory / 2**20:,.0f} MiB" if each.pid else "",
            " ".join(str(port) for port in each.ports),
        )
    console = Console(highlight=False)
    console.print(table)
    console.print(f"\nmemory of all: {sum(each.memory for each in found) / 2**30:.1f} GiB")
    console.print(f"stream: {reading.stream_line(paths)}", soft_wrap=True)
    if not all(each.is_well for each in found):
        raise typer.Exit(1)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


def env() -> None:
    """Print how clients reach the stack, passwords included: eval "$(lethe env)"."""
    from lethe.settings import Paths
    from lethe.stack.client_environment import exports

    typer.echo(exports(Paths()), nl=False)


def airflow(context: typer.Context) -> None:
    """Run Airflow's own command line as this installation's, for example `lethe airflow dags list`."""
    from lethe.errors import ConfigurationError
    from lethe.settings import Paths
    from lethe.stack import airflow as installed
    from lethe.stack.programs import installation

    paths = Paths()
    if not (installed.home(paths) / "airflow.cfg").exists():
        raise ConfigurationError("airflow is not set up here; run `make up` first")
    program = Path(sys.executable).with_name("airflow")
    variables = os.environ | installation(paths) | installed.environment(paths)
    os.execve(program, [str(program), *context.args], variables)  # noqa: S606 - becomes Airflow's command line


def _say(line: str) -> None:
    typer.echo(line, err=True)
