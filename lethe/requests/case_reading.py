"""Whom a case is about: read with its key, by who may, after it is on record that they look."""

import sys

from pymongo.database import Database

from lethe.audit.who import Who
from lethe.errors import DestroyedKeyError, InputError
from lethe.protection.pseudonym import load_pepper, subject_id
from lethe.requests import case_store, case_trail, user_ids
from lethe.requests.case_keys import CaseKeys
from lethe.requests.cases import Case
from lethe.stores.mongodb import Document


def reveal(db: Database[Document], keys: CaseKeys, case: Case, who: Who) -> dict[str, str]:
    """The sealed fields, by name. Raises DestroyedKeyError where they are gone, and as `unseal` does.

    The entry in the audit trail is made before the first is opened; without it nothing is.
    """
    if not case.sealed:
        raise DestroyedKeyError(f"case {case.case_id}: whom it is about was forgotten when the case was done")
    case_trail.revealed(db, case.case_id, who)
    return {name: keys.unseal(case.case_id, name, blob) for name, blob in sorted(case.sealed.items())}


def user_id_from_input() -> str:
    """One user id from standard input. Raises InputError, without repeating it, for none, more, or what is none."""
    found = user_ids.read(sys.stdin, "line")
    if len(found) != 1:
        raise InputError("a hold is on one subject: give one user id")
    return found[0]


def subject_of(db: Database[Document], case_id: str | None, user_id: str | None) -> str:
    """The subject of a case, or of a user id; raises as `case_store.load` and `load_pepper` do."""
    if case_id is not None:
        return case_store.load(db, case_id).subject_id
    return subject_id(load_pepper(), str(user_id))
