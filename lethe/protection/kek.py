"""Key-encryption keys: one an epoch of the key state, made for it, and destroyed when the next epoch is in force.

Whatever keeps them (files here; a key management service elsewhere) must be able to destroy one for good: that is
what makes every older copy of the key state worthless.
"""

import re
import secrets
from pathlib import Path
from typing import Protocol

from lethe import durable_files
from lethe.errors import ConfigurationError, DestroyedKeyError, KeyStateError
from lethe.protection import keys_folder
from lethe.settings import Paths

_NAME = re.compile(r"kek-([1-9]\d{0,18})")


class KeyEncryptionKeys(Protocol):
    """A keeper of 256-bit keys by epoch. A call returns when what it did would survive a power failure."""

    def create(self, epoch: int) -> bytes:
        """A new key; raises KeyStateError when the epoch has one."""

    def load(self, epoch: int) -> bytes:
        """The epoch's key; raises DestroyedKeyError when there is none."""

    def destroy(self, epoch: int) -> None:
        """Make the key unreadable for ever, with what a killed `create` left of it; nothing happens without one."""

    def epochs(self) -> list[int]:
        """Epochs that have a key, or the remains of one that is being destroyed; ascending."""


class KekFiles:
    """Keys as files `kek-<epoch>` in the keys folder.

    Raises ConfigurationError when that folder lies inside the data folder.
    """

    def __init__(self, paths: Paths) -> None:
        self._folder = keys_folder.checked(paths)

    def create(self, epoch: int) -> bytes:
        """See KeyEncryptionKeys. One process at a time: `replace` leaves no second name of the file behind."""
        file = self._file(epoch)
        if file.exists():
            raise KeyStateError(f"key-encryption key of epoch {epoch}: {file} is there already")
        key = secrets.token_bytes(keys_folder.KEY_BYTES)
        durable_files.replace(file, keys_folder.as_written(key))
        return key

    def load(self, epoch: int) -> bytes:
        """See KeyEncryptionKeys.

        Raises ConfigurationError when the file is malformed, or open to others.
        """
        file = self._file(epoch)
        try:
            return keys_folder.read(file, f"key-encryption key of epoch {epoch}")
        except FileNotFoundError as error:
            raise DestroyedKeyError(
                f"key-encryption key of epoch {epoch}: there is no {file}; it has been destroyed"
            ) from error

    def destroy(self, epoch: int) -> None:
        """See KeyEncryptionKeys, and docs/security.md for what overwriting can and can't do."""
        file = self._file(epoch)
        for each in (*durable_files.partials(file), file):
            durable_files.destroy(each)

    def epochs(self) -> list[int]:
        """See KeyEncryptionKeys; raises ConfigurationError when the folder can't be listed."""
        try:
            names = [entry.name for entry in self._folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ConfigurationError(f"{self._folder} can't be listed ({error.strerror})") from error
        return sorted(int(match[1]) for name in names if (match := _NAME.fullmatch(name)))

    def _file(self, epoch: int) -> Path:
        return self._folder / f"kek-{epoch}"
