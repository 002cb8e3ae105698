"""Holds: what stands on a subject against an erasure, Art. 17(3), until the controller lifts it.

A hold defers deletion, never the stop of use. It is read in the very transaction that starts an erasure: one that is
acknowledged before is seen, whatever else happened meanwhile.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lethe.errors import AccessError, InputError
from lethe.requests.case_rules import reason_of
from lethe.requests.case_terms import Exemption, Role
from lethe.requests.cases import By
from lethe.requests.clock import in_ms

HOLD_ID_BYTES: Final = 16  # 128 random bits
_HOLD_ID: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Lift:
    """The end of a hold."""

    by: By
    reason: str


@dataclass(frozen=True, slots=True)
class Hold:
    """One hold on a subject, with the exemption that it rests on. `lifted_at` None: it stands."""

    hold_id: str
    subject_id: str
    exemption: Exemption
    reason: str
    placed_at: datetime
    placed_by: By
    lifted_at: datetime | None = None
    lift: Lift | None = None


def placed(subject_id: str, exemption: Exemption, reason: str, by: By, at: datetime) -> Hold:
    """A new hold. Raises AccessError unless it is the controller's, InputError as `reason_of` does."""
    _only_controller(by)
    hold_id = secrets.token_hex(HOLD_ID_BYTES)
    return Hold(hold_id, subject_id, exemption, reason_of(reason), in_ms(at), by)


def hold_id_of(text: str) -> str:
    """A hold's id as a user gives it. Raises InputError, without the text itself, where it is none."""
    if _HOLD_ID.fullmatch(text) is None:
        raise InputError("HOLD is not a hold's id (32 hexadecimal digits); `lethe case holds` shows them")
    return text


def lift(reason: str, by: By) -> Lift:
    """The lift of one. Raises AccessError unless it is the controller's, InputError as `reason_of` does."""
    _only_controller(by)
    return Lift(by, reason_of(reason))


def _only_controller(by: By) -> None:
    if by.role is not Role.CONTROLLER:
        raise AccessError(f"{by.user} may neither place a hold nor lift one: that is for controller")
