"""How the driver is started: what stands in its files, and what never stands on its command line."""

import stat
from pathlib import Path

import pytest

from lethe.errors import ConfigurationError, FencedError
from lethe.settings import Paths
from lethe.stack import credentials
from lethe.stream.submit import LeaseFile, command, lease_path, spark_properties


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = Paths(home=tmp_path / "home", keys_dir=tmp_path / "keys")
    credentials.create(made)
    (made.config / "stream").mkdir(parents=True)
    made.jars.mkdir()
    return made


def test_a_jar_of_the_users_is_on_the_class_path(paths: Paths) -> None:
    (paths.jars / "mine.jar").touch()
    (paths.jars / "readme.txt").touch()
    assert spark_properties(paths)["spark.jars"] == str(paths.jars / "mine.jar")


def test_no_secret_is_on_the_command_line_or_in_the_environment_of_spark(paths: Paths) -> None:
    secrets = [file.read_text().strip() for file in paths.secrets.iterdir()]
    line = " ".join(command(paths, 7))
    assert all(secret not in line for secret in secrets)
    assert all(secret not in value for secret in secrets for value in spark_properties(paths).values())


def test_the_driver_is_told_which_lease_is_its_own(paths: Paths) -> None:
    assert command(paths, 7)[-1] == "7"
    with pytest.raises(ConfigurationError, match="no lease"):
        LeaseFile.read(paths, 7)
    lease_path(paths).parent.mkdir(parents=True)
    lease_path(paths).write_text('{"number": 8, "holder": "another", "password": "x"}')
    assert LeaseFile.read(paths, 8).lease.holder == "another"
    with pytest.raises(FencedError, match="lease 7 was taken over by lease 8"):
        LeaseFile.read(paths, 7)


def test_what_holds_the_login_is_private(paths: Paths) -> None:
    command(paths, 7)
    for file in (paths.config / "stream").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_spark_encrypts_its_files_and_shows_no_page(paths: Paths) -> None:
    found = spark_properties(paths)
    assert found["spark.io.encryption.enabled"] == "true"
    assert found["spark.authenticate"] == "true"
    assert found["spark.ui.enabled"] == "false"
    assert found["spark.local.dir"].startswith(str(paths.home))
    assert found["spark.driver.bindAddress"] == "127.0.0.1"


def test_another_master_is_a_setting(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LETHE_STREAM_MASTER", "spark://one:7077")
    found = spark_properties(paths)
    assert found["spark.master"] == "spark://one:7077"
    assert "spark.driver.bindAddress" not in found
    assert found["spark.network.crypto.enabled"] == "true"
    assert "jaas.conf" in found["spark.executor.extraJavaOptions"], "executors log in to Kafka too"
