"""An installation that has its keys."""

from pathlib import Path

import pytest

from lethe.protection.key_store import KeyStore
from lethe.protection.pseudonym import create_pepper
from lethe.settings import Paths
from tests.unit.protection.installation import paths_in


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = paths_in(tmp_path)
    create_pepper(made)
    KeyStore(made).create()
    return made
