"""An archive is opened by others' tools with its passphrase alone, tells nothing from outside, and ends."""

import hashlib
import hmac
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from lethe import durable_files
from lethe.errors import InputError
from lethe.requests import archive
from tests.unit.protection.killed import killed_before, lines_that_see

UNTIL = datetime(2026, 12, 25, 9, 30, tzinfo=UTC)
FILES = {"data.json": b'{"first_name": "Anna"}' * 50, "data.html": "<p>größe</p>".encode(), "readme.txt": b""}
CASE_ID = "7f3a9c02d4e64b1f"


def write(folder: Path, passphrase: str = "0" * 32, until: datetime = UNTIL) -> Path:
    return archive.write(FILES, folder, case_id=CASE_ID, passphrase=passphrase, expires_at=until)


def _keystream(key: bytes, length: int) -> bytes:
    """AES in counter mode with WinZip's counter: little endian, from 1."""
    blocks = b"".join(at.to_bytes(16, "little") for at in range(1, length // 16 + 2))
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - a counter's blocks
    return (encryptor.update(blocks) + encryptor.finalize())[:length]


def as_winzip_says(content: bytes, passphrase: str) -> Iterator[tuple[str, bytes]]:
    """Another reader: https://www.winzip.com/en/support/aes-encryption/ written out, on Python's list of entries."""
    for entry in zipfile.ZipFile(io.BytesIO(content)).infolist():
        name_length, extra_length = struct.unpack("<HH", content[entry.header_offset + 26 :][:4])
        begin = entry.header_offset + 30 + name_length + extra_length
        data = content[begin : begin + entry.compress_size]
        kind, _, version, maker, strength, method = struct.unpack("<HHH2sBH", entry.extra[:11])
        assert (kind, version, maker, strength) == (0x9901, 2, b"AE", 3)
        assert (entry.compress_type, entry.CRC) == (99, 0)
        salt, check, sealed, tag = data[:16], data[16:18], data[18:-10], data[-10:]
        keys = hashlib.pbkdf2_hmac("sha1", passphrase.encode(), salt, 1000, 66)
        if keys[64:] != check:
            raise ValueError("not the passphrase")
        assert hmac.new(keys[32:64], sealed, "sha1").digest()[:10] == tag
        plain = bytes(a ^ b for a, b in zip(sealed, _keystream(keys[:32], len(sealed)), strict=True))
        yield entry.filename, zlib.decompress(plain, -15) if method == zipfile.ZIP_DEFLATED else plain


def test_another_reader_opens_it_with_the_passphrase(tmp_path: Path) -> None:
    passphrase = archive.new_passphrase()
    content = write(tmp_path, passphrase).read_bytes()
    assert dict(as_winzip_says(content, passphrase)) == FILES


def test_nobody_opens_it_with_another(tmp_path: Path) -> None:
    content = write(tmp_path, archive.new_passphrase()).read_bytes()
    with pytest.raises(ValueError, match="not the passphrase"):
        dict(as_winzip_says(content, archive.new_passphrase()))


def test_from_outside_it_tells_nothing(tmp_path: Path) -> None:
    file = write(tmp_path)
    content = file.read_bytes()
    assert b"Anna" not in content
    assert CASE_ID.encode() not in content
    assert CASE_ID not in file.name
    assert file.stat().st_mode & 0o777 == 0o600
    assert {entry.date_time for entry in zipfile.ZipFile(file).infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("name", ["anna.json", "../data.json", "7f3a9c02.json", "Data.json"])
def test_a_name_that_could_tell_something_is_refused_and_not_repeated(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as caught:
        archive.write({name: b""}, tmp_path, case_id=CASE_ID, passphrase="0", expires_at=UNTIL)
    assert f"{name} " not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_passphrase_has_128_random_bits_in_groups() -> None:
    made = {archive.new_passphrase() for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch("[0-9a-f]{4}(-[0-9a-f]{4}){7}", each) for each in made)


def test_written_twice_there_is_one(tmp_path: Path) -> None:
    passphrase = archive.new_passphrase()
    first, second = write(tmp_path, passphrase), write(tmp_path, passphrase)
    assert first == second
    assert list(tmp_path.iterdir()) == [first]
    assert dict(as_winzip_says(first.read_bytes(), passphrase)) == FILES


def test_it_is_destroyed_when_its_time_is_over_and_not_before(tmp_path: Path) -> None:
    file = write(tmp_path)
    kept = archive.write(
        FILES, tmp_path, case_id="other", passphrase="0", expires_at=UNTIL + timedelta(days=1)
    )
    assert archive.destroy_expired(tmp_path, UNTIL - timedelta(seconds=1)) == 0
    same = tmp_path / "same bytes"
    same.hardlink_to(file)
    assert archive.destroy_expired(tmp_path, UNTIL) == 1
    assert not any(same.read_bytes())
    assert archive.destroy_expired(tmp_path, UNTIL) == 0
    assert kept.exists()


def test_whatever_else_lies_in_the_folder_stays(tmp_path: Path) -> None:
    for name in ("archive-x.zip", "my-archive-2020-01-01.zip", "archive-0123456789abcdef-until-2020.zip"):
        (tmp_path / name).touch()
    assert archive.destroy_expired(tmp_path, UNTIL) == 0


def test_killed_while_it_is_written_nothing_is_left_in_clear_or_for_ever(tmp_path: Path) -> None:
    """What is left is encrypted, and destroyed with the archive's own time; a retry writes the archive."""
    modules = (archive, durable_files)
    looked_at = tmp_path / "look"
    looked_at.mkdir()
    seen, last = lines_that_see(looked_at, lambda: write(looked_at), modules)
    for line in sorted({1, *seen, last}):
        folder = tmp_path / f"killed-{line}"
        folder.mkdir()
        assert killed_before(line, lambda at=folder: write(at), modules)  # type: ignore[misc]
        assert not any(b"Anna" in file.read_bytes() for file in folder.iterdir())
        assert dict(as_winzip_says(write(folder).read_bytes(), "0" * 32)) == FILES
        archive.destroy_expired(folder, UNTIL)
        assert list(folder.iterdir()) == []
