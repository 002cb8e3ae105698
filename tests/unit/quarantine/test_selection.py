"""What a command's words select, and which words it refuses."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lethe.errors import InputError
from lethe.quarantine.selection import MAX_PLACES, Selection, places_of, topic_of
from tests.unit.profiles.examples import CALM

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_each_filter_is_a_condition_of_the_query_and_ends_are_included() -> None:
    chosen = Selection(("bad_email", "not_json"), NOON, NOON, "user_profiles", 0, 0, 9)
    assert chosen.query() == {
        "reason": {"$in": ["bad_email", "not_json"]},
        "topic": "user_profiles",
        "partition": 0,
        "at": {"$gte": NOON, "$lte": NOON},
        "offset": {"$gte": 0, "$lte": 9},
    }
    assert Selection(first_offset=0).query() == {"offset": {"$gte": 0}}
    assert Selection(places=("user_profiles:0:1",)).query() == {"_id": {"$in": ["user_profiles:0:1"]}}


def test_nothing_set_is_everything_and_partition_or_offset_0_is_something() -> None:
    assert (Selection().query(), Selection().is_everything) == ({}, True)
    for chosen in (
        Selection(partition=0),
        Selection(first_offset=0),
        Selection(places=("user_profiles:0:0",)),
    ):
        assert not chosen.is_everything


def test_the_log_has_what_was_set_and_no_more() -> None:
    assert Selection(("bad_email",), partition=0).document() == {
        "filter": {"reasons": ["bad_email"], "partition": 0}
    }
    assert Selection(places=("user_profiles:0:1",)).document() == {"places": ["user_profiles:0:1"]}
    assert Selection().document() == {"filter": {}}
    assert Selection(since=NOON).document() == {"filter": {"since": "2026-11-24T12:00:00.000Z"}}


def test_what_contradicts_itself_is_refused() -> None:
    with pytest.raises(InputError, match="not both"):
        Selection(("bad_email",), places=("user_profiles:0:1",))
    with pytest.raises(InputError, match="--last-offset is smaller"):
        Selection(first_offset=5, last_offset=4)
    with pytest.raises(InputError, match="--until is earlier"):
        Selection(since=NOON, until=NOON.replace(hour=1))


@CALM
@given(st.text(max_size=40))
def test_a_place_that_is_none_is_refused_by_its_number(text: str) -> None:
    with pytest.raises(InputError, match=r"^place 1: "):
        places_of([text])


@pytest.mark.parametrize(
    "text",
    [
        "user_profiles:0",
        "user_profiles:0:-1",
        "user_profiles:00:1",
        "user_profiles:0:1\n",
        "user_profiles:0:٣",
        "nothing:0:1",
        "user_profiles:0:1:2",
        "",
    ],
)
def test_what_is_no_place_is_not_repeated(text: str) -> None:
    with pytest.raises(InputError) as refused:
        places_of(["user_profiles:0:1", text])
    assert str(refused.value).startswith("place 2: ")
    assert not text or text not in str(refused.value)


def test_a_place_given_twice_is_one_and_there_is_an_end_to_them() -> None:
    assert places_of(["user_consents:0:1"] * 2) == ("user_consents:0:1",)
    with pytest.raises(InputError, match="at most 1,000"):
        places_of([f"user_profiles:0:{n}" for n in range(MAX_PLACES + 1)])


def test_a_topic_is_one_of_lethes() -> None:
    assert topic_of("user_consents") == "user_consents"
    with pytest.raises(InputError, match="--topic: one of user_profiles, user_consents"):
        topic_of("__consumer_offsets")
