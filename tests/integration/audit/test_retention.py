"""The end of entries of the audit trail: by a signed act, resumed after a kill, and told from a cut."""

from datetime import UTC, datetime, timedelta

import pytest
from pymongo.database import Database

from lethe.audit import checkpointing, segments
from lethe.audit.entry import entry_hash
from lethe.errors import TrailError
from lethe.evidence.signing import Signer, create_key
from lethe.moments import time_text
from lethe.settings import Paths
from lethe.stores.mongodb import Document
from tests.integration.audit.trails import WHO, append, entry, kinds, verified


def age(db: Database[Document], count: int, days: int) -> None:
    """Entries that were appended so many days ago: written as they would have been then."""
    head = db.audit_head.find_one({}) or {}
    size, previous = int(head["size"]), str(head["hash"])
    at = time_text(datetime.now(UTC) - timedelta(days=days))
    for position in range(size, size + count):
        document = entry(f"old{position}").placed(position, previous, at)
        db.audit_trail.insert_one(document)
        previous = entry_hash(document).hex()
    db.audit_head.update_one({}, {"$set": {"size": size + count, "hash": previous}})


def drop(db: Database[Document], paths: Paths, signer: Signer) -> segments.Due:
    first = verified(db, signer).first
    found = segments.due(db, "P30D", first)
    segments.drop(db.client, db, found, paths=paths, signer=signer, who=WHO)
    return found


def test_what_is_past_its_period_leaves_by_an_act_that_verification_knows(
    db: Database[Document], paths: Paths, signer: Signer
) -> None:
    age(db, 5, days=40)
    append(db, "young")
    file, _ = checkpointing.checkpoint(db.client, db, paths, signer)
    found = drop(db, paths, signer)
    assert (found.until, found.count, found.left) == (5, 5, 0)
    report = verified(db, signer, file)
    assert report.is_intact
    assert (report.first, report.size, report.left, report.compared) == (5, 7, 0, 1)
    assert drop(db, paths, signer).count == 0
    later, _ = checkpointing.checkpoint(db.client, db, paths, signer)
    assert verified(db, signer, file, later).compared == 2
    db.audit_trail.delete_one({"_id": 5})
    assert kinds(verified(db, signer, file, later)) == ["dropped_unsigned"]


def test_killed_between_the_act_and_the_removal_the_next_time_ends_it(
    db: Database[Document], paths: Paths, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(db, 5, days=40)
    append(db, "young")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(segments, "_remove", killed)
        with pytest.raises(KeyboardInterrupt):
            drop(db, paths, signer)
    report = verified(db, signer)
    assert (report.is_intact, report.first, report.left) == (True, 5, 5)
    found = drop(db, paths, signer)
    assert (found.count, found.left) == (0, 5)
    assert (verified(db, signer).left, db.audit_trail.count_documents({"action": "trail_drop"})) == (0, 1)


def test_an_act_that_was_made_up_is_no_act(db: Database[Document], paths: Paths, signer: Signer) -> None:
    age(db, 5, days=40)
    append(db, "young")
    other = Paths(home=paths.home, keys_dir=paths.keys_dir.with_name("others"))
    create_key(other)
    found = segments.due(db, "P30D", 0)
    drop(db, paths, signer)
    with pytest.raises(TrailError):
        segments.drop(db.client, db, found, paths=other, signer=Signer(other), who=WHO)
    assert verified(db, signer).is_intact
    assert set(kinds(verified(db, Signer(other)))) == {"bad_act", "dropped_unsigned"}


def test_what_is_too_young_by_a_kept_checkpoint_was_dropped_early(
    db: Database[Document], paths: Paths, signer: Signer
) -> None:
    """Who has the signing key can sign any act; a checkpoint that was kept tells when its entries were made."""
    append(db, "a", "b")
    file, _ = checkpointing.checkpoint(db.client, db, paths, signer)
    append(db, "c", "d")
    found = segments.due(db, "P30D", 0, datetime.now(UTC) + timedelta(days=31))
    assert found.count == 4
    segments.drop(db.client, db, found, paths=paths, signer=signer, who=WHO)
    assert "dropped_early" in kinds(verified(db, signer, file))
