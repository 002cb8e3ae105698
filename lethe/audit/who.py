"""Who did something: a role, and the account of the operating system or the DAG run that acted in it."""

import hashlib
import os
import pwd
import re
from dataclasses import dataclass

# As Airflow names runs itself; any other name was typed by somebody, and may be anything.
_MADE_BY_AIRFLOW = re.compile(
    r"(?:manual|scheduled|backfill|asset_triggered)__[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}(?:\+00:00|Z)"
    r"(?:_[A-Za-z0-9]{1,12})?"
).fullmatch


@dataclass(frozen=True, slots=True)
class Who:
    """`role`: an Airflow user, or a service's role in the stores; one of `account` and `run` besides."""

    role: str
    account: str | None = None
    run: str | None = None


def process(role: str) -> Who:
    """This process, in a role."""
    return Who(role, account=account())


def account() -> str:
    """The account that the process runs as, by the system's word: LOGNAME and USER can be set to anything."""
    number = os.getuid()
    try:
        return re.sub("[^A-Za-z0-9_.-]", "_", pwd.getpwuid(number).pw_name)
    except KeyError:
        return str(number)


def run_name(run_id: str) -> str:
    """A DAG run's name as it may stand in the trail: as Airflow makes it, else the hash of what was typed."""
    if _MADE_BY_AIRFLOW(run_id):
        return run_id
    return f"named__{hashlib.sha256(run_id.encode()).hexdigest()[:32]}"
