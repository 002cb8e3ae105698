"""Who works on cases in the running MongoDB, with the rights of each, and one person after the other."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from lethe.protection.pseudonym import load_pepper, subject_id
from lethe.requests import case_store, hold_store
from lethe.requests.case_keys import CaseKeys
from lethe.requests.case_moves import move
from lethe.requests.case_rules import Facts
from lethe.requests.case_store import Cases, Request
from lethe.requests.case_terms import Channel, Exemption, Kind, Move, Role
from lethe.requests.cases import By, Case
from lethe.requests.clock import now as time_now
from lethe.requests.holds import Hold, placed
from tests.integration.live import LiveStack

CONTROLLER, DPO = By(Role.CONTROLLER, "controller", "ops"), By(Role.DPO, "dpo", "ops")
SYSTEM = By(Role.SYSTEM, "erase_subject", "ops")
ADDRESS = "anna@mail.example"


class House:
    """The three who work on cases, and one person after the other."""

    def __init__(self, stack: LiveStack) -> None:
        self.stack = stack
        self.intake, self.casework, self.eraser = (
            Cases(stack.mongo(role), stack.db(role)) for role in ("intake", "casework", "eraser")
        )
        self.keys = CaseKeys(stack.paths)

    def request(self, **changes: Any) -> Request:
        user_id = str(uuid.uuid4())
        subject = subject_id(load_pepper(self.stack.paths), user_id)
        request = Request(
            subject, user_id, Kind.ERASURE, Channel.SUBJECT, datetime.now(UTC), reply_to=ADDRESS
        )
        return replace(request, **changes)

    def open(self, request: Request | None = None, **changes: Any) -> Case:
        return case_store.open_case(self.intake, self.keys, request or self.request(**changes))

    def step(self, case: Case, what: Move, by: By, **facts: Any) -> Case:
        cases = self.casework if by.role is not Role.SYSTEM else self.eraser
        given = Facts(**facts)
        return case_store.change(cases, case.case_id, lambda held, _: move(held, what, by, time_now(), given))

    def hold(self, subject: str, exemption: Exemption = Exemption.LEGAL_CLAIMS) -> Hold:
        return placed(subject, exemption, "a claim is pending", CONTROLLER, time_now())

    def begin(self, case: Case) -> Case:
        return hold_store.begin(self.eraser, case.case_id, SYSTEM, time_now())

    def empty(self) -> None:
        """Remove every case and hold, and the keys."""
        db = self.stack.db("admin")
        db.cases.delete_many({})
        db.holds.delete_many({})
        for case_id in self.keys.older_than(timedelta(0), datetime.now(UTC)):
            self.keys.shred(case_id)

    def stored(self, case: Case) -> dict[str, Any]:
        found = self.stack.db("auditor").cases.find_one({"_id": case.case_id})
        assert found is not None
        return found
