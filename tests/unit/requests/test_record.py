"""The record's name and what it says is left to do."""

from lethe.requests.record import STEPS, first_unfinished, record_id_of


def test_every_attempt_at_a_request_has_the_same_record() -> None:
    assert record_id_of("manual__2026") == record_id_of("manual__2026")
    assert record_id_of("manual__2026") != record_id_of("manual__2027")
    assert len(record_id_of("manual__2026")) == 32


def test_the_first_step_without_an_end_is_where_an_erasure_stands() -> None:
    done = {name: {"ended_at": 1} for name in STEPS}
    assert first_unfinished({"steps": done}) is None
    assert first_unfinished({"steps": {}}) == "locate"
    assert first_unfinished({"steps": done | {"suppress": {"started_at": 1}}}) == "suppress"
