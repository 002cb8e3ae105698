"""`lethe credentials` and `lethe provision`: what containers and clusters are given before they run Lethe."""

from pathlib import Path
from typing import Annotated

import typer


def credentials(
    into: Annotated[Path, typer.Option("--into", help="A folder of yours; the files go to `secrets` in it.")],
    keys: Annotated[
        Path | None,
        typer.Option("--keys", help="Where the pepper goes, outside of INTO.", show_default="LETHE_KEYS_DIR"),
    ] = None,
) -> None:
    """Make every credential that is missing, one file each, for docker-compose.yaml to hand out."""
    from lethe.settings import Paths
    from lethe.stack.provision import container_credentials

    keys = keys or Paths().keys_dir
    paths = Paths(home=into, secrets_dir=into / "secrets", keys_dir=keys)
    made = container_credentials.create(paths)
    _say(f"{len(made)} credentials made in {paths.secrets}, those that were there are kept; pepper in {keys}")
    owner = container_credentials.owner()
    if set(owner.values()) != {container_credentials.DEFAULT_OWNER}:
        _say(f"containers may read them as {' '.join(f'{name}={value}' for name, value in owner.items())}")


def provision(
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds in which to try again while a server does not answer.")
    ] = 0,
) -> None:
    """Make users, rights, schemas and topics on the servers that the settings name; repeat it at will."""
    from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

    from lethe.errors import StackError
    from lethe.register.load import load
    from lethe.settings import Paths
    from lethe.stack.provision import provision_servers
    from lethe.stack.provision.servers import configured

    def tell(attempt: RetryCallState) -> None:
        _say(f"{attempt.outcome.exception() if attempt.outcome else 'no answer'}; trying again")

    attempts = Retrying(
        retry=retry_if_exception_type(StackError),
        stop=stop_after_delay(wait),
        wait=wait_fixed(2),
        before_sleep=tell,
        reraise=True,
    )
    attempts(provision_servers, Paths(), configured(), load(), _say)


def _say(line: str) -> None:
    typer.echo(line, err=True)
