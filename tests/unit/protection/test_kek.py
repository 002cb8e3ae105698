"""Key-encryption keys as files."""

from pathlib import Path

import pytest

from lethe.errors import ConfigurationError, DestroyedKeyError, KeyStateError
from lethe.protection import keys_folder
from lethe.protection.kek import KekFiles
from tests.unit.protection.installation import paths_in


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return keys_folder.made(paths_in(tmp_path))


@pytest.fixture
def keks(tmp_path: Path) -> KekFiles:
    return KekFiles(paths_in(tmp_path))


def test_a_key_is_a_file_of_its_own_closed_to_others(keks: KekFiles, folder: Path) -> None:
    keys = [keks.create(epoch) for epoch in (1, 2, 10)]
    assert [keks.load(epoch) for epoch in (1, 2, 10)] == keys
    assert len({*keys}) == 3
    assert all(len(key) == 32 for key in keys)
    assert keks.epochs() == [1, 2, 10]
    assert {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()} == {
        "kek-1": 0o600,
        "kek-2": 0o600,
        "kek-10": 0o600,
    }
    assert (folder / "kek-1").read_text() == keys[0].hex() + "\n"


def test_a_key_is_never_made_anew(keks: KekFiles, folder: Path) -> None:
    key = keks.create(1)
    with pytest.raises(KeyStateError, match="is there already"):
        keks.create(1)
    assert keks.load(1) == key


def test_a_destroyed_key_is_a_clear_error_and_its_bytes_are_overwritten(keks: KekFiles, folder: Path) -> None:
    keks.create(1)
    same_bytes = folder / "another name"
    same_bytes.hardlink_to(folder / "kek-1")
    keks.destroy(1)
    with pytest.raises(DestroyedKeyError, match=r"epoch 1: there is no .*kek-1; it has been destroyed"):
        keks.load(1)
    assert same_bytes.read_bytes() == bytes(65)
    keks.destroy(1)
    assert keks.epochs() == []


def test_destroying_takes_what_a_killed_process_left_with_it(keks: KekFiles, folder: Path) -> None:
    (folder / ".kek-1.4711.new").write_text("00" * 32)
    (folder / ".kek-11.4711.new").write_text("11" * 32)
    keks.destroy(1)
    assert [file.name for file in folder.iterdir()] == [".kek-11.4711.new"]


def test_other_files_of_the_folder_are_no_epochs(keks: KekFiles, folder: Path) -> None:
    for name in (
        "pepper",
        "kek-0",
        "kek-01",
        "kek-x",
        "kek-1.bak",
        ".kek-2.1.new",
        "akek-3",
        "day-2026-01-01",
    ):
        (folder / name).touch()
    assert keks.epochs() == []


def test_no_folder_is_no_epochs(keks: KekFiles) -> None:
    assert keks.epochs() == []


def test_a_key_that_is_open_to_others_is_refused(keks: KekFiles, folder: Path) -> None:
    keks.create(1)
    (folder / "kek-1").chmod(0o644)
    with pytest.raises(ConfigurationError, match=r"key-encryption key of epoch 1: .* is open to others"):
        keks.load(1)
