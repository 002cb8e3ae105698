"""What is shown of refused messages, and that looking is recorded first."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lethe.errors import StoreError
from lethe.protection.day_keys import DayKeys
from lethe.protection.key_store import KeyStore
from lethe.protection.pseudonym import load_pepper
from lethe.protection.subject_keys import SubjectKeys, puncture
from lethe.quarantine.reading import Keys, Looks, document_of, printable, show, text_of
from lethe.settings import Paths
from lethe.stores.quarantine import documents
from tests.unit.profiles.examples import CALM
from tests.unit.protection.installation import ANNA
from tests.unit.stores.test_quarantine import refused

HOSTILE = "\x1b]0;title\x07\u202etxt\r".encode() + b"\xff"


class Database:
    def __init__(self, held: list[dict[str, Any]]) -> None:
        self.held, self.quarantine = held, self

    def find(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        return [each for each in self.held if each["_id"] in query["_id"]["$in"]]


@pytest.fixture
def database(paths: Paths) -> Any:
    keys = SubjectKeys(KeyStore(paths).load(), load_pepper(paths))
    entries = [
        refused("bad_email", ANNA, offset=1, value=b'{"email": "no"}'),
        refused("not_json", offset=2, key=None, value=HOSTILE),
        refused("under_age", ANNA, offset=3),
    ]
    return Database(documents(entries, keys, DayKeys(paths)))


def places(*offsets: int) -> list[str]:
    return [f"user_profiles:1:{offset}" for offset in offsets]


def test_they_are_shown_in_the_order_that_was_asked_for(database: Any, paths: Paths) -> None:
    noted: list[Looks] = []
    found = show(database, places(3, 9, 1), Keys(paths), noted.append)
    assert [each.document["_id"] for each in found] == places(3, 1)
    ref = SubjectKeys(KeyStore(paths).load(), load_pepper(paths)).one(ANNA, 0).audit_ref
    assert noted == [{None: places(3), ref: places(1)}], "of what is not kept nothing of anybody is seen"
    assert "no message is kept" in text_of(found[0])
    assert '{"email": "no"}' in text_of(found[1])
    assert document_of(found[1])["message"] == {"key": "k", "value": '{"email": "no"}', "timestamp_ms": 5}


def test_without_the_record_nothing_is_opened(
    database: Any, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Keys, "open", lambda *_: pytest.fail("opened"))

    def refuse(_looks: Looks) -> None:
        raise StoreError("the log does not answer")

    with pytest.raises(StoreError, match="the log does not answer"):
        show(database, places(1), Keys(paths), refuse)
    assert show(database, places(9), Keys(paths), refuse) == []


def test_of_an_erased_subject_it_is_said_that_nothing_can_be_read(database: Any, paths: Paths) -> None:
    keys = Keys(paths)
    puncture(KeyStore(paths), load_pepper(paths), [(ANNA, 0)])
    (found,) = show(database, places(1), keys, lambda *_: None)
    assert "destroyed by an erasure" in text_of(found)
    assert document_of(found)["message"] is None
    assert "destroyed by an erasure" in document_of(found)["unreadable"]


def test_hostile_bytes_do_nothing_to_a_terminal(database: Any, paths: Paths) -> None:
    (found,) = show(database, places(2), Keys(paths), lambda *_: None)
    text = text_of(found)
    assert "key: none" in text
    assert "\\x1b]0;title\\x07\\u202etxt\\r\\xff" in text
    assert "\x1b" not in json.dumps(document_of(found))


@CALM
@given(st.binary(max_size=60))
def test_only_what_can_be_printed_is(data: bytes) -> None:
    assert all(each.isprintable() or each == "\n" for each in printable(data))
