"""The columns that a profile gives."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest

from lethe.profiles.contract import Profile
from lethe.profiles.enrichment import RULES, age_band, enrich, enricher, gender, years_from_month
from lethe.profiles.rules import Rules
from lethe.profiles.validation import validate
from lethe.register.load import current
from tests.unit.profiles import examples
from tests.unit.profiles.examples import ALICE, NOW_MS, document, message


@dataclass(frozen=True)
class Wanted:
    name: str
    field_path: str = ""
    cql_type: str = "text"


def profile(**changes: Any) -> Profile:
    body = document(**changes)
    found = validate(body, message(body), NOW_MS, examples.RULES)
    assert isinstance(found, Profile)
    return found


def test_every_column_of_an_example() -> None:
    location = {
        "street": {"number": 7, "name": " Lange  Kade "},
        "city": "Delft",
        "state": "Zuid-Holland",
        "country": "Nederland",
        "postcode": "2611 AB",
        "timezone": {"offset": "+1:00"},
    }
    assert enrich(profile(location=location, id={"name": "BSN", "value": "1112.22.333"})) == {
        "user_id": ALICE,
        "gender": "female",
        "title": "Ms",
        "first_name": "Zoé",
        "last_name": "Ångström",
        "street_number": "7",
        "street_name": "Lange Kade",
        "city": "Delft",
        "state": "Zuid-Holland",
        "country": "Nederland",
        "postcode": "2611 AB",
        "postcode_area": "261",
        "timezone_offset": "+1:00",
        "id_name": "BSN",
        "id_value": "1112.22.333",
        "email": "zoe@example.org",
        "email_domain": "example.org",
        "username": "zoe",
        "phone": "2727900888",
        "cell": "+31612345678",
        "birth_date": date(1990, 5, 17),
        "birth_month": "1990-05",
        "age_band": "35-44",
        "registered_date": date(2015, 3, 2),
        "registered_month": "2015-03",
        "account_age_years": 11,
        "nationality": "NL",
        "country_name": "Netherlands",
        "region": "Europe",
        "subregion": "Western Europe",
    }


def test_what_is_missing_or_of_another_type_is_none() -> None:
    bare = enrich(
        profile(name=[], location={"street": 1, "city": {}, "postcode": True}, phone=1, cell=..., gender=0)
    )
    missing = {"title", "first_name", "last_name", "street_number", "street_name", "city", "state", "country"}
    missing |= {
        "postcode",
        "postcode_area",
        "timezone_offset",
        "phone",
        "cell",
        "gender",
        "id_name",
        "id_value",
    }
    assert {name for name, value in bare.items() if value is None} == missing


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("female", "female"),
        (" Male ", "male"),
        ("nonbinary", "other"),
        ("", None),
        (None, None),
        (1, None),
        ([], None),
    ],
)
def test_genders_are_a_closed_set(stated: object, expected: str | None) -> None:
    assert gender(stated) == expected


def test_an_age_counts_from_the_first_day_of_the_birth_month() -> None:
    born = date(1990, 5, 31)
    assert [years_from_month(born, day) for day in (date(2026, 4, 30), date(2026, 5, 1))] == [35, 36]
    assert years_from_month(born, date(1980, 1, 1)) == 0


@pytest.mark.parametrize(
    ("year", "band"),
    [(2026, "0-15"), (2011, "0-15"), (2010, "16-24"), (2001, "25-34"), (1951, "75+"), (1906, "75+")],
)
def test_age_bands_have_no_gap(year: int, band: str) -> None:
    assert age_band(date(year, 1, 1), date(2026, 1, 1)) == band


def test_ages_are_as_of_the_event_and_not_of_today() -> None:
    columns = enrich(profile(event_time="2024-05-01T00:30:00+01:00"))
    assert (columns["age_band"], columns["account_age_years"]) == ("25-34", 9)


def test_every_column_of_the_register_is_computed_or_comes_from_the_message() -> None:
    register = current()
    columns = [
        *register.stored_columns("cassandra.profiles"),
        *register.encrypted_columns("cassandra.profiles"),
        *register.stored_columns("mongodb.contributions"),
    ]
    derived = {column.name for column in columns if register.fields[column.field_path].derived}
    assert derived <= RULES.keys()
    assert enricher(columns)(profile()).keys() == {column.name for column in columns}


def test_a_field_that_is_new_in_the_register_needs_no_code() -> None:
    wanted = [
        Wanted("nationality", "nat"),
        Wanted("shoe_size", "shoe_size", "int"),
        Wanted("county", "location.county"),
        Wanted("floor", "location.street.floor"),
        Wanted("is_member", "is_member", "boolean"),
        Wanted("last_seen", "last_seen", "timestamp"),
        Wanted("score", "score", "double"),
        Wanted("points", "points", "bigint"),
    ]
    fields = {
        "shoe_size": 43,
        "is_member": True,
        "last_seen": "2026-01-01T00:00:00.5Z",
        "score": 1,
        "points": 2**40,
    }
    location = {"county": " Kent ", "street": {"floor": 3}}
    assert enricher(wanted)(profile(location=location, **fields)) == {
        "nationality": "NL",
        "shoe_size": 43,
        "county": "Kent",
        "floor": "3",
        "is_member": True,
        "last_seen": datetime(2026, 1, 1, 0, 0, 0, 500_000, UTC),
        "score": 1.0,
        "points": 2**40,
    }
    wrong = {"shoe_size": 2**31, "is_member": 1, "last_seen": 0, "score": "1", "points": True, "location": 7}
    assert set(enricher(wanted[1:])(profile(**wrong)).values()) == {None}


def test_rules_are_what_the_register_states() -> None:
    register = current()
    rules = Rules.from_register(register)
    assert rules.minimum_age == register.minimum_age
    assert rules.policy_versions == set(register.policy_versions)
    assert rules.reach_ms == (register.profile_retention.days + 30) * 86_400_000
    assert {"login.uuid", "consents.at", "event_time"} <= rules.known_paths
