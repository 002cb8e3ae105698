"""Who may do what with quarantine, and the access log's entries about it."""

from collections.abc import Callable
from enum import StrEnum
from typing import Final

from pymongo.database import Database

from lethe import acting
from lethe.acting import Actor, Login, log_access
from lethe.quarantine.selection import Selection
from lethe.stack.airflow import USERS
from lethe.stack.airflow_api import AirflowApi
from lethe.stores.mongodb import Document

DECIDING: Final = frozenset({"admin", "controller"})  # may see what a message says, and send it again


class Action(StrEnum):
    """What is done to what quarantine holds."""

    LIST = "list"
    SHOW = "show"
    REPLAY = "replay"
    REPLAYED = "replayed"  # what a replay came to


def act_as(user: str, action: Action, login: Callable[[str], Login] = AirflowApi) -> Actor:
    """The actor; raises as `acting.act_as` does."""
    allowed = USERS if action is Action.LIST else DECIDING
    refusal = f"{user} may list what is in quarantine; {action} takes {' or '.join(sorted(DECIDING))}"
    return acting.act_as(user, allowed, refusal, login)


def record(db: Database[Document], actor: Actor, action: Action, selection: Selection, count: int) -> None:
    """Append to the access log which documents are meant, before they are shown or sent; see `log_access`."""
    log_access(db, actor, action.value, count, selection.document())
