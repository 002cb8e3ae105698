"""What the tests of the audit trail share: a trail of a test's own, and a key that signs."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo.database import Database

from lethe.evidence.signing import Signer
from lethe.settings import Paths
from lethe.stores.mongodb import Document
from tests.integration.audit.trails import fresh, signing
from tests.integration.live import LiveStack


@pytest.fixture
def db(stack: LiveStack) -> Iterator[Database[Document]]:
    with fresh(stack) as made:
        yield made


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return signing(tmp_path)


@pytest.fixture
def signer(paths: Paths) -> Signer:
    return Signer(paths)
