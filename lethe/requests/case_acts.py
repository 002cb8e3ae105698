"""What the commands of cases have in common: the acting user, the stores, the clock."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from lethe.acting import Actor, Login, act_as
from lethe.register.load import current
from lethe.requests import case_store
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

    actor: Actor
    at: datetime
    cases: Cases
    clock: Clock

    @property
    def by(self) -> By:
        """Who makes a move here: Airflow's users are named as their roles are, of which who only reads has none."""
        return By(Role(self.actor.user), self.actor.user, self.actor.account)


@contextmanager
def desk(user: str, action: str, login: Callable[[str], Login] = AirflowApi) -> Iterator[Desk]:
    """A desk for an action that only some may: `read`, `reveal`, `hold`, or a move.

    Raises as `act_as`, `clock_of` and `mongodb.asked` do; nothing is asked of a store before Airflow took the password.
    """
    allowed = allowed_for(action)
    who = " or ".join(sorted(allowed))
    clock = clock_of()
    actor = act_as(user, allowed, f"{user} may not {action.replace('_', ' ')}: that takes {who}", login)
    with mongodb.asked(MONGO_ROLE, "cases") as client:
        yield Desk(actor, now(), Cases(client, mongodb.database(client)), clock)


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

    return case_store.change(at_desk.cases, case_id, step)


def complaint_route() -> str:
    """Where one can complain, Art. 12(4): the register's supervisory authority, or a court."""
    authority = current().supervisory_authority
    return f"{authority.name}, {authority.address}, {authority.email} (Art. 77); or a court (Art. 79)"
