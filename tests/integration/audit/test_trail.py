"""The audit trail on a real replica set: writers, kills, aborts, tampering, checkpoints."""

import signal
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pymongo.client_session import ClientSession
from pymongo.database import Database

from lethe.audit import checkpointing, checkpoints, trail
from lethe.errors import StoreError, TrailError
from lethe.evidence.signing import Signer
from lethe.settings import Paths
from lethe.stores.mongodb import Document, in_transaction
from tests.integration.audit.trails import append, entry, kinds, verified
from tests.integration.live import LiveStack

# A writer that says so when it begins, and never ends by itself.
WRITER = """
import sys
from lethe.audit import trail
from lethe.audit.entry import Action, Entry
from lethe.audit.who import Who
from lethe.stores import mongodb
client = mongodb.connect("admin")
db = client[sys.argv[1]]
print("ready", flush=True)
for number in range(int(sys.argv[3])):
    entries = [Entry(Who(sys.argv[2]), Action.KEY_EPOCH, "rights", f"{sys.argv[2]}:{number}:{part}") for part in (0, 1)]
    trail.append(client, db, entries)
"""


def writer(db: Database[Document], name: str, count: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITER, db.name, name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def end(process: "subprocess.Popen[str]") -> int:
    process.communicate(timeout=120)
    return process.returncode


def test_what_is_appended_is_a_chain_and_its_head(db: Database[Document], signer: Signer) -> None:
    assert append(db, "a", "b") == [0, 1]
    assert append(db, "c") == [2]
    report = verified(db, signer)
    assert report.is_intact
    assert report.size == 3


def test_the_same_entry_again_is_written_once(db: Database[Document], signer: Signer) -> None:
    assert append(db, "a", "b") == [0, 1]
    assert append(db, "b", "c", "c") == [1, 2, 2]
    assert verified(db, signer).size == 3


def test_many_writers_at_once_make_one_trail(db: Database[Document], signer: Signer) -> None:
    running = [writer(db, name, 25) for name in ("one", "two", "three")]
    assert [end(each) for each in running] == [0, 0, 0]
    report = verified(db, signer)
    assert (report.is_intact, report.size) == (True, 150)


def test_two_that_say_the_same_at_once_say_it_once(db: Database[Document], signer: Signer) -> None:
    for number in range(10):
        with ThreadPoolExecutor(4) as pool:
            found = [pool.submit(append, db, f"case:{number}") for _ in range(4)]
            assert {each.result()[0] for each in found} == {number}
    assert verified(db, signer).size == 10


def test_a_writer_that_is_killed_leaves_a_whole_trail(db: Database[Document], signer: Signer) -> None:
    for number in range(5):
        process = writer(db, f"killed{number}", 10_000)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for _ in range(1 + 3 * number):
            append(db, uuid.uuid4().hex)
        process.send_signal(signal.SIGKILL)
        assert end(process) == -signal.SIGKILL
    append(db, "afterwards")
    report = verified(db, signer)
    assert report.is_intact
    for document in db.audit_trail.find({"key": {"$regex": ":0$"}}):
        both = document["key"][:-1] + "1"
        assert db.audit_trail.find_one({"key": both}), "of one call all entries are there, or none"


def test_a_change_and_its_entry_stand_or_fall_together(db: Database[Document], signer: Signer) -> None:
    db.create_collection("changed")

    def change(session: ClientSession, key: str, *, fails: bool) -> None:
        trail.append(db.client, db, [entry(key)], session)
        db.changed.insert_one({"_id": key}, session=session)
        if fails:
            raise StoreError("the change is refused")

    with pytest.raises(StoreError):
        in_transaction(db.client, lambda session: change(session, "aborted", fails=True))
    assert (db.changed.count_documents({}), verified(db, signer).size) == (0, 0)
    in_transaction(db.client, lambda session: change(session, "done", fails=False))
    assert (db.changed.count_documents({}), verified(db, signer).size) == (1, 1)


def test_a_transaction_that_meets_another_writer_is_run_again(db: Database[Document], signer: Signer) -> None:
    runs: list[int] = []

    def change(session: ClientSession) -> list[int]:
        db.audit_head.find_one({}, session=session)  # its snapshot is of now
        if not runs:
            append(db, "other")
        runs.append(1)
        return trail.append(db.client, db, [entry("ours")], session)

    assert in_transaction(db.client, change) == [1]
    assert len(runs) == 2
    assert verified(db, signer).is_intact


def test_without_its_head_nothing_is_appended_and_none_is_made_up(
    db: Database[Document], signer: Signer
) -> None:
    append(db, "a")
    db.audit_head.delete_one({})
    trail.seed(db)
    with pytest.raises(StoreError, match="it has no head"):
        append(db, "b")
    assert kinds(verified(db, signer)) == ["truncated"]


def test_a_head_that_was_set_back_forks_nothing(db: Database[Document]) -> None:
    append(db, "a", "b")
    db.audit_head.update_one({}, {"$set": {"size": 1}})
    with pytest.raises(StoreError, match="position 1 can't be written"):
        append(db, "c")
    assert db.audit_trail.count_documents({}) == 2


TAMPERINGS: dict[str, tuple[Any, list[str]]] = {
    "edited": (lambda c: c.update_one({"_id": 3}, {"$set": {"role": "nobody"}}), ["changed"]),
    "deleted": (lambda c: c.delete_one({"_id": 3}), ["missing"]),
    "cut at the end": (lambda c: c.delete_many({"_id": {"$gte": 7}}), ["truncated"]),
    "cut at the beginning": (lambda c: c.delete_many({"_id": {"$lt": 3}}), ["dropped_unsigned"]),
    "emptied": (lambda c: c.delete_many({}), ["truncated"]),
}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_what_an_administrator_did_is_found(db: Database[Document], signer: Signer, what: str) -> None:
    append(db, *(str(number) for number in range(10)))
    change, expected = TAMPERINGS[what]
    change(db.audit_trail)
    assert kinds(verified(db, signer)) == expected


@pytest.mark.parametrize("strange", [3.5, -1, 10, 10**12, "x", None])
def test_an_entry_that_nobody_appended_is_found(
    stack: LiveStack, db: Database[Document], signer: Signer, strange: object
) -> None:
    append(db, *(str(number) for number in range(10)))
    copy: Document = {**(db.audit_trail.find_one({"_id": 4}) or {}), "_id": strange, "key": "strange"}
    stack.mongo("admin")[db.name].command(
        {"insert": "audit_trail", "documents": [copy], "bypassDocumentValidation": True}
    )
    assert "inserted" in kinds(verified(db, signer))


def test_verification_and_writers_do_not_disturb_each_other(db: Database[Document], signer: Signer) -> None:
    process = writer(db, "busy", 150)
    while process.poll() is None:
        assert verified(db, signer).is_intact
    assert end(process) == 0
    report = verified(db, signer)
    assert (report.is_intact, report.size) == (True, 300)


def rewrite(db: Database[Document]) -> None:
    """All entries anew, with other contents and every hash as it should be; the head as well."""
    count = db.audit_trail.count_documents({})
    db.audit_trail.delete_many({})
    db.audit_head.delete_many({})
    trail.seed(db)
    trail.append(db.client, db, [entry(str(n), result={"count": n}) for n in range(count)])


def test_a_full_rewrite_is_found_by_the_checkpoints(
    db: Database[Document], paths: Paths, signer: Signer, tmp_path: Path
) -> None:
    append(db, "a", "b", "c")
    checkpointing.checkpoint(db.client, db, paths, signer)
    append(db, "d", "e")
    second, _ = checkpointing.checkpoint(db.client, db, paths, signer)
    files = checkpoints.files(checkpoints.folder(paths))
    assert len(files) == 2
    assert verified(db, signer, *files).compared == 2
    rewrite(db)
    assert verified(db, signer).is_intact, "without a checkpoint nobody can tell"
    kept = tmp_path / "kept.json"
    kept.write_bytes(second.read_bytes())
    report = verified(db, signer, kept)
    assert [(each.kind, each.first, each.last, each.where) for each in report.findings] == [
        ("rewritten", 0, 4, "kept.json")
    ]
    with pytest.raises(TrailError, match="rewritten: positions 0 to 2"):
        checkpointing.checkpoint(db.client, db, paths, signer)
    assert checkpoints.files(checkpoints.folder(paths)) == files, (
        "no checkpoint is made of what is not intact"
    )
