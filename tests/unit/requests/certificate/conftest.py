"""An installation that can sign."""

from pathlib import Path

import pytest

from lethe.evidence import signing
from lethe.settings import Paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths(home=tmp_path / "home", keys_dir=tmp_path / "keys")
    found.home.mkdir()
    signing.create_key(found)
    return found
