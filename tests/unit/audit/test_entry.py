"""What may stand in the trail, and the form in which it is hashed."""

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lethe.audit.entry import BEGINNING, Action, Entry, entry_hash, exported, written
from lethe.audit.who import Who, process, run_name
from lethe.errors import InputError
from lethe.evidence.signing import canonical
from lethe.register.load import load
from tests.unit.audit.entries import AT, entry, stored
from tests.unit.register.registers import SHIPPED

USER_ID = "3f0c9a52-6e3c-4a5e-9b62-0d7d1c1f2a11"
REF = hashlib.sha256(b"ref").hexdigest()


def test_an_entry_is_hashed_as_the_page_says() -> None:
    (document,) = stored([Entry(Who("eraser", "ops"), Action.KEY_EPOCH, "rights", "k", result={"epoch": 2})])
    written = (
        f'{{"account":"ops","action":"key_epoch","at":"{AT}","key":"k","position":0,"previous":"{BEGINNING}",'
        '"purpose":"rights","result":{"epoch":2},"role":"eraser"}'
    )
    assert entry_hash(document) == hashlib.sha256(b"\0" + written.encode()).digest()


NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_:]{0,9}", fullmatch=True)
TEXTS = st.from_regex(r"[A-Za-z0-9_:.+/=*<>(), -]{0,12}", fullmatch=True)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(1 - 2**53, 2**53 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_the_quick_form_is_that_of_rfc_8785(result: dict[str, Any]) -> None:
    (document,) = stored([Entry(Who("eraser"), Action.KEY_EPOCH, "rights", "k", result=result)])
    assert written(document) == canonical(exported(document))


def test_each_entry_names_the_one_before() -> None:
    documents = stored([entry(0), entry(1)])
    assert documents[0]["previous"] == BEGINNING
    assert documents[1]["previous"] == entry_hash(documents[0]).hex()


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("key is not of its form", {"key": "anna@example.org"}),
    ("run or key holds what looks like a user id", {"key": f"x:{USER_ID}"}),
    ("case_id is not of its form", {"case_id": "anna lee"}),
    ("audit_ref is not of its form", {"audit_ref": "ab"}),
    ("purpose is not of its form", {"purpose": ""}),
    ("run or key holds what looks like a user id", {"who": Who("eraser", run=f"manual_{USER_ID}")}),
    ("account is not of its form", {"who": Who("eraser", account="a b")}),
    ("result.reason is nothing", {"result": {"reason": USER_ID}}),
    ("result.reason is nothing", {"result": {"reason": "anna@example.org"}}),
    ("result.list.1 is nothing", {"result": {"list": [1, 1.5]}}),
    ("result.map.deep is nothing", {"result": {"map": {"deep": 2**53}}}),
    ("a name in result", {"result": {"anna@example.org": 1}}),
    ("a name in result", {"result": {"$set": 1}}),
]


@pytest.mark.parametrize(("words", "given"), REFUSED, ids=[str(each[1]) for each in REFUSED])
def test_what_looks_like_a_person_is_refused_without_being_told(words: str, given: dict[str, Any]) -> None:
    fields: dict[str, Any] = {"who": Who("eraser"), "action": Action.KEY_EPOCH, "purpose": "rights"}
    with pytest.raises(InputError, match=words) as refused:
        Entry(**fields | given)
    assert "anna" not in str(refused.value)
    assert USER_ID not in str(refused.value)


def test_a_case_may_be_named_by_a_uuid_in_the_key_too() -> None:
    assert Entry(Who("eraser"), Action.CASE_HOLD, "rights", f"{USER_ID}:hold", case_id=USER_ID)


def test_without_a_key_an_entry_is_like_no_other() -> None:
    one, other = (Entry(Who("eraser"), Action.EXPORT, "rights", audit_ref=REF) for _ in range(2))
    assert one.key != other.key


@pytest.mark.parametrize(
    "name",
    [
        "scheduled__2026-11-24T00:00:00+00:00",
        "manual__2026-11-24T10:11:12.123456+00:00_Ab3dEf9h",
        "manual__2026-11-24T10:11:12.123456+00:00",
    ],
)
def test_a_run_that_airflow_named_keeps_its_name(name: str) -> None:
    assert run_name(name) == name


@pytest.mark.parametrize("name", ["", USER_ID, f"manual__{USER_ID}", "anna", "manual__2026 anna"])
def test_of_a_run_that_somebody_named_only_the_hash_is_told(name: str) -> None:
    told = run_name(name)
    assert told == f"named__{hashlib.sha256(name.encode()).hexdigest()[:32]}"
    assert Entry(Who("eraser", run=told), Action.KEY_EPOCH, "rights")


def test_the_account_is_the_systems_word_and_not_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    before = process("eraser").account
    monkeypatch.setenv("LOGNAME", "somebody-else")
    monkeypatch.setenv("USER", "somebody-else")
    assert process("eraser").account == before


def test_the_register_declares_every_field_of_an_entry() -> None:
    full = Entry(Who("eraser", "ops", "r"), Action.EXPORT, "rights", "k", "c", REF, {}).placed(
        0, BEGINNING, AT
    )
    assert set(load(SHIPPED).stores["mongodb.audit_trail"].fields) == set(full)
