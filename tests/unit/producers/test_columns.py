"""Columns become fields of the contract, by their names or by a mapping, and mistakes are told without content."""

import re
from collections.abc import Sequence

import pytest

from lethe.errors import InputError
from lethe.producers.columns import REQUIRED, Columns, mapping, readers, understand
from lethe.register.load import current

ROW = {
    "login.uuid": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
    "email": "zoe@example.org",
    "dob.date": "1990-05-17",
    "registered.date": "2015-03-02",
    "nat": "NL",
}


def columns(header: Sequence[str], *pairs: str) -> Columns:
    return understand(header, mapping(pairs), current())


def document(cells: dict[str, str], *pairs: str) -> object:
    row = ROW | cells
    return columns(list(row), *pairs).document(list(row.values()))


def test_a_column_named_as_a_path_needs_no_mapping() -> None:
    assert document({"location.street.number": "7", "name.first": " Zoé "}) == {
        "login": {"uuid": ROW["login.uuid"]},
        "email": "zoe@example.org",
        "dob": {"date": "1990-05-17"},
        "registered": {"date": "2015-03-02"},
        "nat": "NL",
        "location": {"street": {"number": "7"}},
        "name": {"first": "Zoé"},
    }


def test_a_mapping_gives_a_column_its_path() -> None:
    found = columns(["id", "Mail", *list(ROW)[2:]], "id=login.uuid", "Mail=email")
    assert found.document(["x", "y", "", "", ""]) == {"login": {"uuid": "x"}, "email": "y"}


def test_a_column_name_may_hold_an_equals_sign() -> None:
    assert mapping(["a=b=email"]) == [("a=b", "email")]


def test_an_empty_cell_is_a_field_that_is_not_there() -> None:
    assert "name" not in dict(document({"name.first": "  "}))  # type: ignore[call-overload]


def test_cells_have_the_types_of_the_contract() -> None:
    found = document({"dob.age": "36", "registered.age": "many", "consents": '[{"purpose": "analytics"}]'})
    assert isinstance(found, dict)
    assert found["dob"]["age"] == 36
    assert found["registered"]["age"] == "many"
    assert found["consents"] == [{"purpose": "analytics"}]


def test_a_postcode_keeps_its_first_zeros() -> None:
    found = document({"location.postcode": "01067"})
    assert isinstance(found, dict)
    assert found["location"] == {"postcode": "01067"}


@pytest.mark.parametrize(
    ("cell", "granted"), [("true", True), ("No", False), ("1", True), ("maybe", "maybe")]
)
def test_columns_of_a_purpose_make_one_consent(cell: str, granted: object) -> None:
    found = document(
        {
            "consents.analytics.granted": cell,
            "consents.analytics.at": "2026-10-01T00:00:00Z",
            "consents.analytics.policy_version": "2026-06",
            "consents.marketing.granted": "",
            "consents.marketing.at": "",
        }
    )
    assert isinstance(found, dict)
    assert found["consents"] == [
        {
            "purpose": "analytics",
            "granted": granted,
            "at": "2026-10-01T00:00:00Z",
            "policy_version": "2026-06",
        }
    ]


def test_columns_that_give_no_field_are_told_by_their_numbers() -> None:
    assert columns([*ROW, "hobby", "shoe size"]).unsent == (6, 7)


@pytest.mark.parametrize(
    ("header", "pairs", "what"),
    [
        (["id", *ROW], ["no"], "--map no: expected COLUMN=dotted.path"),
        (["id", *ROW], ["id=loginuuid"], "--map id=loginuuid: the contract has no loginuuid"),
        (["id", *ROW], ["id=consents.purpose"], "the contract has no consents.purpose"),
        (["id", *ROW], ["id=birth_month"], "the contract has no birth_month"),
        (["id", *ROW], ["ID=name.first"], "--map ID=name.first: the header has no column of that name"),
        (["id", *ROW], ["id=email"], "more than one column gives email"),
        (["email", *ROW], [], "more than one column gives email"),
        (["id", "id", *ROW], ["id=name.first"], "more than one column gives name.first"),
        (
            ["email", "nat"],
            [],
            "no column gives login.uuid, dob.date, registered.date; name columns so, or add",
        ),
        (["a;b"], [], "is --delimiter right?"),
        ([*ROW, "consents", "consents.analytics.at"], [], "not in both"),
    ],
)
def test_what_cannot_be_meant_is_refused(header: list[str], pairs: list[str], what: str) -> None:
    with pytest.raises(InputError, match=re.escape(what)):
        columns(header, *pairs)


def test_a_file_without_a_header_is_not_repeated() -> None:
    with pytest.raises(InputError) as caught:
        columns(["3fa85f64-5717-4562-b3fc-2c963f66afa6", "zoe@example.org", "1990-05-17"])
    assert not re.search("3fa85f64|zoe|1990", str(caught.value))


def test_every_field_of_the_register_can_be_a_column() -> None:
    paths = {path for path in current().known_paths() if not path.startswith("consents.")}
    assert paths < readers(current()).keys()
    assert set(REQUIRED) <= paths
