"""The blind index of addresses: one value an address and key."""

import hashlib
import hmac
from pathlib import Path

import pytest

from lethe.errors import ConfigurationError
from lethe.protection import blind_index
from lethe.protection.blind_index import BlindIndex
from lethe.settings import Paths


def made(folder: Path) -> Paths:
    paths = Paths(home=folder / "home", keys_dir=folder / "keys")
    blind_index.create_key(paths)
    return paths


def test_a_value_is_what_the_page_says(tmp_path: Path) -> None:
    paths = made(tmp_path)
    key = bytes.fromhex((paths.keys_dir / "email-index-key").read_text())
    expected = hmac.new(key, b"lethe email index 1\x00zoe@example.org", hashlib.sha256).hexdigest()
    assert BlindIndex(paths).value("zoe@example.org") == expected


@pytest.mark.parametrize("written", ["ZOE@Example.ORG", "  zoe@example.org \n", "zoe\u200b@example.org"])
def test_case_blanks_and_what_nobody_sees_do_not_matter(tmp_path: Path, written: str) -> None:
    index = BlindIndex(made(tmp_path))
    assert index.value(written) == index.value("zoe@example.org")


def test_another_address_and_another_key_give_another_value(tmp_path: Path) -> None:
    index, other = BlindIndex(made(tmp_path / "one")), BlindIndex(made(tmp_path / "two"))
    values = [index.value("zoe@example.org"), index.value("zoe@example.com"), other.value("zoe@example.org")]
    assert len({*values}) == 3


@pytest.mark.parametrize("text", ["", "  ", "zoe"])
def test_what_can_be_no_address_has_no_value(tmp_path: Path, text: str) -> None:
    assert BlindIndex(made(tmp_path)).value(text) is None


def test_without_a_key_there_is_no_index(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="LETHE_INTAKE_EMAIL_INDEX"):
        BlindIndex(Paths(home=tmp_path / "home", keys_dir=tmp_path / "keys"))


def test_the_key_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    paths = made(tmp_path)
    file = blind_index.key_file(paths)
    first = file.read_bytes()
    blind_index.create_key(paths)
    assert file.read_bytes() == first
    assert file.stat().st_mode & 0o777 == 0o600
