"""How numbers, times and names are written."""

from datetime import timedelta

import pytest

from dashboard.components import charts, text
from dashboard.data import Group
from lethe.governance.publication import OTHER
from lethe.profiles.countries import countries
from lethe.profiles.reasons import Reason


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-3, "0 s ago"), (59, "59 s ago"), (60, "1 min ago"), (7_199, "1 h ago"), (200_000, "2 d ago")],
)
def test_a_time_ago_is_in_one_unit(seconds: int, words: str) -> None:
    assert text.ago(timedelta(seconds=seconds)) == words


def test_numbers_have_their_thousands_apart_and_small_numbers_of_people_are_not_told() -> None:
    assert [text.number(value) for value in (0, 1234567, 12.5)] == ["0", "1,234,567", "12.5"]
    assert text.age(40) == "40.0"
    assert [text.people(count, 10) for count in (None, 1230)] == ["fewer than 10", "1,230"]


def test_a_group_has_its_countrys_name_or_else_its_code() -> None:
    groups = [Group("NL", 10, 40.0), Group("XX", 10, 40.0), Group(OTHER, 10, 40.0, 230)]
    assert [text.name(group) for group in groups] == ["Netherlands", "XX", "Other"]
    assert [text.code(group) for group in groups] == ["NL", "XX", "230 nationalities"]


def test_every_reason_has_words_of_its_own_and_an_unknown_one_stands_as_it_is() -> None:
    words = {text.reason(reason.value) for reason in Reason}
    assert len(words) == len(Reason)
    assert words.isdisjoint(reason.value for reason in Reason)
    assert text.reason("not_known") == "not_known"


def test_no_two_countries_have_the_same_label_beside_a_bar() -> None:
    labels = {text.inert(country.name, charts.LABEL_LENGTH) for country in countries().values()}
    assert len(labels) == len(countries())
    assert max(map(len, labels)) <= charts.LABEL_LENGTH


def test_words_for_a_chart_hold_no_markup_also_where_they_are_cut() -> None:
    assert text.inert("<b>a & b</b>") == "&lt;b&gt;a &amp; b&lt;/b&gt;"
    assert text.inert("<" * 99, 10) == "&lt;" * 9 + "…"


def test_every_country_is_known_to_the_map_by_three_letters() -> None:
    assert all(len(text.alpha_3(code) or "") == 3 for code in countries())
    assert text.alpha_3("XX") is None
