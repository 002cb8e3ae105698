"""From bytes to a JSON object, and the names of fields that nobody declared."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lethe.profiles.contract import HEADER, MAX_MESSAGE_BYTES, Refusal
from lethe.profiles.parsing import MAX_UNKNOWN_NAMES, OTHER, identify, key_user_id, parse, unknown_fields
from lethe.profiles.reasons import Reason
from tests.unit.profiles.examples import ALICE, BOB, CALM, KNOWN_PATHS, document, message


def reason(value: bytes | None) -> Reason | None:
    found = parse(message(value=value))
    return found.reason if isinstance(found, Refusal) else None


def test_a_valid_message_gives_its_object() -> None:
    assert parse(message()) == document()


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1e999}',
        b'{"a": "\\ud800"}',
        b'{"a": "\xff"}',
        b"\xef\xbb\xbf{}",
        b"[" * 5000 + b"]" * 5000,
        b"{'a': 1}",
        b"\x00",
    ],
)
def test_bytes_that_are_not_one_json_text_are_refused(value: bytes) -> None:
    assert reason(value) is Reason.NOT_JSON


@pytest.mark.parametrize("value", [b"[]", b"null", b"1", b'"x"', b"true"])
def test_json_other_than_an_object_is_refused(value: bytes) -> None:
    assert reason(value) is Reason.NOT_AN_OBJECT


def test_the_size_limit_is_checked_before_anything_is_parsed() -> None:
    exact = b'"' + b"x" * (MAX_MESSAGE_BYTES - 2) + b'"'
    assert reason(exact) is Reason.NOT_AN_OBJECT
    assert reason(exact + b" ") is Reason.TOO_LARGE


def test_a_null_value_is_a_producers_deletion_of_the_key() -> None:
    assert parse(message(value=None)) == Refusal(Reason.PRODUCER_DELETION, ALICE)
    assert parse(message(value=None, key=b"?")) == Refusal(Reason.PRODUCER_DELETION, None)


@pytest.mark.parametrize("value", [None, b"{}", b"x" * (MAX_MESSAGE_BYTES + 1)])
def test_a_record_of_lethes_own_is_neither_profile_nor_refusal(value: bytes | None) -> None:
    assert parse(message(value=value, headers=[("trace", b"1"), (HEADER, b"control")])) is None


def test_another_header_hides_nothing() -> None:
    assert parse(message(headers=[("trace", None)])) == document()


def test_of_equal_names_the_last_stands() -> None:
    assert parse(message(value=b'{"a": 1, "a": 2}')) == {"a": 2}


@CALM
@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise(value: bytes) -> None:
    assert isinstance(parse(message(value=value)), dict | Refusal)


@pytest.mark.parametrize(
    "uuid", [None, 1, "", [ALICE], {"a": 1}, ALICE.upper(), f"{{{ALICE}}}", ALICE + "\n", ALICE[:-1] + "٣"]
)
def test_only_the_canonical_form_of_a_uuid_names_a_subject(uuid: object) -> None:
    body = document(login={"uuid": uuid})
    assert identify(body, message(body)) == Refusal(Reason.BAD_LOGIN_UUID, ALICE)


@pytest.mark.parametrize("login", [None, [], "x", {}])
def test_a_login_of_another_shape_names_nobody(login: object) -> None:
    assert identify(document(login=login), message(key=None)) == Refusal(Reason.BAD_LOGIN_UUID, None)


@pytest.mark.parametrize("key", [None, b"", BOB, ALICE.upper(), b"\xff" * 36])
def test_the_key_must_be_the_uuid(key: str | bytes | None) -> None:
    assert identify(document(), message(key=key)) == Refusal(Reason.KEY_MISMATCH, ALICE)


def test_a_key_names_a_user_only_in_canonical_form() -> None:
    assert key_user_id(ALICE.encode()) == ALICE
    assert [key_user_id(key) for key in (None, b"", ALICE.upper().encode(), b"\xff" * 36)] == [None] * 4


def test_unknown_fields_are_named_by_their_dotted_path_once_an_object() -> None:
    body = document(shoe_size=43, address={"street": "x"}, name={"first": "Zoé", "middle": "B"})
    assert sorted(unknown_fields(body, KNOWN_PATHS)) == [
        "address",
        "cell",
        "dob.age",
        "location.street.number",
        "name.middle",
        "phone",
        "registered.age",
        "shoe_size",
    ]


def test_fields_of_list_items_stand_under_the_lists_name() -> None:
    body: dict[str, object] = {"consents": [{"purpose": "x", "mood": 1}, {"mood": 2}, 3]}
    assert unknown_fields(body, KNOWN_PATHS) == ["consents.mood", "consents.mood"]


def test_hostile_names_are_counted_without_being_repeated() -> None:
    names = ["", "a b", "$where", "x" * 65, "é", "1a", "a\nb", "zoe@example.org"]
    assert unknown_fields(dict.fromkeys(names, 1), KNOWN_PATHS) == [OTHER] * len(names)


def test_one_message_can_show_only_so_many_names() -> None:
    found = unknown_fields({f"field_{i}": 1 for i in range(100)}, KNOWN_PATHS)
    assert len(found) == 100
    assert len({name for name in found if name != OTHER}) == MAX_UNKNOWN_NAMES


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@CALM
@given(st.dictionaries(st.sampled_from(["name", "consents", "login", "x"]), JSON))
def test_no_object_makes_the_search_for_unknown_fields_raise(body: dict[str, object]) -> None:
    assert all(isinstance(name, str) and len(name) <= 64 for name in unknown_fields(body, KNOWN_PATHS))


def test_reading_gives_back_what_was_written() -> None:
    body = document(location={"city": "東京"})
    assert parse(message(json.dumps(body, ensure_ascii=False).encode())) == body
