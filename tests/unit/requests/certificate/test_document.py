"""What a certificate says comes from register and facts; it fits its schema, and names nobody."""

import copy
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lethe.errors import CertificateError
from lethe.register.load import load
from lethe.register.model import Register
from lethe.register.schema import mongodb_validators
from lethe.requests.certificate import compose, model, plan
from lethe.requests.certificate.facts import TopicFacts
from lethe.requests.certificate.plan import Treatment
from lethe.settings import PROJECT
from tests.unit.register.registers import edited
from tests.unit.requests.certificate.examples import AT, CASE_ID, REGISTER, TOPICS, facts, mixed

SCHEMA = json.loads((PROJECT / "docs" / "certificate.schema.json").read_text(encoding="utf-8"))
SIGNATURE = {"algorithm": "Ed25519", "key_id": "0" * 16, "value": "AAAA"}

NEW_STORE = """\
  {name}:
    what: A store that was added
    subjects: [users]
    reference: {reference}
    purposes: [account]
    recipients: [operators]
    retention: profile
    backed_up: true
    fields:
      event_time: {{ category: position, type: timestamp }}
      key: {{ category: account_reference, format: uuid }}
      note: {{ category: area }}
"""


def with_new_store(folder: Path, name: str, *, is_found: bool = True) -> Register:
    """The shipped register with one store more, in which people are found by their key."""
    text = NEW_STORE.format(name=name, reference="user_id" if is_found else "none")
    if is_found:
        text = text.replace("    purposes", "    found_by: key\n    purposes", 1)
    return load(edited(folder, ("  mongodb.quarantine:\n", f"{text}  mongodb.quarantine:\n")))


def document(register: Register = REGISTER, **changes: Any) -> dict[str, Any]:
    found = replace(facts(register), **changes)
    return model.document(compose.first(found, register, TOPICS, AT))


def test_the_shipped_register_is_emptied_where_the_stream_writes() -> None:
    assert list(plan.stores(REGISTER, Treatment.ERASED)) == [
        "cassandra.profiles",
        "cassandra.consents",
        "cassandra.email_index",
        "mongodb.contributions",
        "mongodb.quarantine",
    ]
    assert list(plan.stores(REGISTER, Treatment.TOMBSTONED)) == ["kafka.user_profiles", "kafka.user_consents"]
    assert {"mongodb.suppression", "mongodb.audit_trail"} <= plan.stores(REGISTER, Treatment.KEPT).keys()


def test_every_store_about_subjects_is_in_it() -> None:
    named = [store["name"] for store in document()["stores"]]
    assert named == [name for name, store in REGISTER.stores.items() if "users" in store.subjects]


def test_a_store_that_is_added_is_in_it_with_what_stays_of_it(tmp_path: Path) -> None:
    register = with_new_store(tmp_path, "mongodb.added")
    assert "added" in mongodb_validators(register)
    told = document(register)
    (store,) = [each for each in told["stores"] if each["name"] == "mongodb.added"]
    assert (store["what"], store["treatment"], store["left"]) == ("A store that was added", "erased", 0)
    left = [each for each in told["residue"] if each["store"] == "mongodb.added"]
    assert [each["copies"] for each in left] == ["files", "backups"]
    assert all("note" in each["readable"] for each in left)


def test_a_store_that_is_added_must_be_asked(tmp_path: Path) -> None:
    register = with_new_store(tmp_path, "mongodb.added")
    with pytest.raises(CertificateError, match=r"mongodb\.added: not asked"):
        compose.first(facts(REGISTER), register, TOPICS, AT)


def test_a_topic_that_is_added_must_have_a_tombstone(tmp_path: Path) -> None:
    register = with_new_store(tmp_path, "kafka.added")
    with pytest.raises(CertificateError, match=r"kafka\.added: no tombstone"):
        compose.first(facts(REGISTER), register, TOPICS, AT)
    left = [each for each in document(register)["residue"] if each["store"] == "kafka.added"]
    assert [each["copies"] for each in left] == ["topic", "backups"]


def test_a_store_of_figures_that_is_added_is_told_and_not_asked(tmp_path: Path) -> None:
    register = with_new_store(tmp_path, "mongodb.added", is_found=False)
    told = {each["name"]: each for each in document(register)["stores"]}
    assert told["mongodb.added"]["treatment"] == "figures"
    assert "Keep the account" in told["mongodb.added"]["keeps"]


def test_encrypted_fields_are_not_readable_in_copies_and_all_others_are() -> None:
    (backups,) = [
        each
        for each in document()["residue"]
        if (each["store"], each["copies"]) == ("cassandra.profiles", "backups")
    ]
    assert {"first_name", "email", "user_id"} <= set(backups["unreadable"])
    assert {"gender", "birth_month", "subject_id"} <= set(backups["readable"])
    assert backups["until"] == "2026-12-25T09:30:00Z"


def test_a_topic_says_until_when_it_can_be_read_in_clear() -> None:
    topic = document()["residue"][0]
    assert (topic["store"], topic["copies"], topic["until"]) == (
        "kafka.user_profiles",
        "topic",
        "2026-12-02T10:36:00Z",
    )
    assert {"login.password", "key"} <= set(topic["readable"])


def test_backups_that_are_kept_longer_are_told_of_longer(tmp_path: Path) -> None:
    register = load(edited(tmp_path, ("kept_for: P30D", "kept_for: P1M")))
    told = document(register)
    assert {each["until"] for each in told["residue"] if each["copies"] == "backups"} == {
        "2026-12-26T09:30:00Z"
    }
    assert "1 month" in told["levels"][2]["waits_for"]


def test_the_mark_of_an_example_controller_is_carried(tmp_path: Path) -> None:
    assert document()["controller"]["example"] is True
    own = load(edited(tmp_path, ("  example: true #", "  example: false #")))
    assert document(own)["controller"]["example"] is False


@pytest.mark.parametrize("found", [facts(), mixed(5)], ids=["one", "many"])
def test_it_fits_the_schema_that_is_given_out(found: Any) -> None:
    told = model.document(compose.first(found, REGISTER, TOPICS, AT)) | {"signature": SIGNATURE}
    jsonschema.validate(told, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert model.document(model.read(told)) == told


def test_the_schema_is_that_of_the_code() -> None:
    """Written by `python -m lethe.requests.certificate.schema`."""
    from lethe.requests.certificate import schema

    assert schema.made() == SCHEMA


@pytest.mark.parametrize("place", ["number", "levels", "case.ground", "stores.0.what", "signature"])
def test_what_lacks_something_fits_neither_schema_nor_reader(place: str) -> None:
    told = document() | {"signature": SIGNATURE}
    at: Any = told
    *way, last = [int(part) if part.isdigit() else part for part in place.split(".")]
    for part in way:
        at = at[part]
    del at[last]
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(told)
    with pytest.raises(CertificateError, match=re.escape(place)):
        model.read(told)


def test_it_names_nobody() -> None:
    text = json.dumps(document())
    assert not re.search(r"subject_id\W+[0-9a-f]{64}|[0-9a-f]{8}-[0-9a-f]{4}-", text)
    assert "user_id" not in document()["case"]


@pytest.mark.parametrize(
    "name", ["7f3a9c02-d4e6-4b1f-8a5d-0c3be9716a42", "anna@mail.example", "ab" * 32, "x\x1b[2Jx", "a\u202eb"]
)
def test_a_text_that_could_be_a_name_or_a_command_to_a_terminal_is_refused(name: str) -> None:
    named = {key: store.model_copy(update={"what": f"of {name}"}) for key, store in REGISTER.stores.items()}
    register = REGISTER.model_copy(update={"stores": named})
    with pytest.raises(CertificateError) as caught:
        model.document(compose.first(facts(), register, TOPICS, AT))
    assert name not in str(caught.value)


def test_the_number_is_that_of_the_case_and_of_no_other() -> None:
    assert compose.number_of(CASE_ID) == compose.number_of(CASE_ID)
    numbers = {compose.number_of(f"{CASE_ID}{at}") for at in range(1000)}
    assert len(numbers) == 1000
    assert all(re.fullmatch("[A-Z2-7]{4}(-[A-Z2-7]{4}){3}", number) for number in numbers)


def test_tombstones_are_told_by_partition() -> None:
    topics = tuple(TopicFacts(each.store, {3: 9, 0: 7}, AT) for each in facts().topics)
    told = document(topics=topics)
    assert told["stores"][0]["tombstones"] == {"0": 7, "3": 9}


def test_another_format_is_not_read() -> None:
    changed = copy.deepcopy(document()) | {"format": "lethe certificate 2", "signature": SIGNATURE}
    with pytest.raises(CertificateError, match="format"):
        model.read(changed)
