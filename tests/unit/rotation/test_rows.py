"""What becomes of a row, by what its document says."""

from collections import Counter
from typing import Any

import pytest

from lethe.rotation.rows import Candidate, Counts, Decision, Outcome, StoredRow, changes, decide

OLD, OLDER, NEW = "old name", "older name", "new name"
WRITTEN = 1_700_000_000_000_000
ROW = StoredRow("subject", (1_700_000_000_000, 7), WRITTEN, None, {"sealed": b"old"})
CANDIDATE = Candidate("subject", 0, 3, NEW, (OLDER, OLD), ROW, {"sealed": b"new"})
ALONE = Candidate("subject", 0, 3, NEW, (OLDER, OLD))


def document(name: str, **fields: Any) -> dict[str, dict[str, Any]]:
    """The row's own document, under a name."""
    held = {"_id": name, "at": 1_700_000_000_000, "offset": 7, "write_time": WRITTEN, "consents": [1]}
    return {name: held | fields}


def test_the_document_gets_its_new_name_root_and_write_time_and_keeps_all_else() -> None:
    decision = decide(CANDIDATE, document(OLD))
    assert decision == Decision(
        Outcome.MOVED,
        OLD,
        document(NEW, write_time=WRITTEN + 1, root=3)[NEW],
        WRITTEN + 1,
    )
    assert changes([decision]) == ([OLD], [decision.document])


def test_a_document_that_was_moved_before_its_row_was_written_stays_and_the_row_is_written() -> None:
    assert decide(CANDIDATE, document(NEW, write_time=WRITTEN + 1)) == Decision(
        Outcome.MOVED, write_time=WRITTEN + 1
    )


def test_a_row_of_the_same_write_time_as_a_moved_document_is_raised_above_it() -> None:
    """Else which of two ciphertexts of one write time stands would be for Cassandra to settle."""
    decision = decide(CANDIDATE, document(NEW))
    assert (decision.removes, decision.write_time) == (NEW, WRITTEN + 1)


@pytest.mark.parametrize(
    "held",
    [
        document(OLD, at=1_700_000_000_001),
        document(OLD, offset=8),
        document(OLD, at=None, offset=None),
        document(OLD, write_time=WRITTEN + 1),
        document(OLD, write_time=WRITTEN - 1),
        document(NEW, write_time=WRITTEN + 2),
        document(NEW, at=1_700_000_000_001, write_time=WRITTEN + 1),
        document(OLD) | document(NEW),
    ],
)
def test_a_row_that_is_not_what_its_document_says_is_left(held: dict[str, dict[str, Any]]) -> None:
    assert decide(CANDIDATE, held) == Decision(Outcome.WAITING)


@pytest.mark.parametrize("name", [OLD, OLDER, NEW])
@pytest.mark.parametrize("candidate", [CANDIDATE, ALONE])
def test_a_tombstone_under_any_name_keeps_all_as_it_is(name: str, candidate: Candidate) -> None:
    for others in ({}, document(OLD), document(NEW)):
        assert decide(candidate, others | {name: {"_id": name, "erased_at": 1}}) == Decision(Outcome.ERASED)


def test_a_row_without_a_document_is_counted_and_left() -> None:
    assert decide(CANDIDATE, {}) == Decision(Outcome.ORPHANED)


def test_of_a_subject_alone_the_name_is_changed_and_no_write_time() -> None:
    assert decide(ALONE, document(OLDER, at=None)).document == document(NEW, at=None, root=3)[NEW]
    assert decide(ALONE, {OLD: {"_id": OLD, "consents": []}}).document == {
        "_id": NEW,
        "consents": [],
        "root": 3,
    }
    assert decide(ALONE, document(NEW)) == decide(ALONE, {}) == Decision(Outcome.CURRENT)


@pytest.mark.parametrize(
    ("found", "clean", "stuck"),
    [
        ({Outcome.CURRENT: 5, Outcome.ERASED: 1}, True, False),
        ({}, True, False),
        ({Outcome.CURRENT: 5, Outcome.MOVED: 1}, False, False),
        ({Outcome.WAITING: 1, Outcome.ORPHANED: 1}, False, False),
        ({Outcome.CURRENT: 5, Outcome.ORPHANED: 1}, False, True),
        ({Outcome.UNREADABLE: 1}, False, True),
    ],
)
def test_a_pass_is_clean_or_stuck_or_to_be_followed(
    found: dict[Outcome, int], clean: bool, stuck: bool
) -> None:
    counts = Counts(Counter(found))
    assert (counts.is_clean, counts.is_stuck) == (clean, stuck)
    assert Counts.read(counts.document()) == counts
