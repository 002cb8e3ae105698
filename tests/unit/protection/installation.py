"""A data folder and a keys folder of a test, with two subjects' rows; and what can be read from any copies of them."""

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lethe.errors import ProtectionError
from lethe.protection import fields
from lethe.protection.key_state import KeyState
from lethe.protection.key_store import KeyStore
from lethe.protection.subject_keys import SubjectKeys, puncture
from lethe.settings import Paths

PEPPER = hashlib.sha256(b"pepper").digest()
ANNA, BODO, CARL = (hashlib.sha256(name).hexdigest() for name in (b"anna", b"bodo", b"carl"))
GROUP = "account_fields"
REGISTER = "0123456789ab"
VALUES = {"city": "Utrecht", "street_number": 7}
LOCK_SECONDS = 5.0


def paths_in(folder: Path) -> Paths:
    """The two folders side by side."""
    return Paths(home=folder / "data", keys_dir=folder / "keys")


def store_of(paths: Paths) -> KeyStore:
    return KeyStore(paths, lock_seconds=LOCK_SECONDS)


def erase(paths: Paths, *subject_ids: str) -> KeyState:
    return puncture(store_of(paths), PEPPER, [(subject, 0) for subject in subject_ids])


def keys_of(state: KeyState) -> SubjectKeys:
    return SubjectKeys(state, PEPPER)


def sealed(state: KeyState, subject_id: str, root: int | None = None) -> bytes:
    """A subject's blob, under a root."""
    subject = keys_of(state).one(subject_id, 0, root)
    (blob,) = fields.seal_batch([subject], GROUP, REGISTER, [VALUES])
    return blob


def opens(state: KeyState, subject_id: str, blob: bytes) -> bool:
    """Whether the row can be read with this state."""
    try:
        return fields.open_blob(keys_of(state), subject_id, GROUP, blob) == VALUES
    except ProtectionError:
        return False


def copied(folder: Path, to: Path) -> Path:
    """A copy of everything below a folder."""
    return Path(shutil.copytree(folder, to))


def every_state(data_folders: Iterable[Path], keys_folders: Iterable[Path]) -> list[KeyState]:
    """Each key state that any key of any of the folders decrypts, whatever the files are called."""
    keys = {key for folder in keys_folders for key in _keys(folder)}
    contents = {file.read_bytes() for folder in data_folders for file in _files(folder)}
    return [state for content in contents for key in keys if (state := _decrypted(key, content))]


def _files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


def _keys(folder: Path) -> Iterable[bytes]:
    for file in _files(folder):
        try:
            key = bytes.fromhex(file.read_text())
        except ValueError:
            continue
        if len(key) == 32:
            yield key


def _decrypted(key: bytes, content: bytes) -> KeyState | None:
    header, nonce, sealed_form = content[:17], content[17:29], content[29:]
    try:
        form = AESGCM(key).decrypt(nonce, sealed_form, header)
    except (InvalidTag, ValueError):
        return None
    return KeyState.from_bytes(int.from_bytes(header[9:], "big"), form)
