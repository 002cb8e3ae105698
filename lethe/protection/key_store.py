"""The key state on disk: `state-<epoch>` with the data, its key-encryption key in the keys folder.

A change is a new epoch: an empty partial file (which says that the epoch was begun), a new key-encryption key, the new
state beside the old one, renamed into place and read back; then the old key-encryption key is destroyed, and from that
moment every copy of the old state is dead. Everything is synced before the next step. In force is the highest epoch
whose key and state are both there and authenticate.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from filelock import FileLock, Timeout

from lethe import durable_files
from lethe.errors import ConfigurationError, DestroyedKeyError, KeyStateError
from lethe.protection import keys_folder, state_file
from lethe.protection.ggm import SEED_BYTES
from lethe.protection.kek import KekFiles, KeyEncryptionKeys
from lethe.protection.key_state import KeyState
from lethe.settings import Paths

LOCK_SECONDS: Final = 60.0  # a change of a state of a million punctures takes some ten
_READ_ATTEMPTS: Final = 100  # each time because another process changed the state meanwhile
_STATE = re.compile(r"state-([1-9]\d{0,18})")
_PARTIAL = re.compile(r"\.state-([1-9]\d{0,18})\.new")
_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class _Listing:
    """Epochs that have a key-encryption key, a state, a partial file of a state; ascending."""

    keks: tuple[int, ...]
    states: tuple[int, ...]
    partials: tuple[int, ...]

    @property
    def pairs(self) -> list[int]:
        return [epoch for epoch in self.states if epoch in self.keks]

    @property
    def lost(self) -> list[int]:
        """Epochs whose key says that they were in force, and whose state is not there."""
        newest = max(self.pairs, default=0)
        return [epoch for epoch in self.keks if epoch > newest and epoch not in self.partials]

    @property
    def fresh(self) -> bool:
        """No epoch was ever in force here."""
        return not self.states and not self.lost


class KeyStore:
    """The key state of one installation. Readers need no lock; changes take turns.

    Raises ConfigurationError when the keys folder lies inside the data folder.
    """

    def __init__(
        self,
        paths: Paths | None = None,
        keks: KeyEncryptionKeys | None = None,
        lock_seconds: float = LOCK_SECONDS,
    ) -> None:
        self._paths = paths or Paths()
        self._keks = keks or KekFiles(self._paths)
        self._lock_seconds = lock_seconds
        self._lock_file = keys_folder.checked(self._paths) / "key-state.lock"
        self.folder = self._paths.home / "keys"

    def epoch(self) -> int:
        """The epoch in force, by two listings: load again when it is not the one that you have.

        Raises KeyStateError when there is none.
        """
        return self._settled(lambda listing: max(self._checked(listing).pairs))

    def load(self) -> KeyState:
        """The state in force.

        Raises KeyStateError when there is none, when it is lost, or when it does not authenticate;
        ConfigurationError when its key-encryption key is malformed or open to others.
        """
        return self._settled(self._newest)

    def create(self) -> KeyState:
        """Make the first state, once; where there is one, finish what a killed process left, and return it.

        Raises as `load` and `change` do: a lost state is never replaced by a new one.
        """
        with self._locked():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            listing = self._listing()
            if not listing.fresh:
                return self._finished()
            self._remove({*listing.keks, *listing.partials})
            return self._put_in_force(KeyState.new(os.urandom(SEED_BYTES)))

    def change(self, change: Callable[[KeyState], KeyState]) -> KeyState:
        """Put what `change` makes of the state in force; where it returns its argument, nothing is written.

        When this returns, no copy of the old state can be read any more. When it raises or is killed, the old state
        or the new one is in force; asking again finishes it. Raises KeyStateError when the lock is not had in time,
        and as `load` does.
        """
        with self._locked():
            state = self._finished()
            changed = change(state)
            if changed is state:
                return state
            if changed.epoch <= state.epoch:
                raise KeyStateError(f"a change of epoch {state.epoch} can't be of epoch {changed.epoch}")
            self._put_in_force(changed)
            self._remove({state.epoch})
            return changed

    def new_root(self) -> KeyState:
        """A new root, which new rows use from now on; raises as `change` does."""
        return self.change(lambda state: state.with_new_root(os.urandom(SEED_BYTES)))

    def drop_root(self, root: int) -> KeyState:
        """Without an older root, so that nothing that names it can be read again; raises as `change` does.

        Nothing is written where the state does not have it.
        """
        return self.change(lambda state: state.without_root(root) if root in state.roots else state)

    def destroy(self) -> None:
        """Destroy the state, and with it every subject's key for ever. A new one can be made then."""
        with self._locked():
            listing = self._listing()
            self._remove({*listing.keks, *listing.states, *listing.partials})

    @contextmanager
    def _locked(self) -> Iterator[None]:
        keys_folder.made(self._paths)
        lock = FileLock(self._lock_file, timeout=self._lock_seconds, mode=0o600, fallback_to_soft=False)
        try:
            lock.acquire()
        except Timeout as error:
            raise KeyStateError(
                f"{self._lock_file} is held by another process for more than {self._lock_seconds:g} s; the key state "
                "is not changed; try again"
            ) from error
        try:
            yield
        finally:
            lock.release()

    def _settled(self, read: Callable[[_Listing], _Read]) -> _Read:
        """What `read` makes of the files; again where they changed meanwhile, and its error where they did not."""
        listing = self._listing()
        for _ in range(_READ_ATTEMPTS):
            try:
                return read(listing)
            except (KeyStateError, DestroyedKeyError, ConfigurationError):
                again = self._listing()
                if again == listing:
                    raise
                listing = again
        raise KeyStateError("the key state was changed again and again while it was read; try again")

    def _listing(self) -> _Listing:
        """Keys first: a key without its state is no sign of a loss where the state came between the two listings."""
        keks = tuple(self._keks.epochs())
        try:
            names = [entry.name for entry in self.folder.iterdir()]
        except FileNotFoundError:
            names = []
        except OSError as error:
            raise KeyStateError(f"{self.folder} can't be listed ({error.strerror})") from error
        states, partials = (
            tuple(sorted(int(match[1]) for name in names if (match := form.fullmatch(name))))
            for form in (_STATE, _PARTIAL)
        )
        return _Listing(keks, states, partials)

    def _checked(self, listing: _Listing) -> _Listing:
        """The listing, if it names an epoch in force."""
        if listing.pairs and not listing.lost:
            return listing
        if listing.fresh:
            raise KeyStateError(f"there is no key state in {self.folder}: `lethe up` makes it")
        if not listing.keks:
            raise KeyStateError(
                f"{self.folder} holds the key state of epoch {listing.states[-1]}, and {self._paths.keys_dir} no "
                "key-encryption key: set LETHE_KEYS_DIR, or restore that folder"
            )
        held = ", ".join(map(str, listing.states)) or "none"
        raise KeyStateError(
            f"the key state of epoch {listing.keks[-1]} is missing from {self.folder} (there: {held}). Of an older "
            "epoch, as in a restored backup, the key-encryption key has been destroyed: that is what forgets. "
            f"Restore the copy of state-{listing.keks[-1]}. If the data is gone for good, remove "
            f"kek-{listing.keks[-1]} from {self._paths.keys_dir}, and start anew"
        )

    def _newest(self, listing: _Listing) -> KeyState:
        """The highest epoch that opens: one that does not, above one that does, was never in force."""
        failures: list[KeyStateError] = []
        for epoch in reversed(self._checked(listing).pairs):
            try:
                return self._opened(epoch)
            except KeyStateError as error:
                failures.append(error)
        raise failures[0]

    def _opened(self, epoch: int) -> KeyState:
        kek = self._keks.load(epoch)
        try:
            content = self._state(epoch).read_bytes()
        except OSError as error:
            raise KeyStateError(f"{self._state(epoch)} can't be read ({error.strerror})") from error
        return state_file.unseal(kek, epoch, content)

    def _finished(self) -> KeyState:
        """The state in force, alone: what a killed predecessor left of other epochs is destroyed."""
        state = self.load()
        listing = self._listing()
        self._remove({*listing.keks, *listing.states, *listing.partials} - {state.epoch})
        return state

    def _put_in_force(self, state: KeyState) -> KeyState:
        """Write a state of an epoch that has nothing on disk yet, and see that it can be read."""
        partial, file = self._partial(state.epoch), self._state(state.epoch)
        durable_files.write(partial, b"")
        durable_files.sync_folder(self.folder)
        kek = self._keks.create(state.epoch)
        content = state_file.seal(kek, state)
        durable_files.write(partial, content)
        durable_files.move(partial, file)
        if self._keks.load(state.epoch) != kek or not durable_files.is_on_disk(file, content):
            self._remove({state.epoch})
            raise KeyStateError(
                f"{file} is not what was written to it: the disk fails; the old state is in force"
            )
        return state

    def _remove(self, epochs: set[int]) -> None:
        """Destroy their keys, then remove their files: the order that a kill between the two needs."""
        for epoch in sorted(epochs):
            self._keks.destroy(epoch)
            self._state(epoch).unlink(missing_ok=True)
            self._partial(epoch).unlink(missing_ok=True)
        if epochs and self.folder.exists():
            durable_files.sync_folder(self.folder)

    def _state(self, epoch: int) -> Path:
        return self.folder / f"state-{epoch}"

    def _partial(self, epoch: int) -> Path:
        return self.folder / f".state-{epoch}.new"
