"""Changes of rights in the audit trail: what is granted and taken away is entered before it is done.

Killed between, the entry tells of a change that the next run makes, and enters again.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from pymongo.database import Database
from pymongo.errors import PyMongoError

from lethe.audit import trail
from lethe.audit.entry import Action, Entry, fitting
from lethe.audit.who import process
from lethe.errors import StackError
from lethe.settings import MongoSettings, Paths
from lethe.stack.provision.replica_set import ADMIN, admin_client
from lethe.stores.mongodb import Document, told

PURPOSE: Final = "operation"
Note = Callable[[str, Sequence[str], Sequence[str]], None]  # server, granted, revoked


def note(db: Database[Document], server: str, granted: Sequence[str], revoked: Sequence[str]) -> None:
    """Enter a server's changes, as this account; nothing where there are none."""
    if not granted and not revoked:
        return
    result: dict[str, Any] = {
        "server": server,
        "granted": [fitting(each) for each in sorted(granted)],
        "revoked": [fitting(each) for each in sorted(revoked)],
    }
    trail.append(db.client, db, [Entry(process(ADMIN), Action.RIGHTS, PURPOSE, result=result)])


def noting(paths: Paths, settings: MongoSettings) -> Note:
    """`note` by a connection that is made when there is something to enter; raises StackError where it can't be."""

    def entered(server: str, granted: Sequence[str], revoked: Sequence[str]) -> None:
        if not granted and not revoked:
            return
        try:
            with admin_client(paths, settings) as client:
                note(client[settings.database], server, granted, revoked)
        except PyMongoError as error:
            raise StackError(
                f"mongodb: rights of {server} could not be entered in the audit trail ({told(error)}); read its log"
            ) from None

    return entered
