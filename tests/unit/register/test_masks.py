"""What an analyst sees of the profiles, derived from the register."""

import pytest

from lethe.register.load import load
from lethe.register.masks import mask_statements, shown_columns
from lethe.register.model import SEALED, Register
from lethe.register.schema import cassandra_columns
from tests.unit.register.registers import SHIPPED


@pytest.fixture(scope="module")
def register() -> Register:
    return load(SHIPPED)


def test_an_analyst_sees_what_rests_on_consent_to_figures_alone(register: Register) -> None:
    assert shown_columns(register) == {"gender", "age_band", "account_age_years", "region", "subregion"}


def test_what_names_or_singles_out_a_person_is_masked(register: Register) -> None:
    masked = cassandra_columns(register).keys() - shown_columns(register)
    sealed = {name for name in masked if name.startswith(SEALED)}
    assert sealed == {group.name for group in register.groups("cassandra.profiles")}
    fine = {
        "subject_id",
        "birth_month",
        "registered_month",
        "postcode_area",
        "state",
        "event_time",
        "consents",
    }
    assert fine <= masked


def test_every_column_is_masked_or_shown_by_one_statement(register: Register) -> None:
    statements = mask_statements(register, "lethe")
    stores = ("cassandra.profiles", "cassandra.email_index")
    assert len(statements) == sum(len(cassandra_columns(register, store)) for store in stores)
    assert "ALTER TABLE lethe.email_index ALTER mac MASKED WITH mask_null()" in statements
    assert "ALTER TABLE lethe.profiles ALTER subject_id MASKED WITH mask_null()" in statements
    assert "ALTER TABLE lethe.profiles ALTER age_band DROP MASKED" in statements


def test_a_field_that_analysts_do_not_get_is_masked(register: Register) -> None:
    region = register.fields["region"]
    others = region.model_copy(update={"recipients": ()})
    without = register.model_copy(update={"fields": {**register.fields, "region": others}})
    assert "region" not in shown_columns(without)


def test_a_field_that_is_kept_for_another_purpose_too_is_masked(register: Register) -> None:
    region = register.fields["region"]
    both = region.model_copy(update={"purposes": ("account", "analytics")})
    other = register.model_copy(update={"fields": {**register.fields, "region": both}})
    assert "region" not in shown_columns(other)
