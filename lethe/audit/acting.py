"""Who acts at the command line: an Airflow user, as whom an account of the operating system logs in."""

from collections.abc import Callable
from typing import Final, Protocol

from lethe.audit.who import Who, process
from lethe.errors import AccessError, InputError
from lethe.stack.airflow import USERS
from lethe.stack.airflow_api import AirflowApi

DECIDING: Final = frozenset({"admin", "controller"})  # may see clear data, and decide
READING: Final = DECIDING | {"dpo"}


class Login(Protocol):
    """A connection to Airflow as one of its users."""

    def log_in(self) -> None:
        """Raises ConfigurationError where the password is not theirs, StackError where Airflow does not answer."""


def act_as(user: str, may: frozenset[str], refusal: str, login: Callable[[str], Login] = AirflowApi) -> Who:
    """The user, once Airflow has taken their password, which is read from the account's secret `airflow-<user>`.

    Raises InputError for a user that Airflow does not have, AccessError with the `refusal` and who may for one that
    may not, and as `Login.log_in` does.
    """
    if user not in USERS:
        raise InputError(f"--as: one of {', '.join(USERS)}")
    if user not in may:
        raise AccessError(f"{user} {refusal} takes {' or '.join(sorted(may))}")
    login(user).log_in()
    return process(user)
