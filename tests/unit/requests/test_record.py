"""The record's name and what it says is left to do."""

from lethe.requests.record import STEPS, first_unfinished


def test_the_first_step_without_an_end_is_where_an_erasure_stands() -> None:
    done = {name: {"ended_at": 1} for name in STEPS}
    assert first_unfinished({"steps": done}) is None
    assert first_unfinished({"steps": {}}) == "locate"
    assert first_unfinished({"steps": done | {"suppress": {"started_at": 1}}}) == "suppress"
