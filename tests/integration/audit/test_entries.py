"""What makes entries of the audit trail: batches, punctures, grants; and what reads them."""

import json
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.database import Database

from lethe.audit import listing, trail
from lethe.audit.entry import Action
from lethe.errors import FencedError
from lethe.evidence.signing import Signer
from lethe.protection.key_store import KeyStore
from lethe.protection.subject_keys import SubjectKeys
from lethe.requests import names
from lethe.requests.puncture import puncture_key
from lethe.requests.record import Erasure, open_record
from lethe.settings import Paths
from lethe.stores.mongodb import Document
from lethe.stream import lease as leases
from lethe.stream.health import Counts, Health
from tests.integration.audit.trails import entry, verified
from tests.integration.live import LiveStack

PEPPER = bytes(32)


def test_of_a_batch_there_is_one_entry_for_each_lease_however_often_it_is_run(
    db: Database[Document], signer: Signer
) -> None:
    counts = Counts(rows_in=5, stored=4, superseded=1, unknown_fields=Counter(secret=3))
    offsets = {"user_profiles:0": {"from": 0, "until": 5}}

    def publish(health: Health, batch_id: int) -> None:
        health.batch(batch_id, counts, offsets, datetime.now(UTC), 0)

    first = Health(db, leases.take(db.client, db, "test", 1))
    for batch_id in (0, 0, 1, 0):
        publish(first, batch_id)
    db.stream_health.delete_many({})  # as its TTL index does
    publish(first, 0)
    second = Health(db, leases.take(db.client, db, "test", 1))
    with pytest.raises(FencedError):
        publish(first, 2)
    publish(second, 1)
    held = list(db.audit_trail.find().sort("_id", 1))
    assert [(each["result"]["lease"], each["result"]["batch"]) for each in held] == [(1, 0), (1, 1), (2, 1)]
    assert held[0]["result"]["offsets"] == offsets
    assert held[0]["result"]["counts"]["stored"] == 4
    assert "secret" not in str(held)
    assert verified(db, signer).is_intact


def test_a_puncture_is_entered_before_it_is_done_and_its_epoch_afterwards(
    db: Database[Document], paths: Paths, signer: Signer
) -> None:
    store, subject = KeyStore(paths), uuid.uuid4().hex * 2
    store.create()
    work = Erasure(db.client, db, uuid.uuid4().hex, subject)
    open_record(work, datetime.now(UTC))
    names.take(work, SubjectKeys(store.load(), PEPPER))
    ref = SubjectKeys(store.load(), PEPPER).one(subject, 0).audit_ref
    epochs = [puncture_key(work, store, PEPPER) for _ in range(2)]
    held = list(db.audit_trail.find().sort("_id", 1))
    assert [(each["action"], each.get("audit_ref"), each["result"]) for each in held] == [
        ("key_puncture", ref, {"epoch_before": epochs[0] - 1}),
        ("key_epoch", None, {"epoch": epochs[0]}),
    ]
    assert subject not in str(held)
    assert verified(db, signer).is_intact


def test_entries_are_found_by_case_action_and_time(db: Database[Document]) -> None:
    trail.append(db.client, db, [entry("a"), entry("b", case_id="c1"), entry("c", case_id="c1")])
    now = datetime.now(UTC)

    def positions(limit: int | None = None, **wanted: Any) -> list[int]:
        return [each["position"] for each in listing.entries(db, listing.Filter(**wanted), limit)]

    assert positions(case_id="c1") == [1, 2]
    assert positions(1, case_id="c1") == [2]
    assert positions(actions=(Action.KEY_EPOCH,), since=now - timedelta(minutes=1)) == [0, 1, 2]
    assert positions(until=now - timedelta(minutes=1)) == []


def test_the_administrator_s_grants_are_in_the_trail(stack: LiveStack) -> None:
    """Of `lethe up`, which made everything."""
    held = {
        each["result"]["server"]: each for each in stack.db("auditor").audit_trail.find({"action": "rights"})
    }
    assert "stream: insert audit_trail" in held["mongodb"]["result"]["granted"]
    assert held["mongodb"]["role"] == "admin"


def test_the_command_line_verifies_signs_and_reads(stack: LiveStack) -> None:
    said = json.loads(stack.lethe("audit", "verify", "--json").stdout)
    assert said["intact"]
    file = stack.lethe("audit", "checkpoint").stdout.strip()
    assert stack.lethe("audit", "verify", "--against", file).stdout.splitlines()[-1] == "intact"
