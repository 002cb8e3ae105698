"""What Spark is told of a rotation: nothing secret."""

import stat
from pathlib import Path

import pytest

from lethe.rotation import submit
from lethe.settings import Paths
from lethe.stack import credentials


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = Paths(home=tmp_path / "home", keys_dir=tmp_path / "keys")
    credentials.create(made)
    return made


def test_no_secret_and_no_key_is_in_what_spark_is_given(paths: Paths) -> None:
    secrets = [file.read_text().strip() for file in (*paths.secrets.iterdir(), *paths.keys_dir.glob("*"))]
    file = submit.prepare(paths)
    told = file.read_text() + str(submit.operator())
    assert not [secret for secret in secrets if secret and secret in told]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_streams_driver_does_not_remove_its_temporary_files(paths: Paths) -> None:
    lines = dict(line.split(" ", 1) for line in submit.prepare(paths).read_text().splitlines())
    assert lines["spark.io.encryption.enabled"] == "true"
    local = Path(lines["spark.local.dir"])
    assert local.is_relative_to(paths.home)
    assert not local.is_relative_to(paths.home / "spark")
    assert stat.S_IMODE(local.stat().st_mode) == 0o700


def test_what_is_submitted_is_there() -> None:
    assert submit.APPLICATION.is_file()
    assert submit.operator()["properties_file"] == str(submit.properties_file(Paths()))
