"""Who acts: an Airflow user, on behalf of whom an OS account runs the command; and what they did, before they do it."""

import os
import pwd
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Protocol

from pymongo.database import Database

from lethe.errors import AccessError, InputError
from lethe.quarantine.selection import Selection
from lethe.stack.airflow import USERS
from lethe.stack.airflow_api import AirflowApi
from lethe.stores.mongodb import Document

DECIDING: Final = frozenset({"admin", "controller"})  # may see what a message says, and send it again


class Action(StrEnum):
    """What is done that shows what people's data say."""

    LIST = "list"
    SHOW = "show"
    REPLAY = "replay"
    REPLAYED = "replayed"  # what a replay came to
    FIND = "find"  # a subject by an e-mail address
    FOUND = "found"  # what a look-up came to
    REFUSED = "refused"  # it was one too many


class Login(Protocol):
    """A connection to Airflow as one of its users."""

    def log_in(self) -> None:
        """Raises ConfigurationError where the password is not theirs, StackError where Airflow does not answer."""


@dataclass(frozen=True, slots=True)
class Actor:
    """An Airflow user, and the OS account that acts as them."""

    user: str
    account: str


def act_as(user: str, action: Action, login: Callable[[str], Login] = AirflowApi) -> Actor:
    """The actor, once Airflow has taken their password, which is read from the account's secret `airflow-<user>`.

    Raises InputError for a user that Airflow does not have, AccessError where they may not do this, and as
    `Login.log_in` does.
    """
    if user not in USERS:
        raise InputError(f"--as: one of {', '.join(USERS)}")
    if action is not Action.LIST and user not in DECIDING:
        raise AccessError(
            f"{user} may list what is in quarantine; {action} takes {' or '.join(sorted(DECIDING))}"
        )
    login(user).log_in()
    return Actor(user, _account())


def _account() -> str:
    """The account that the process runs as, by the system's word: LOGNAME and USER can be set to anything."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def record(db: Database[Document], actor: Actor, action: Action, selection: Selection, count: int) -> None:
    """Append to the access log: who, when, which documents, how many; never what they say.

    It is on the majority's disks when this returns: call it before anything is shown or sent.
    """
    entry: dict[str, Any] = {
        "_id": uuid.uuid4().hex,
        "at": datetime.now(UTC),
        "user": actor.user,
        "account": actor.account,
        "action": action.value,
        "count": count,
    }
    db.access_log.insert_one(entry | selection.document())
