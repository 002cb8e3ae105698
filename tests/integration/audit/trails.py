"""A trail of a test's own on the live replica set, and its verification."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymongo.database import Database

from lethe.audit import trail
from lethe.audit import verify as verifying
from lethe.audit.entry import Action, Entry
from lethe.audit.report import Report
from lethe.audit.who import Who
from lethe.evidence.signing import Signer, create_key
from lethe.settings import Paths
from lethe.stores.mongodb import Document
from tests.integration.live import LiveStack

WHO = Who("eraser", "ops")


@contextmanager
def fresh(stack: LiveStack) -> Iterator[Database[Document]]:
    """An empty trail, with the validator and the index of the real one."""
    client = stack.mongo("admin")
    made = client[f"test_{uuid.uuid4().hex[:12]}"]
    (found,) = stack.db("admin").list_collections(filter={"name": "audit_trail"})
    made.create_collection("audit_trail", validator=found["options"]["validator"])
    made.audit_trail.create_index("key", unique=True)
    trail.seed(made)
    yield made
    client.drop_database(made.name)


def signing(folder: Path) -> Paths:
    """Folders with a signing key, and an evidence folder of their own."""
    made = Paths(home=folder / "home", keys_dir=folder / "keys", evidence_dir=folder / "evidence")
    create_key(made)
    return made


def entry(key: str, **more: Any) -> Entry:
    return Entry(WHO, Action.KEY_EPOCH, "rights", key, **more)


def append(db: Database[Document], *keys: str) -> list[int]:
    return trail.append(db.client, db, [entry(key) for key in keys])


def verified(db: Database[Document], signer: Signer, *files: Path) -> Report:
    return verifying.verify(db.client, db, signer.public_key, files).report


def kinds(report: Report) -> list[str]:
    return [each.kind.value for each in report.findings]
