"""The key state: everything that subject keys are derived from, at one moment. Values only: key_store.py keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lethe.errors import KeyStateError
from lethe.protection.ggm import Leaves
from lethe.protection.key_tree import KeyTree

ROOT_BYTES: Final = 4  # of a root's id
_COUNT_BYTES: Final = 4
_LENGTH_BYTES: Final = 8
_LAST_ROOT: Final = (1 << 8 * ROOT_BYTES) - 1


@dataclass(frozen=True, slots=True)
class KeyState:
    """Trees by root id, ascending; the last is the one that new rows use. A change is a value of the next epoch."""

    epoch: int
    roots: Mapping[int, KeyTree]

    @classmethod
    def new(cls, seed: bytes) -> "KeyState":
        """The first epoch: root 1 from a random seed of 16 bytes, nothing punctured."""
        return cls(1, {1: KeyTree.of_root(seed)})

    @property
    def current(self) -> int:
        """The root of new rows."""
        return next(reversed(list(self.roots)))

    def tree(self, root: int) -> KeyTree:
        """One root's tree; raises KeyStateError when the state has no such root."""
        try:
            return self.roots[root]
        except KeyError:
            known = ", ".join(map(str, self.roots))
            raise KeyStateError(
                f"root {root} is not in the key state of epoch {self.epoch} (roots: {known}): it has been rotated "
                "away, or it is newer than this state; load the state again"
            ) from None

    def puncture(self, leaves: Mapping[int, Leaves]) -> "KeyState":
        """Without these leaves, given by root; the state itself where none of them lives.

        Raises KeyStateError when the state lacks one of the roots.
        """
        changed = {root: self.tree(root).puncture(each) for root, each in leaves.items()}
        if all(tree is self.roots[root] for root, tree in changed.items()):
            return self
        return self._next({**self.roots, **changed})

    def with_new_root(self, seed: bytes) -> "KeyState":
        """With one root more, from a random seed of 16 bytes, for new rows.

        Nothing is punctured in it: subjects erased before have a higher generation when they return.
        Raises KeyStateError when ids are used up.
        """
        if self.current == _LAST_ROOT:
            raise KeyStateError(f"root {self.current} is the last that an id of {ROOT_BYTES} bytes can name")
        return self._next({**self.roots, self.current + 1: KeyTree.of_root(seed)})

    def without_root(self, root: int) -> "KeyState":
        """Without an older root: no row that names it can be read again, living subjects' rows neither.

        Raises KeyStateError for the root of new rows, which also keeps ids from being given twice, and for one that
        is not there.
        """
        self.tree(root)
        if root == self.current:
            raise KeyStateError(f"root {root} is in use for new rows; make a new root first")
        return self._next({each: tree for each, tree in self.roots.items() if each != root})

    def _next(self, roots: Mapping[int, KeyTree]) -> "KeyState":
        return KeyState(self.epoch + 1, roots)

    def to_bytes(self) -> bytes:
        """The canonical form, without the epoch: the number of roots (4 bytes), then for each, ascending, its id
        (4 bytes), the length of its tree's form (8 bytes) and that. Numbers are big endian.
        """
        parts = [len(self.roots).to_bytes(_COUNT_BYTES)]
        for root, tree in self.roots.items():
            form = tree.to_bytes()
            parts += [root.to_bytes(ROOT_BYTES), len(form).to_bytes(_LENGTH_BYTES), form]
        return b"".join(parts)

    @classmethod
    def from_bytes(cls, epoch: int, data: bytes) -> "KeyState":
        """Read `to_bytes`; raises KeyStateError for anything that it would not have written."""
        roots: dict[int, KeyTree] = {}
        at = _COUNT_BYTES
        for _ in range(int.from_bytes(data[:at])):
            root = int.from_bytes(data[at : at + ROOT_BYTES])
            at += ROOT_BYTES + _LENGTH_BYTES
            end = at + int.from_bytes(data[at - _LENGTH_BYTES : at])
            if end > len(data) or root <= max(roots, default=0):
                raise KeyStateError(
                    f"the key state of epoch {epoch} can't be read: its roots are out of order"
                )
            roots[root] = KeyTree.from_bytes(data[at:end])
            at = end
        if not roots or at != len(data):
            raise KeyStateError(
                f"the key state of epoch {epoch} can't be read: it does not end with its roots"
            )
        return cls(epoch, roots)
