"""User ids as requesters type them."""

import re

import pytest

from lethe.errors import InputError
from lethe.requests import user_ids

ANNA = "0b9f2c4e-7d11-4f6a-9a6e-2f1c3f0f7a10"
BODO = "5e8c8a44-1f0e-4f64-8c69-4f1f7bb0c9d2"


def test_an_upper_case_id_is_the_same_subject() -> None:
    assert user_ids.canonical(ANNA.upper()) == ANNA


@pytest.mark.parametrize(
    "text",
    ["", "anna", ANNA[:-1], ANNA + "0", ANNA.replace("-", ""), f"{{{ANNA}}}", ANNA + "\n", "٠" + ANNA[1:]],
)
def test_a_malformed_id_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(InputError) as refusal:
        user_ids.canonical(text)
    assert not text or text.strip() not in str(refusal.value)


@pytest.mark.parametrize("text", [ANNA, ANNA.upper(), "anna", ANNA + "\n", " " + ANNA])
def test_the_schema_of_the_param_accepts_what_we_accept(text: str) -> None:
    by_schema = len(text) == user_ids.LENGTH and re.search(user_ids.PATTERN, text) is not None
    try:
        user_ids.canonical(text)
        by_us = True
    except InputError:
        by_us = False
    assert by_schema is by_us


def test_ids_are_read_in_order_each_once_and_blanks_are_left_out() -> None:
    assert user_ids.read([BODO, "", f"  {ANNA} \n", BODO.upper()], "line") == [BODO, ANNA]


def test_malformed_ids_are_named_by_their_positions_only() -> None:
    with pytest.raises(InputError) as refusal:
        user_ids.read([ANNA, "not-anna", "", "bodo@example.org"], "line")
    assert str(refusal.value) == "line 2, 4: not a UUID; nothing was requested"


def test_no_id_at_all_is_an_error() -> None:
    with pytest.raises(InputError, match="at least one argument"):
        user_ids.read(["", "  "], "argument")
