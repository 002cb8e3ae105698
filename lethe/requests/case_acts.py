"""What the commands of cases have in common: the acting user, the stores, the clock."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from lethe.audit.acting import Login, act_as
from lethe.audit.who import Who
from lethe.register.load import current
from lethe.requests import case_store, case_trail, hold_store
from lethe.requests.case_moves import move
from lethe.requests.case_rules import RULES, Facts
from lethe.requests.case_store import Cases
from lethe.requests.case_terms import Move, Role
from lethe.requests.cases import By, Case
from lethe.requests.clock import Clock, clock_of, now
from lethe.stack.airflow_api import AirflowApi
from lethe.stack.airflow_rights import ADMIN, CONTROLLER, DPO
from lethe.stores import mongodb

MONGO_ROLE: Final = "casework"
READERS: Final = (ADMIN, CONTROLLER, DPO)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where one command is at work: as whom, since when, on which stores, by which clock."""

    who: Who
    at: datetime
    cases: Cases
    clock: Clock

    @property
    def by(self) -> By:
        """Who makes a move here: Airflow's users are named as their roles are, of which who only reads has none."""
        return By(Role(self.who.role), self.who.role, self.who.account or "")

    @property
    def beside(self) -> case_store.Beside:
        """What the audit trail is told of a case that is moved here."""
        return case_trail.told_by(self.cases, self.who)

    @property
    def beside_hold(self) -> hold_store.BesideHold:
        """What the audit trail is told of a hold that is placed or lifted here."""
        return case_trail.hold_told_by(self.cases, self.who)


@contextmanager
def desk(user: str, action: str, login: Callable[[str], Login] = AirflowApi) -> Iterator[Desk]:
    """A desk for an action that only some may: `read`, `reveal`, `hold`, or a move.

    Raises as `act_as`, `clock_of` and `mongodb.asked` do; nothing is asked of a store before Airflow took the password.
    """
    clock = clock_of()
    who = act_as(user, frozenset(allowed_for(action)), f"may not {action.replace('_', ' ')}: that", login)
    with mongodb.asked(MONGO_ROLE, "cases") as client:
        yield Desk(who, now(), Cases(client, mongodb.database(client)), clock)


def allowed_for(action: str) -> Collection[str]:
    """The users who may: readers to read, the controller to reveal and to hold, others by the move's rule."""
    if action == "read":
        return READERS
    if action in ("reveal", "place_hold", "lift_hold"):
        return (CONTROLLER,)
    return sorted({role.value for role in RULES[Move(action)].who} - {Role.SYSTEM.value})


def make(at_desk: Desk, case_id: str, what: Move, facts: Facts) -> Case:
    """Make a person's move on a case; raises as `move` and the store do."""
    given = replace(facts, clock=at_desk.clock, complaint=complaint_route())

    def step(case: Case, _session: object) -> Case:
        return move(case, what, at_desk.by, at_desk.at, given)

    return case_store.change(at_desk.cases, case_id, step, at_desk.beside)


def complaint_route() -> str:
    """Where one can complain, Art. 12(4): the register's supervisory authority, or a court."""
    authority = current().supervisory_authority
    return f"{authority.name}, {authority.address}, {authority.email} (Art. 77); or a court (Art. 79)"
