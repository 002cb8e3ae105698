"""`lethe erase`: ask Airflow to erase subjects, and say what became of it."""

from typing import Annotated

import typer

from lethe.requests.case_terms import Channel, Ground


def erase(
    user_ids: Annotated[
        list[str], typer.Argument(help="User ids (UUIDs); - reads them from standard input, one a line.")
    ],
    *,
    channel: Annotated[Channel, typer.Option(help="By which way the request came.")] = Channel.SUBJECT,
    ground: Annotated[
        Ground | None, typer.Option(help="Letter of Art. 17(1).", show_default="by the channel")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the erasures have ended.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    timeout: Annotated[float, typer.Option(min=1, help="Longest wait, in seconds.")] = 900.0,
) -> None:
    """Erase subjects from every store: a case each, which one run of the DAG `erase_subject` works on."""
    import json
    import sys

    from lethe.errors import InputError
    from lethe.requests import user_ids as ids
    from lethe.requests.airflow_runs import Erasures
    from lethe.requests.ask import ask, intake
    from lethe.stack.airflow_api import AirflowApi

    if "-" in user_ids:
        if len(user_ids) > 1:
            raise InputError("give user ids, or - for standard input, not both")
        subjects = ids.read(sys.stdin, "line")
    else:
        subjects = ids.read(user_ids, "argument")
    api = AirflowApi("controller")
    api.log_in()  # before a case is opened that nobody then works on
    erasures = Erasures(api)
    with intake() as cases:
        requests = ask(cases, erasures, subjects, channel, ground)
    if wait:
        requests = erasures.wait(requests, timeout)
    if as_json:
        typer.echo(json.dumps([request.document() for request in requests], indent=2))
    else:
        for number, request in enumerate(requests, start=1):
            typer.echo(f"{number}: {request.line()}")
    if any(request.has_failed for request in requests):
        raise typer.Exit(1)
