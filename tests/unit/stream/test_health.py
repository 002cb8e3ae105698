"""What the stream tells of a batch: every row accounted for, and no more than a document can hold."""

from collections import Counter

from bson import BSON

from lethe.profiles.parsing import OTHER
from lethe.stream.health import Counts


def test_a_batch_is_balanced_when_each_row_is_told_once() -> None:
    counts = Counts(rows_in=6, stored=2, superseded=1, suppressed=1, control=1)
    assert not counts.balanced()
    counts.add(Counts(quarantined=Counter(bad_email=1)))
    assert counts.balanced()


def test_counts_come_back_from_a_document_as_they_were() -> None:
    counts = Counts(3, 1, 1, 0, 0, 1, Counter(bad_email=1), Counter({"favourite_colour": 2, OTHER: 1}))
    assert Counts.read(counts.document()) == counts


def test_names_that_producers_make_up_without_end_stay_within_a_document() -> None:
    counts = Counts(unknown_fields=Counter({f"{n:064}": 1 for n in range(200_000)}) + Counter(often=5))
    document = counts.document()
    assert len(BSON.encode(document)) < 100_000
    told = {each["name"]: each["count"] for each in document["unknown_fields"]}
    assert told["often"] == 5
    assert sum(told.values()) == 200_005
