"""Passes follow each other until one is clean, and no longer."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any, cast

import pytest

from lethe.errors import StoreError
from lethe.register.load import current
from lethe.rotation.passes import other_tables, run
from lethe.rotation.record import Rotation
from lethe.rotation.rows import Counts, Outcome
from lethe.settings import RotationSettings

CURRENT, MOVED, WAITING, ORPHANED = Outcome.CURRENT, Outcome.MOVED, Outcome.WAITING, Outcome.ORPHANED
LIMITS = RotationSettings(passes=4, pause_seconds=7)


class Noted:
    """The record, in memory."""

    number = 2

    def __init__(self, **held: Any) -> None:
        self.held = held
        self.passes: list[Counts] = []

    def record(self) -> dict[str, Any]:
        return self.held

    def note_pass(self, counts: Counts, _began_at: datetime) -> None:
        self.passes.append(counts)


def passes(*found: dict[Outcome, int]) -> tuple[Noted, list[float], Any]:
    """Run passes that find this; the record, the pauses, and what the last one found or why there is none."""
    noted, pauses = Noted(settled_at="now"), list[float]()
    coming: Iterator[Counts] = (Counts(Counter(each)) for each in found)
    try:
        ended: Any = run(cast("Rotation", noted), lambda: next(coming), LIMITS, pauses.append)
    except StoreError as error:
        ended = str(error)
    return noted, pauses, ended


def test_a_clean_pass_is_the_last() -> None:
    noted, pauses, ended = passes({MOVED: 9}, {CURRENT: 9}, {MOVED: 1})
    assert [each.document()["moved"] for each in noted.passes] == [9, 0]
    assert (pauses, ended) == ([], Counts(Counter({CURRENT: 9})))


def test_rows_that_wait_for_the_stream_are_given_time() -> None:
    _, pauses, ended = passes({MOVED: 8, WAITING: 1}, {CURRENT: 8, MOVED: 1}, {CURRENT: 9})
    assert pauses == [7]
    assert ended.is_clean


def test_passes_are_bounded() -> None:
    noted, pauses, ended = passes(*[{WAITING: 1}] * 9)
    assert (len(noted.passes), pauses) == (4, [7, 7, 7])
    assert "1 waiting" in ended


def test_what_another_pass_would_not_change_ends_them_at_once() -> None:
    noted, _, ended = passes({MOVED: 1, ORPHANED: 1}, {CURRENT: 1, ORPHANED: 1}, {CURRENT: 2})
    assert len(noted.passes) == 2
    assert "1 orphaned" in ended


def test_no_row_is_touched_before_batches_know_the_new_root() -> None:
    with pytest.raises(StoreError, match="await_batches"):
        run(cast("Rotation", Noted()), Counts, LIMITS)


def test_tables_that_name_subjects_are_those_of_the_register() -> None:
    register = current()
    profiles = register.stores["cassandra.profiles"]
    more = {
        "cassandra.consents": profiles,
        "cassandra.figures": profiles.model_copy(update={"found_by": "name"}),
    }
    extended = register.model_copy(update={"stores": {**register.stores, **more}})
    assert "consents" in other_tables(extended)
    assert not {"profiles", "figures"} & set(other_tables(extended))
