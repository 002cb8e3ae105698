"""Finding a subject by e-mail address, for staff to whom somebody writes who does not know the user id.

Who asked, and how often, is on record before anything is looked for; the address itself never is.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from cassandra.cluster import Session
from pymongo.database import Database

from lethe.audit import trail
from lethe.audit.entry import Action, Entry
from lethe.audit.who import Who
from lethe.errors import AccessError, PuncturedError, StoreError
from lethe.moments import time_text
from lethe.protection.blind_index import BlindIndex
from lethe.protection.fields import open_blob
from lethe.protection.subject_keys import SubjectKeys
from lethe.register.model import PROFILES, Register
from lethe.stores import cassandra
from lethe.stores.email_index import subjects_with
from lethe.stores.mongodb import Document

USER_ID: Final = "login.uuid"
WINDOW: Final = timedelta(hours=1)
PURPOSE: Final = "rights"


class Look(StrEnum):
    """What the audit trail says of a look-up."""

    ASKED = "asked"
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


def by_address(intake: Intake, who: Who, address: str, *, per_hour: int) -> list[Found]:
    """The living subjects with this address.

    Raises AccessError when the user has looked `per_hour` times within the last hour, StoreError where a store can't
    be asked. Of two looks at once at the bound neither may pass.
    """
    _allow(intake.db, who, per_hour)
    value = intake.index.value(address)
    subjects = [] if value is None else subjects_with(intake.session, value)
    found = [each for subject in subjects if (each := _read(intake, subject)) is not None]
    _enter(intake.db, who, Look.FOUND, count=len(found))
    return found


def _allow(db: Database[Document], who: Who, per_hour: int) -> None:
    _enter(db, who, Look.ASKED)
    since = time_text(datetime.now(UTC) - WINDOW)
    recent = {"action": Action.BLIND_INDEX.value, "role": who.role, "at": {"$gt": since}}
    asked, refused = (
        db.audit_trail.count_documents({**recent, "result.look": look.value})
        for look in (Look.ASKED, Look.REFUSED)
    )
    if asked - refused > per_hour:
        _enter(db, who, Look.REFUSED)
        raise AccessError(f"{who.role} has looked {per_hour} times within the last hour; try again later")


def _enter(db: Database[Document], who: Who, look: Look, **counts: int) -> None:
    """It is on the majority's disks when this returns."""
    trail.append(
        db.client, db, [Entry(who, Action.BLIND_INDEX, PURPOSE, result={"look": look.value, **counts})]
    )


def _read(intake: Intake, subject_id: str) -> Found | None:
    """The user id that the row holds; None where the row is gone, or its subject is being erased."""
    row = cassandra.read_profile(intake.session, subject_id)
    if row is None:
        return None
    group = intake.register.group_with(PROFILES, USER_ID)
    blob = None if group is None else getattr(row, group.name)
    if group is None or blob is None:
        raise StoreError(
            f"cassandra: the profile of {subject_id} holds no {USER_ID}; it can't be found by address"
        )
    try:
        values = open_blob(intake.keys, subject_id, group.name, blob)
    except PuncturedError:
        return None
    column = intake.register.fields[USER_ID].column_name(USER_ID)
    return Found(str(values[column]), subject_id)
