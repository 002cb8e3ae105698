"""A case's key: what it seals, what it refuses, and that after its end nobody reads again."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from lethe import durable_files
from lethe.errors import ConfigurationError, DestroyedKeyError, InputError, SealedFieldError
from lethe.protection import keys_folder
from lethe.requests import case_keys
from lethe.requests.case_keys import CaseKeys, case_id_of
from lethe.settings import Paths
from tests.unit.protection.installation import copied, paths_in
from tests.unit.protection.killed import contents, killed_before, lines_that_see

CASE, OTHER = "0123456789abcdef" * 2, "f" * 32
USER_ID = "0190a1b2-0000-4000-8000-00000000002a"
MODULES = (case_keys, durable_files, keys_folder)


@pytest.fixture
def keys(tmp_path: Path) -> CaseKeys:
    made = CaseKeys(paths_in(tmp_path))
    made.make(CASE)
    return made


def key_of(folder: Path) -> bytes:
    return bytes.fromhex((folder / "keys" / f"case-{CASE}").read_text())


def test_what_is_sealed_is_read_with_the_same_case_and_field_alone(keys: CaseKeys) -> None:
    keys.make(OTHER)
    blob = keys.seal(CASE, "user_id", USER_ID)
    assert USER_ID.encode() not in blob
    assert keys.unseal(CASE, "user_id", blob) == USER_ID
    for case_id, field in ((CASE, "reply_to"), (OTHER, "user_id")):
        with pytest.raises(SealedFieldError, match=f"case {case_id}: {field} does not authenticate"):
            keys.unseal(case_id, field, blob)


def test_the_form_is_as_the_page_says(keys: CaseKeys, tmp_path: Path) -> None:
    blob = keys.seal(CASE, "reply_to", "ä@b.example")
    assert blob[:2] == b"C\x01"
    plain = AESGCM(key_of(tmp_path)).decrypt(
        blob[2:14], blob[14:], b"C\x01case" + CASE.encode() + b"reply_to"
    )
    assert plain == b"\0\0\0\x0c" + "ä@b.example".encode() + bytes(16)
    assert len(blob) == 2 + 12 + 32 + 16


@settings(deadline=None)  # each key is synced to the disk
@given(text=st.text(max_size=300))
def test_any_text_comes_back_and_its_length_shows_in_steps_of_32(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    keys = CaseKeys(paths_in(tmp_path_factory.getbasetemp() / "any"))
    keys.make(CASE)
    encodable = text.encode("utf-8", "ignore").decode()
    blob = keys.seal(CASE, "reply_to", encodable)
    assert keys.unseal(CASE, "reply_to", blob) == encodable
    assert (len(blob) - 30) % 32 == 0


def test_every_altered_byte_is_noticed(keys: CaseKeys) -> None:
    blob = keys.seal(CASE, "user_id", USER_ID)
    for at in range(len(blob)):
        altered = blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :]
        with pytest.raises(SealedFieldError):
            keys.unseal(CASE, "user_id", altered)
    for length in range(len(blob)):
        with pytest.raises(SealedFieldError):
            keys.unseal(CASE, "user_id", blob[:length])


def test_two_seals_of_one_text_differ(keys: CaseKeys) -> None:
    assert keys.seal(CASE, "user_id", USER_ID) != keys.seal(CASE, "user_id", USER_ID)


def test_a_text_that_is_too_long_is_refused_without_repeating_it(keys: CaseKeys) -> None:
    with pytest.raises(InputError, match="reply_to is longer than 2,000 bytes"):
        keys.seal(CASE, "reply_to", "x" * 2001)


def test_shredded_nobody_reads_and_the_error_says_so(keys: CaseKeys, tmp_path: Path) -> None:
    blob = keys.seal(CASE, "user_id", USER_ID)
    kept = tmp_path / "another name"
    kept.hardlink_to(tmp_path / "keys" / f"case-{CASE}")
    keys.shred(CASE)
    keys.shred(CASE)
    assert kept.read_bytes() == bytes(65)
    for read in (lambda: keys.unseal(CASE, "user_id", blob), lambda: keys.seal(CASE, "user_id", USER_ID)):
        with pytest.raises(DestroyedKeyError, match=f"key of case {CASE}: it has been shredded"):
            read()


def test_made_twice_it_is_the_same_key_and_closed_to_others(keys: CaseKeys, tmp_path: Path) -> None:
    before = key_of(tmp_path)
    keys.make(CASE)
    assert key_of(tmp_path) == before
    assert (tmp_path / "keys" / f"case-{CASE}").stat().st_mode & 0o777 == 0o600
    (tmp_path / "keys" / f"case-{CASE}").chmod(0o644)
    with pytest.raises(ConfigurationError, match="is open to others"):
        keys.seal(CASE, "user_id", USER_ID)


@pytest.mark.parametrize("text", ["", "../pepper", "0" * 31, "0" * 33, "G" * 32, "A" * 32, "0" * 32 + "\n"])
def test_what_is_no_case_id_names_no_file(keys: CaseKeys, tmp_path: Path, text: str) -> None:
    for use in (case_id_of, keys.make, keys.shred, lambda each: keys.seal(each, "user_id", "x")):
        with pytest.raises(InputError, match="CASE is not a case_id"):
            use(text)
    assert [file.name for file in (tmp_path / "keys").iterdir()] == [f"case-{CASE}"]


def test_keys_are_told_by_their_age_and_what_killed_processes_left_too(
    keys: CaseKeys, tmp_path: Path
) -> None:
    now, folder = datetime.now(UTC), tmp_path / "keys"
    (folder / f".case-{OTHER}.4711.new").write_bytes(b"part")
    (folder / "pepper").touch()
    assert keys.older_than(timedelta(hours=1), now) == []
    for file in folder.iterdir():
        os.utime(file, (now.timestamp() - 7200, now.timestamp() - 7200))
    assert keys.older_than(timedelta(hours=1), now) == [CASE, OTHER]
    keys.shred(OTHER)
    assert keys.older_than(timedelta(hours=1), now) == [CASE]
    assert CaseKeys(paths_in(tmp_path / "empty")).older_than(timedelta(0), now) == []


def test_the_keys_never_lie_within_the_data(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="lies inside LETHE_HOME"):
        CaseKeys(Paths(home=tmp_path, keys_dir=tmp_path / "keys"))


@pytest.fixture
def before(tmp_path: Path) -> Path:
    folder = tmp_path / "before"
    CaseKeys(paths_in(folder)).make(CASE)
    return folder


def kill_points(template: Path, action: str) -> list[Path]:
    """A copy of the template for each state that the files pass through, killed there; at last one where it ended."""

    def act(folder: Path) -> None:
        getattr(CaseKeys(paths_in(folder)), action)(CASE)

    first = copied(template, template.with_name("first"))
    different, last = lines_that_see(first, lambda: act(first), MODULES)
    found = []
    for line in [*different, last + 1]:
        folder = copied(template, template.with_name(f"killed-{line}"))
        assert killed_before(line, lambda now=folder: act(now), MODULES) is (line <= last)
        found.append(folder)
    return found


def test_making_can_be_killed_anywhere_and_done_again(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in kill_points(tmp_path / "empty", "make"):
        keys = CaseKeys(paths_in(folder))
        keys.make(CASE)
        assert keys.unseal(CASE, "user_id", keys.seal(CASE, "user_id", USER_ID)) == USER_ID
        keys.shred(CASE)
        assert contents(folder) == {}


def test_shredding_can_be_killed_anywhere_and_the_key_is_whole_or_gone_for_good(before: Path) -> None:
    blob = CaseKeys(paths_in(before)).seal(CASE, "user_id", USER_ID)
    seen = set()
    for folder in kill_points(before, "shred"):
        keys = CaseKeys(paths_in(folder))
        try:
            seen.add(keys.unseal(CASE, "user_id", blob))
        except (DestroyedKeyError, ConfigurationError) as error:
            seen.add(type(error).__name__)
        keys.shred(CASE)
        assert contents(folder) == {}
        with pytest.raises(DestroyedKeyError):
            keys.unseal(CASE, "user_id", blob)
    assert seen == {USER_ID, "ConfigurationError", "DestroyedKeyError"}
