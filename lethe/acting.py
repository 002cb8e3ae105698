"""Who acts: an Airflow user, on behalf of whom an OS account runs the command; and what they did, before they do it."""

import os
import pwd
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from pymongo.database import Database

from lethe.errors import AccessError, InputError
from lethe.stack.airflow import USERS
from lethe.stack.airflow_api import AirflowApi
from lethe.stores.mongodb import Document


class Login(Protocol):
    """A connection to Airflow as one of its users."""

    def log_in(self) -> None:
        """Raises ConfigurationError where the password is not theirs, StackError where Airflow does not answer."""


@dataclass(frozen=True, slots=True)
class Actor:
    """An Airflow user, and the OS account that acts as them."""

    user: str
    account: str


def act_as(
    user: str, allowed: Collection[str], refusal: str, login: Callable[[str], Login] = AirflowApi
) -> Actor:
    """The actor, once Airflow has taken their password, which is read from the account's secret `airflow-<user>`.

    Raises InputError for a user that Airflow does not have, AccessError with `refusal` where they are not among the
    allowed, and as `Login.log_in` does.
    """
    if user not in USERS:
        raise InputError(f"--as: one of {', '.join(USERS)}")
    if user not in allowed:
        raise AccessError(refusal)
    login(user).log_in()
    return Actor(user, account())


def account() -> str:
    """The account that the process runs as, by the system's word: LOGNAME and USER can be set to anything."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def log_access(
    db: Database[Document], actor: Actor, action: str, count: int, which: Mapping[str, Any]
) -> None:
    """Append to the access log: who, when, what they do to which, how many; never what it says.

    It is on the majority's disks when this returns: call it before anything is shown or sent.
    """
    entry: dict[str, Any] = {
        "_id": uuid.uuid4().hex,
        "at": datetime.now(UTC),
        "user": actor.user,
        "account": actor.account,
        "action": action,
        "count": count,
    }
    db.access_log.insert_one(entry | dict(which))
