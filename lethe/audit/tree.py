"""The trail's Merkle tree (RFC 6962 s2.1), built from a stream of leaf hashes in memory of its logarithm."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from lethe.evidence.merkle import node_hash
from lethe.evidence.merkle import root as root_of


@dataclass(slots=True)
class Tree:
    """A tree of the first `size` leaves; `peaks`: the roots of its complete subtrees, the largest first."""

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Raises ValueError where there are not as many peaks as the size has."""
        if self.size < 0 or self.size.bit_count() != len(self.peaks):
            raise ValueError(f"a tree of {self.size} leaves has other than {len(self.peaks)} peaks")

    def add(self, leaf: bytes) -> None:
        """Add a leaf hash at the end."""
        value, left = leaf, self.size
        while left % 2:
            value, left = node_hash(self.peaks.pop(), value), left // 2
        self.peaks.append(value)
        self.size += 1

    def root(self) -> bytes:
        """The Merkle tree hash."""
        if not self.peaks:
            return root_of(())
        value = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            value = node_hash(peak, value)
        return value

    def copy(self) -> "Tree":
        """The tree as it is now."""
        return Tree(self.size, [*self.peaks])


class Growth:
    """What shows that a tree grew from an earlier one (RFC 6962 s2.1.2), found while leaves are added.

    `earlier` has a leaf at least.
    """

    def __init__(self, earlier: Tree) -> None:
        self._earlier = earlier.copy()
        self._rights: list[bytes] = []
        self._begins, self._part = earlier.size, Tree()

    def add(self, leaf: bytes) -> None:
        """Add a leaf hash that comes after the earlier tree's."""
        self._part.add(leaf)
        if self._part.size == self._begins & -self._begins:  # the largest complete subtree that begins there
            self._rights.append(self._part.root())
            self._begins, self._part = self._begins + self._part.size, Tree()

    def proof(self) -> list[bytes]:
        """The consistency proof from the earlier tree to that of all leaves added since."""
        rights = [*self._rights, *([self._part.root()] if self._part.size else [])]
        if not rights:
            return []
        lefts, size = [*self._earlier.peaks], self._earlier.size
        last = lefts.pop()
        found = [last] if lefts else []
        at = size // (size & -size) - 1  # of the last peak, among the subtrees of its size
        return found + _upwards(at, lefts, rights)


def _upwards(at: int, lefts: Sequence[bytes], rights: Sequence[bytes]) -> list[bytes]:
    """The siblings on the way from a node up to the root: what stands left of it, and right."""
    left, right, found = list(lefts), list(rights), list[bytes]()
    while left or right:
        if at % 2:
            found.append(left.pop())
        elif right:
            found.append(right.pop(0))
        at //= 2
    return found
