"""What a keys folder, and a file in it, must be."""

from pathlib import Path

import pytest

from lethe.errors import ConfigurationError
from lethe.evidence.signing import create_key
from lethe.protection import keys_folder
from lethe.protection.day_keys import DayKeys
from lethe.protection.kek import KekFiles
from lethe.protection.key_store import KeyStore
from lethe.protection.pseudonym import create_pepper, load_pepper, pepper_file
from lethe.settings import Paths
from tests.unit.protection.installation import paths_in

KEY = bytes(range(32))


@pytest.mark.parametrize("inside", [".", "keys", "a/b", "../data/keys"])
@pytest.mark.parametrize("use", [create_pepper, create_key, KekFiles, DayKeys, KeyStore])
def test_a_keys_folder_inside_the_data_folder_is_refused(tmp_path: Path, inside: str, use: type) -> None:
    home = tmp_path / "data"
    with pytest.raises(ConfigurationError, match="move it out"):
        use(Paths(home=home, keys_dir=home / inside))
    assert not home.exists()


def test_a_link_into_the_data_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "keys").symlink_to(tmp_path / "data", target_is_directory=True)
    with pytest.raises(ConfigurationError, match="move it out"):
        KekFiles(paths_in(tmp_path))


def test_the_folder_is_made_closed_to_others(tmp_path: Path) -> None:
    paths = paths_in(tmp_path)
    keys_folder.made(paths)
    assert paths.keys_dir.stat().st_mode & 0o777 == 0o700


def test_the_pepper_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    paths = paths_in(tmp_path)
    create_pepper(paths)
    pepper = load_pepper(paths)
    create_pepper(paths)
    assert load_pepper(paths) == pepper
    assert pepper_file(paths).stat().st_mode & 0o777 == 0o600
    assert [file.name for file in paths.keys_dir.iterdir()] == ["pepper"]


def test_a_missing_pepper_says_which_setting_names_its_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"pepper: .* can't be read .* see LETHE_KEYS_DIR"):
        load_pepper(paths_in(tmp_path))


def test_a_key_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.touch(mode=0o600)
    file.write_bytes(keys_folder.as_written(KEY))
    assert keys_folder.read(file, "key") == KEY


@pytest.mark.parametrize(
    ("content", "mode", "why"),
    [
        (b"xyz", 0o600, "is not hexadecimal"),
        (b"\xff\xfe", 0o600, "is not hexadecimal"),
        (b"00" * 31, 0o600, "holds 31 bytes, not 32"),
        (b"", 0o600, "holds 0 bytes, not 32"),
        (KEY.hex().encode(), 0o640, "is open to others; chmod 600 it"),
        (KEY.hex().encode(), 0o604, "is open to others; chmod 600 it"),
    ],
)
def test_a_malformed_or_open_file_is_refused_without_its_content(
    tmp_path: Path, content: bytes, mode: int, why: str
) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    file.chmod(mode)
    with pytest.raises(ConfigurationError, match=why) as refusal:
        keys_folder.read(file, "the key")
    assert KEY.hex()[:8] not in str(refusal.value)


def test_a_folder_in_the_place_of_a_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"the key: {tmp_path} can't be read"):
        keys_folder.read(tmp_path, "the key")
