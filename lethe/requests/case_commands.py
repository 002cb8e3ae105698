"""`lethe case …`: what subjects have asked for, by when they must be answered, and what people decide of it."""

from typing import TYPE_CHECKING, Annotated

import typer

from lethe.requests.case_terms import (
    Exemption,
    ExtensionCause,
    IdentityMethod,
    IdentityOutcome,
    Kind,
    Move,
    RefusalGround,
    Ruling,
    State,
)

if TYPE_CHECKING:
    from lethe.requests.case_rules import Facts
    from lethe.requests.cases import Case

app = typer.Typer(help="Requests of subjects: their clock, holds, advice, decisions.", no_args_is_help=True)

CaseId = Annotated[str, typer.Argument(metavar="CASE", help="The case_id.", show_default=False)]
As = Annotated[str, typer.Option("--as", metavar="USER", help="The Airflow user to act as.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept, so it names nobody.", show_default=False)]
Rule = Annotated[
    Ruling, typer.Option(help="What to do in spite of, or because of, the hold.", show_default=False)
]


@app.command("list")
def list_(
    *,
    state: Annotated[
        list[State] | None, typer.Option(help="In this state; may be repeated.", show_default=False)
    ] = None,
    kind: Annotated[Kind | None, typer.Option(help="Of this kind.", show_default=False)] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only where an answer is late.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Cases at most.")] = 100,
    as_user: As = "controller",
    as_json: Json = False,
) -> None:
    """Say which cases there are, the longest open first; never whom they are about."""
    from lethe.requests import case_printing, case_store
    from lethe.requests.case_acts import desk
    from lethe.requests.cases import is_overdue

    with desk(as_user, "read") as at:
        found = case_store.find(at.cases.db, states=state or (), kind=kind, limit=0 if overdue else limit)
    if overdue:
        found = [case for case in found if is_overdue(case, at.clock, at.at)][:limit]
    if as_json:
        _print_json([case_printing.document(case, at.clock, at.at) for case in found])
    else:
        _print_rows(case_printing.LINE_HEAD, [case_printing.line(case, at.clock, at.at) for case in found])


@app.command()
def show(case: CaseId, as_user: As = "controller", as_json: Json = False) -> None:
    """Tell all of a case but whom it is about."""
    from lethe.requests import case_printing, case_store
    from lethe.requests.case_acts import desk
    from lethe.requests.case_keys import case_id_of

    case_id = case_id_of(case)
    with desk(as_user, "read") as at:
        found = case_store.load(at.cases.db, case_id)
    if as_json:
        _print_json(case_printing.document(found, at.clock, at.at))
    else:
        typer.echo(case_printing.text(found, at.clock, at.at))


@app.command()
def reveal(case: CaseId, as_user: As = "controller", as_json: Json = False) -> None:
    """Print whom a case is about, and where the answer goes; that you looked is recorded first."""
    from lethe.requests import case_store
    from lethe.requests.case_acts import desk
    from lethe.requests.case_keys import CaseKeys, case_id_of
    from lethe.requests.case_reading import reveal as revealed

    case_id, keys = case_id_of(case), CaseKeys()
    with desk(as_user, "reveal") as at:
        found = case_store.load(at.cases.db, case_id)
        told = revealed(at.cases.db, keys, found, at.who)
    if as_json:
        _print_json(told)
    else:
        for name, value in told.items():
            typer.echo(f"{name}: {value}")


@app.command()
def holds(as_user: As = "controller", as_json: Json = False) -> None:
    """Say which holds stand; never on whom."""
    from lethe.requests import case_printing, hold_store
    from lethe.requests.case_acts import desk

    with desk(as_user, "read") as at:
        found = hold_store.standing(at.cases.db)
    if as_json:
        _print_json([case_printing.hold_document(hold) for hold in found])
    else:
        _print_rows(case_printing.HOLD_HEAD, [case_printing.hold_line(hold, at.clock) for hold in found])


@app.command()
def hold(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="CASE|-", help="A case about the subject; - reads a user id from standard input."
        ),
    ],
    exemption: Annotated[
        Exemption, typer.Option(help="What stands against erasing, Art. 17(3).", show_default=False)
    ],
    reason: Reason,
    as_user: As = "controller",
) -> None:
    """Hold a subject: no erasure of theirs begins before you have decided on it. Use stops all the same."""
    from lethe.requests import case_reading, hold_store
    from lethe.requests.case_acts import desk
    from lethe.requests.case_keys import case_id_of
    from lethe.requests.case_rules import reason_of
    from lethe.requests.holds import placed

    why = reason_of(reason)
    asked = None if subject == "-" else case_id_of(subject)
    user_id = case_reading.user_id_from_input() if asked is None else None
    with desk(as_user, "place_hold") as at:
        subject_id = case_reading.subject_of(at.cases.db, asked, user_id)
        new = placed(subject_id, exemption, why, at.by, at.at)
        found = hold_store.place(at.cases, new, beside=at.beside_hold, beside_case=at.beside)
    typer.echo(f"hold {new.hold_id} stands")
    _print_states(found)


@app.command()
def lift(
    hold: Annotated[str, typer.Argument(metavar="HOLD", help="Its id.", show_default=False)],
    reason: Reason,
    as_user: As = "controller",
) -> None:
    """Lift a hold; what no other holds goes on."""
    from lethe.requests import hold_store
    from lethe.requests.case_acts import desk
    from lethe.requests.case_rules import reason_of
    from lethe.requests.holds import hold_id_of
    from lethe.requests.holds import lift as lifted

    hold_id, why = hold_id_of(hold), reason_of(reason)
    with desk(as_user, "lift_hold") as at:
        found = hold_store.lift(
            at.cases, hold_id, lifted(why, at.by), at.at, beside=at.beside_hold, beside_case=at.beside
        )
    typer.echo(f"hold {hold_id} is lifted")
    _print_states(found)


@app.command()
def advise(case: CaseId, ruling: Rule, reason: Reason, as_user: As = "dpo") -> None:
    """Advise the controller on a held case, as data protection officer (Art. 39); it is kept beside the decision."""
    from lethe.requests.case_rules import Facts

    _move(case, Move.ADVISE, Facts(ruling=ruling, reason=reason), as_user)


@app.command()
def decide(
    case: CaseId,
    ruling: Rule,
    reason: Reason,
    departure: Annotated[
        str | None,
        typer.Option(help="Why not as the dpo advised, or why without advice.", show_default=False),
    ] = None,
    as_user: As = "controller",
) -> None:
    """Decide on a held case: erase in spite of what holds it, or refuse (Art. 17(3))."""
    from dataclasses import replace

    from lethe.requests import hold_store
    from lethe.requests.case_acts import complaint_route, desk
    from lethe.requests.case_keys import case_id_of
    from lethe.requests.case_rules import Facts

    case_id, facts = case_id_of(case), Facts(ruling=ruling, reason=reason, departure=departure)
    with desk(as_user, Move.DECIDE) as at:
        given = replace(facts, complaint=complaint_route())
        found = hold_store.decide(at.cases, case_id, at.by, at.at, facts=given, beside=at.beside)
    _print_states([found])


@app.command()
def extend(
    case: CaseId,
    cause: Annotated[ExtensionCause, typer.Option(help="What makes it necessary.", show_default=False)],
    reason: Reason,
    as_user: As = "controller",
) -> None:
    """Take two further months, within the first; tell the subject of it, with the reason (Art. 12(3))."""
    from lethe.requests.case_rules import Facts

    _move(case, Move.EXTEND, Facts(cause=cause, reason=reason), as_user)


@app.command()
def refuse(
    case: CaseId,
    ground: Annotated[RefusalGround, typer.Option(help="Why it is refused.", show_default=False)],
    reason: Reason,
    as_user: As = "controller",
) -> None:
    """Refuse a request; what stands against an erasure by Art. 17(3) takes a hold, and `decide`."""
    from lethe.requests.case_rules import Facts

    _move(case, Move.REFUSE, Facts(ground=ground, reason=reason), as_user)


@app.command()
def identity(
    case: CaseId,
    ask: Annotated[
        IdentityMethod | None, typer.Option(help="How they are asked who they are.", show_default=False)
    ] = None,
    outcome: Annotated[
        IdentityOutcome | None, typer.Option(help="What came of it.", show_default=False)
    ] = None,
    as_user: As = "controller",
) -> None:
    """Note that identity is in doubt, or what came of the check; never what was shown (Art. 12(6))."""
    from lethe.errors import InputError
    from lethe.requests.case_rules import Facts

    if (ask is None) == (outcome is None):
        raise InputError("say either how they are asked (--ask), or what came of it (--outcome)")
    what = Move.SETTLE_IDENTITY if ask is None else Move.ASK_IDENTITY
    _move(case, what, Facts(method=ask, outcome=outcome), as_user)


@app.command()
def answer(case: CaseId, as_user: As = "controller") -> None:
    """Note that the subject has been answered, now."""
    from lethe.requests.case_rules import Facts

    _move(case, Move.ANSWER, Facts(), as_user)


def _move(case: str, what: Move, facts: "Facts", as_user: str) -> None:
    from lethe.requests.case_acts import desk, make
    from lethe.requests.case_keys import case_id_of

    case_id = case_id_of(case)
    with desk(as_user, what) as at:
        found = make(at, case_id, what, facts)
    _print_states([found])


def _print_states(cases: "list[Case]") -> None:
    for each in cases:
        typer.echo(f"case {each.case_id} is {each.state}")


def _print_json(value: object) -> None:
    import json

    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def _print_rows(head: list[str], rows: list[list[str]]) -> None:
    if not rows:
        typer.echo("nothing")
        return
    widths = [max(len(cell) for cell in column) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())
