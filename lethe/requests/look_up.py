"""Finding a subject by e-mail address, for staff to whom somebody writes who does not know the user id.

Who asked, and how often, is on record before anything is looked for; the address itself never is.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from cassandra.cluster import Session
from pymongo.database import Database

from lethe.acting import Actor, log_access
from lethe.errors import AccessError, PuncturedError, StoreError
from lethe.protection.blind_index import BlindIndex
from lethe.protection.fields import open_blob
from lethe.protection.subject_keys import SubjectKeys
from lethe.register.model import PROFILES, Register
from lethe.stores import cassandra
from lethe.stores.email_index import subjects_with
from lethe.stores.mongodb import Document

USER_ID: Final = "login.uuid"
WINDOW: Final = timedelta(hours=1)
DECIDING: Final = frozenset({"admin", "controller"})  # may look


class Action(StrEnum):
    """What the access log says of a look-up."""

    FIND = "find"
    FOUND = "found"  # what one came to
    REFUSED = "refused"  # it was one too many


@dataclass(frozen=True, slots=True)
class Found:
    """One subject with the address."""

    user_id: str
    subject_id: str


@dataclass(frozen=True, slots=True)
class Intake:
    """What a look-up needs: the sessions of `intake`, the index, the keys and the register of now."""

    db: Database[Document]
    session: Session
    index: BlindIndex
    keys: SubjectKeys
    register: Register


def by_address(intake: Intake, actor: Actor, address: str, *, per_hour: int) -> list[Found]:
    """The living subjects with this address.

    Raises AccessError when the actor has looked `per_hour` times within the last hour, StoreError where a store can't
    be asked. Of two looks at once at the bound neither may pass.
    """
    _allow(intake.db, actor, per_hour)
    value = intake.index.value(address)
    subjects = [] if value is None else subjects_with(intake.session, value)
    found = [each for subject in subjects if (each := _read(intake, subject)) is not None]
    log_access(intake.db, actor, Action.FOUND.value, len(found), {})
    return found


def _allow(db: Database[Document], actor: Actor, per_hour: int) -> None:
    log_access(db, actor, Action.FIND.value, 1, {})
    recent = {"user": actor.user, "at": {"$gt": datetime.now(UTC) - WINDOW}}
    asked, refused = (
        db.access_log.count_documents({**recent, "action": action.value})
        for action in (Action.FIND, Action.REFUSED)
    )
    if asked - refused > per_hour:
        log_access(db, actor, Action.REFUSED.value, 1, {})
        raise AccessError(f"{actor.user} has looked {per_hour} times within the last hour; try again later")


def _read(intake: Intake, subject_id: str) -> Found | None:
    """The user id that the row holds; None where the row is gone, or its subject is being erased."""
    register = intake.register
    row = cassandra.read_profile(intake.session, subject_id)
    if row is None:
        return None
    column = register.fields[USER_ID].column_name(USER_ID)
    for group in register.groups(PROFILES):
        blob = getattr(row, group.name)
        if blob is None or column not in {each.name for each in group.columns}:
            continue
        try:
            values = open_blob(intake.keys, subject_id, group.name, blob)
        except PuncturedError:
            return None
        return Found(str(values[column]), subject_id)
    raise StoreError(
        f"cassandra: the profile of {subject_id} holds no {USER_ID}; it can't be found by address"
    )
