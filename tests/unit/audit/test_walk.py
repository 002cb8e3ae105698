"""Any one thing done to the trail is found, and told by its position."""

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lethe.audit.entry import entry_hash
from lethe.audit.report import Kind
from tests.unit.audit.entries import (
    AT,
    Stored,
    checkpoint_of,
    entry,
    head_of,
    kinds,
    stored,
    trail,
    verified,
)

COUNT = 12
TRAIL = trail(COUNT)
HEAD = head_of(TRAIL)
POSITIONS = st.integers(0, COUNT - 1)
SIGNED = [checkpoint_of(TRAIL[:size], f"c{size}") for size in (1, 5, 8)]


def fresh() -> list[Stored]:
    return copy.deepcopy(TRAIL)


def touches(report: Any, position: int) -> bool:
    return any(each.first <= position <= each.last for each in report.findings)


def test_an_untouched_trail_is_intact_and_agrees_with_every_checkpoint() -> None:
    report = verified(TRAIL, HEAD, *SIGNED, checkpoint_of(TRAIL))
    assert report.is_intact
    assert (report.first, report.size, report.compared) == (0, COUNT, 4)
    assert report.root == checkpoint_of(TRAIL).root


def test_an_empty_trail_is_intact() -> None:
    assert verified([], head_of([]), checkpoint_of([])).is_intact


EDITS = st.sampled_from(
    [
        ("role", "admin"),
        ("action", "export"),
        ("purpose", "marketing"),
        ("at", "2026-11-24T10:00:00.001Z"),
        ("key", "other"),
        ("previous", "f" * 64),
        ("case_id", "c1"),
        ("audit_ref", "a" * 64),
        ("run", None),
        ("result", {"count": 999}),
        ("result", {"count": 1.5}),
        ("result", {"count": b"x"}),
        ("surplus", 1),
    ]
)


@given(POSITIONS, EDITS)
def test_an_edited_entry_is_found(position: int, edit: tuple[str, Any]) -> None:
    documents = fresh()
    documents[position][edit[0]] = edit[1]
    report = verified(documents, HEAD)
    assert kinds(report) == {"changed"}
    assert touches(report, position)


@given(POSITIONS)
def test_a_field_taken_away_is_found(position: int) -> None:
    documents = fresh()
    del documents[position]["result"]
    assert kinds(verified(documents, HEAD)) == {"changed"}


@given(POSITIONS, st.integers(1, 4))
def test_deleted_entries_are_found(first: int, count: int) -> None:
    documents = [each for each in fresh() if not first <= each["_id"] < first + count]
    report = verified(documents, HEAD)
    last = min(first + count, COUNT) - 1
    expected = "truncated" if last == COUNT - 1 else "dropped_unsigned" if first == 0 else "missing"
    assert kinds(report) == {expected}
    assert [(each.first, each.last) for each in report.findings] == [(first, last)]


@given(st.one_of(st.floats(-3, COUNT + 3).filter(lambda at: at != int(at)), st.integers(-5, -1)))
def test_an_entry_between_two_positions_is_found(at: float) -> None:
    report = verified([*fresh(), {**TRAIL[3], "_id": at}], HEAD)
    assert kinds(report) == {"inserted"}


@given(st.integers(0, COUNT))
def test_an_entry_pushed_in_is_found(position: int) -> None:
    """The later ones moved up by one, as they are; the head told of one more."""
    pushed = {**TRAIL[0], "_id": position, "key": "pushed"}
    moved = [{**each, "_id": each["_id"] + 1} for each in TRAIL[position:]]
    report = verified([*TRAIL[:position], pushed, *moved], (COUNT + 1, HEAD[1]))
    assert "changed" in kinds(report)


def test_an_entry_after_the_head_is_found() -> None:
    (more,) = stored([entry(99)], COUNT, HEAD[1])
    report = verified([*TRAIL, more], HEAD)
    assert [(each.kind, each.first, each.last) for each in report.findings] == [(Kind.INSERTED, COUNT, COUNT)]


@given(st.lists(POSITIONS, min_size=2, max_size=2, unique=True))
def test_two_entries_that_changed_places_are_found(places: list[int]) -> None:
    documents = fresh()
    one, other = places
    documents[one]["_id"], documents[other]["_id"] = other, one
    report = verified(documents, HEAD)
    assert kinds(report) == {"changed"}
    assert touches(report, one)
    assert touches(report, other)


@given(st.integers(0, COUNT - 1))
def test_a_trail_that_was_cut_is_found(size: int) -> None:
    report = verified(TRAIL[:size], HEAD)
    assert [(each.kind, each.first, each.last) for each in report.findings] == [
        (Kind.TRUNCATED, size, COUNT - 1)
    ]


@given(st.integers(0, COUNT - 1))
def test_a_trail_that_was_cut_with_its_head_is_found_by_a_checkpoint(size: int) -> None:
    cut = TRAIL[:size]
    assert verified(cut, head_of(cut)).is_intact
    report = verified(cut, head_of(cut), checkpoint_of(TRAIL, "kept"))
    assert [(each.kind, each.first, each.where) for each in report.findings] == [(Kind.SHORTER, size, "kept")]


def test_a_trail_without_a_head_is_found() -> None:
    assert kinds(verified(TRAIL, (None, None))) == {"truncated"}


def rewritten(position: int) -> list[Stored]:
    """From a position on all is written anew, with every hash as it should be."""
    before = TRAIL[:position]
    size, head = head_of(before)
    edited = [entry(number, result={"count": number + 1000}) for number in range(position, COUNT)]
    return [*before, *stored(edited, size, head)]


@given(st.integers(0, 7))
def test_a_full_rewrite_is_found_by_a_checkpoint_and_between_which_two(position: int) -> None:
    documents = rewritten(position)
    assert verified(documents, head_of(documents)).is_intact
    report = verified(documents, head_of(documents), *SIGNED)
    (found,) = report.findings
    assert found.kind is Kind.REWRITTEN
    assert found.first <= position <= found.last


@given(st.integers(8, COUNT - 1))
def test_what_was_rewritten_after_the_last_checkpoint_only_a_later_one_tells(position: int) -> None:
    documents = rewritten(position)
    assert verified(documents, head_of(documents), *SIGNED).is_intact
    assert kinds(verified(documents, head_of(documents), *SIGNED, checkpoint_of(TRAIL))) == {"rewritten"}


def test_of_very_many_findings_the_first_are_told_and_all_are_counted() -> None:
    documents = trail(3_000)
    for each in documents[1:]:
        each["previous"] = "0" * 64
    report = verified(documents, (3_000, entry_hash(documents[-1]).hex()))
    assert report.findings.count == 2_999
    assert len(list(report.findings)) == 1_000
    assert "and 1,999 more" in "\n".join(report.lines())


def test_a_report_says_nothing_of_what_an_entry_holds() -> None:
    documents = fresh()
    documents[4] |= {"role": "SECRET", "at": AT.replace("10", "11"), "result": {"SECRET": "SECRET"}}
    report = verified(documents, HEAD, *SIGNED)
    assert not report.is_intact
    assert "SECRET" not in str(report.document()) + "".join(report.lines())
