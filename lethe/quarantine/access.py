"""Who may do what with quarantine, and the audit trail's entry of it, made before anything is shown or sent."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pymongo.database import Database

from lethe.audit import trail
from lethe.audit.acting import DECIDING, Login
from lethe.audit.acting import act_as as log_in_as
from lethe.audit.entry import Action, Entry
from lethe.audit.who import Who
from lethe.quarantine.selection import Selection
from lethe.stack.airflow import USERS
from lethe.stack.airflow_api import AirflowApi
from lethe.stores.mongodb import Document

PURPOSE: Final = "operation"
_WORDS: Final = {Action.QUARANTINE_SHOW: "show", Action.QUARANTINE_REPLAY: "replay"}


def act_as(user: str, action: Action | None, login: Callable[[str], Login] = AirflowApi) -> Who:
    """Who acts; `action` None: to list, which every user may. Raises as `lethe.audit.acting.act_as` does."""
    may = frozenset(USERS) if action is None else DECIDING
    refusal = f"may list what is in quarantine; {_WORDS[action]}" if action else ""
    return log_in_as(user, may, refusal, login)


def record_looks(db: Database[Document], who: Who, looks: Mapping[str | None, Sequence[str]]) -> None:
    """Enter who looks at which documents: an entry for each subject, so that theirs can be told them (Art. 15).

    They are on the majority's disks when this returns: call it before anything is shown.
    """
    entries = [
        Entry(who, Action.QUARANTINE_SHOW, PURPOSE, audit_ref=ref, result=_result(places))
        for ref, places in looks.items()
    ]
    trail.append(db.client, db, entries)


def _result(places: Sequence[str]) -> dict[str, Any]:
    return {"count": len(places), "places": list(places)}


def record_replay(db: Database[Document], who: Who, action: Action, selection: Selection, count: int) -> None:
    """Enter who sends again which documents, and how many; never what they say.

    It is on the majority's disks when this returns: call it before anything is sent.
    """
    result: dict[str, Any] = {"count": count} | selection.document()
    trail.append(db.client, db, [Entry(who, action, PURPOSE, result=result)])
