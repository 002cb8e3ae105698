"""An archive for one person: an AES-256 zip (WinZip's AE-2) that others' tools open, and that ends by a date.

Names in a zip are in clear, and so are the files' lengths: names here say nothing. There is no checksum of the content.
"""

import io
import re
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

import pyzipper  # type: ignore[import-untyped]
from pyzipper.zipfile_aes import WZ_AES_V2, AESZipInfo  # type: ignore[import-untyped]

from lethe import durable_files
from lethe.errors import InputError

PASSPHRASE_BYTES: Final = 16
NAMES: Final = frozenset(
    {"readme.txt", "about.html", "about.json", "data.html", "data.json", "portable.json", "schema.json"}
)
_GROUP: Final = 4
_DATE: Final = (1980, 1, 1, 0, 0, 0)  # the first that a zip can say: when it was made is nobody's business
_NAME = re.compile(
    r"\.?archive-[0-9a-f]{16}-until-(\d{4}-\d{2}-\d{2}T\d{6}Z)\.zip(?:\.\d+\.new)?"
)  # what a killed process left too
_UNTIL: Final = "%Y-%m-%dT%H%M%SZ"


def new_passphrase() -> str:
    """128 random bits as eight groups of four hex digits: easy to read out and to type."""
    digits = secrets.token_hex(PASSPHRASE_BYTES)
    return "-".join(digits[at : at + _GROUP] for at in range(0, len(digits), _GROUP))


def write(
    files: Mapping[str, bytes], folder: Path, *, case_id: str, passphrase: str, expires_at: datetime
) -> Path:
    """Write a case's archive, in place of one that an earlier attempt wrote; returns the file.

    Its name tells neither the person nor the case, but the time (UTC, to the second) at which it ends. Whoever calls
    this has recorded passphrase and time before, so that each attempt makes the same archive. Raises InputError for a
    file's name that is not one of NAMES, which are all that stands in clear in it.
    """
    if not files.keys() <= NAMES:
        raise InputError(f"archive: a file in it is named one of {', '.join(sorted(NAMES))}")
    tag = sha256(b"lethe archive name 1\0" + case_id.encode()).hexdigest()[:16]
    file = folder / f"archive-{tag}-until-{expires_at.astimezone(UTC).strftime(_UNTIL)}.zip"
    durable_files.replace(file, _zipped(files, passphrase))
    return file


def _zipped(files: Mapping[str, bytes], passphrase: str) -> bytes:
    """In memory: what is not encrypted never touches the disk."""
    whole = io.BytesIO()
    with pyzipper.AESZipFile(whole, "w", compression=pyzipper.ZIP_DEFLATED) as archive:
        archive.setpassword(passphrase.encode("ascii"))
        archive.setencryption(pyzipper.WZ_AES, nbits=256, force_wz_aes_version=WZ_AES_V2)
        for name, content in files.items():
            entry = AESZipInfo(name, _DATE)
            entry.compress_type = pyzipper.ZIP_DEFLATED
            entry.external_attr = durable_files.MODE << 16
            archive.writestr(entry, content)
    return whole.getvalue()


def expired(folder: Path, now: datetime) -> Iterator[Path]:
    """The archives whose time is over, also the unfinished; by name."""
    for file in sorted(folder.glob("*archive-*")):
        match = _NAME.fullmatch(file.name)
        if match and datetime.strptime(match[1], _UNTIL).replace(tzinfo=UTC) <= now:
            yield file


def destroy_expired(folder: Path, now: datetime) -> int:
    """Destroy what `expired` finds; returns how many. May be repeated, and done by two at once."""
    found = list(expired(folder, now))
    for file in found:
        durable_files.destroy(file)
    return len(found)
