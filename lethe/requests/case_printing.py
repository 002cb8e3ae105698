"""Cases and holds as they are shown: never whom they are about, not even by subject_id."""

from dataclasses import asdict
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from lethe.requests.cases import Case, due, is_overdue, is_suspended
from lethe.requests.clock import Clock
from lethe.requests.holds import Hold

HIDDEN = ("subject_id", "sealed")


def document(case: Case, clock: Clock, now: datetime) -> dict[str, Any]:
    """A case for machines, with what the clock says of it now."""
    shown = {name: value for name, value in asdict(case).items() if name not in HIDDEN}
    told = {
        "due": due(case, clock, now),
        "suspended": is_suspended(case, clock),
        "overdue": is_overdue(case, clock, now),
    }
    return {str(name): _json(value) for name, value in {**shown, **told}.items()}


def hold_document(hold: Hold) -> dict[str, Any]:
    """A hold for machines."""
    return {name: _json(value) for name, value in asdict(hold).items() if name not in HIDDEN}


def line(case: Case, clock: Clock, now: datetime) -> list[str]:
    """One row of a list: case_id, kind, state, day of receipt, day due and whether it is over."""
    mark = "overdue" if is_overdue(case, clock, now) else "suspended" if is_suspended(case, clock) else ""
    received, last = clock.day(case.received_at), due(case, clock, now)
    return [case.case_id, case.kind.value, case.state.value, str(received), str(last), mark]


LINE_HEAD = ["case", "kind", "state", "received", "due", ""]
HOLD_HEAD = ["hold", "Art. 17(3)", "placed", "by", "reason"]


def hold_line(hold: Hold, clock: Clock) -> list[str]:
    """One row of a list of holds."""
    placed = str(clock.day(hold.placed_at))
    return [hold.hold_id, f"({hold.exemption})", placed, hold.placed_by.user, hold.reason]


def text(case: Case, clock: Clock, now: datetime) -> str:
    """A case for people: a line for each thing that there is to tell."""
    lines = [f"{name.replace('_', ' ')}: {_words(value)}" for name, value in _told(case, clock, now)]
    lines += [
        f"check of identity: {each.method}, asked {each.asked_at:%Y-%m-%d}, {each.outcome or 'open'}"
        for each in case.checks
    ]
    lines += [f"advice of {each.by.user}: {each.ruling}, {each.reason}" for each in case.advice]
    for each in case.decisions:
        departure = f"; not as advised: {each.departure}" if each.departure else ""
        lines.append(f"decision of {each.by.user}: {each.ruling}, {each.reason}{departure}")
    if case.refusal is not None:
        lines.append(f"refused, {case.refusal.ground}: {case.refusal.reason}")
        lines.append(f"complaint: {case.refusal.complaint}")
    lines += [
        f"{step.at:%Y-%m-%d %H:%M:%S}Z  {step.move}  {step.by.user} ({step.by.account})"
        for step in case.history
    ]
    return "\n".join(lines)


def _told(case: Case, clock: Clock, now: datetime) -> list[tuple[str, Any]]:
    state = f"{case.state}, overdue" if is_overdue(case, clock, now) else case.state.value
    last = f"{due(case, clock, now)}{', suspended' if is_suspended(case, clock) else ''}"
    fields: dict[str, Any] = {
        "case": case.case_id,
        "kind": case.kind.value,
        "state": state,
        "channels": ", ".join(case.channels),
        "ground": f"Art. 17(1)({case.ground})" if case.ground else None,
        "received": case.received_at,
        "due": last,
        "extended": f"{case.extension.cause}, {case.extension.reason}" if case.extension else None,
        "joined": case.joined or None,
        "holds": ", ".join(case.holds) or None,
        "tombstoned": case.tombstoned_at,
        "recipients_told": case.recipients_told_at,
        "answered": case.answered_at,
        "key_shredded": case.shredded_at,
    }
    return [(name, value) for name, value in fields.items() if value is not None]


def _words(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S}Z" if isinstance(value, datetime) else str(value)


def _json(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_json(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, date):
        return value.isoformat()
    return value.value if isinstance(value, StrEnum) else value
