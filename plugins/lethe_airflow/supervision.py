"""The checks of `supervise_stream` with their connections."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.configuration import conf
from airflow.sdk.exceptions import AirflowFailException

from lethe.errors import LetheError
from lethe.settings import SupervisionSettings
from lethe.stack.airflow_api import AirflowApi
from lethe.stack.supervise import Supervisor
from lethe.stores.mongodb import database
from lethe.stream import runs
from lethe.stream.supervision import check
from lethe.stream.verdict import Verdict
from lethe_airflow.connections import SUPERVISION, mongo_client

LOG = logging.getLogger(__name__)
DAG_ID = "supervise_stream"
API_USER = "controller"


def check_driver(run_id: str, try_again: bool) -> str:
    """Check once; the line that says what was seen and done goes to the log and to the run's note.

    Raises AirflowFailException when supervision gave up: to retry would be to check again at once.
    """
    with mongo_client(SUPERVISION) as client:
        outcome = check(database(client), Supervisor(), try_again=try_again)
    LOG.info(outcome.line)
    try:
        runs.set_note(AirflowApi(API_USER), DAG_ID, run_id, outcome.line)
    except LetheError as error:  # the driver has been looked after all the same, and the log has the line
        LOG.warning("the run's note could not be set: %s", error)
    if outcome.verdict is Verdict.GAVE_UP:
        raise AirflowFailException(outcome.line)
    return outcome.line


def clean_runs() -> int:
    """Delete the runs that are older than the settings keep them."""
    before = datetime.now(UTC) - timedelta(days=SupervisionSettings().keep_runs_days)
    logs = Path(conf.get("logging", "base_log_folder"))
    return runs.delete_before(AirflowApi(API_USER), DAG_ID, before, logs)
