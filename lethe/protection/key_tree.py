"""One root's living seeds: a GGM tree from which leaves can be taken away for ever.

Puncturing a leaf replaces the seed that covers it by the siblings along the path down to it (Boneh and Waters 2013;
Kiayias et al. 2013; Boyle, Goldwasser, Ivan 2014). What is left is an antichain: seeds of disjoint ranges of leaves,
none above another, one for each greatest subtree without a punctured leaf. So it depends on which leaves are
punctured, not on the order in which they were.
"""

from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from lethe.errors import KeyStateError
from lethe.protection.ggm import DEPTH, SEED_BYTES, Depths, Leaves, Seeds, children, descend

_GAP: Final = 0xFF  # in the place of a depth: a punctured leaf
_COUNT_BYTES: Final = 8
# How many leaves a node of each depth, and a gap, covers: modulo 2^64, so 0 for the root.
_SIZES: Final = np.ones(_GAP + 1, dtype=np.uint64)
_SIZES[: DEPTH + 1] = [(1 << (DEPTH - depth)) % (1 << 64) for depth in range(DEPTH + 1)]

Positions: TypeAlias = npt.NDArray[np.intp]
_Item = TypeVar("_Item", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class KeyTree:
    """Living seeds, sorted by the first leaf that each covers: `starts`, `depths` and `seeds` have n rows each.

    The arrays can't be written to. It is key material: it is not shown, and not pickled into other processes.
    """

    starts: Leaves
    depths: Depths
    seeds: Seeds

    def __post_init__(self) -> None:
        """Close the arrays."""
        for array in (self.starts, self.depths, self.seeds):
            array.setflags(write=False)

    def __eq__(self, other: object) -> bool:
        """The same seeds at the same places."""
        if not isinstance(other, KeyTree):
            return NotImplemented
        return (
            np.array_equal(self.starts, other.starts)
            and np.array_equal(self.depths, other.depths)
            and np.array_equal(self.seeds, other.seeds)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """How many seeds, and none of them."""
        return f"KeyTree({len(self.starts)} seeds)"

    def __reduce__(self) -> NoReturn:
        """Refused: pickled, it would stand in task descriptions, plans and spill files."""
        raise KeyStateError("a key tree is not pickled; each process loads the key state itself")

    @classmethod
    def of_root(cls, seed: bytes) -> "KeyTree":
        """The whole tree below a seed of 16 bytes."""
        row = np.frombuffer(seed, dtype=np.uint8).reshape(1, SEED_BYTES).copy()
        return cls(np.zeros(1, dtype=np.uint64), np.zeros(1, dtype=np.uint8), row)

    def leaf_seeds(self, leaves: Leaves) -> tuple[Seeds, npt.NDArray[np.bool_]]:
        """Seeds of leaves, shape (n, 16), and which of them live; the seeds of those that don't are zeros."""
        covering, alive = self._covering(leaves)
        if alive.all():
            return descend(self.seeds[covering], self.depths[covering], leaves), alive
        seeds = np.zeros((len(leaves), SEED_BYTES), dtype=np.uint8)
        covering = covering[alive]
        seeds[alive] = descend(self.seeds[covering], self.depths[covering], leaves[alive])
        return seeds, alive

    def _covering(self, leaves: Leaves) -> tuple[Positions, npt.NDArray[np.bool_]]:
        """Of each leaf the row at or before it, and whether that covers it."""
        rows = np.searchsorted(self.starts, leaves, side="right") - 1
        rows = np.maximum(rows, 0)  # a leaf before the first row is not below that, by its offset modulo 2^64
        last = _SIZES[self.depths[rows]] - np.uint64(1)  # offset of the last leaf below
        return rows, leaves - self.starts[rows] <= last

    def puncture(self, leaves: Leaves) -> "KeyTree":
        """Without these leaves; the tree itself where none of them lives. Repeated leaves count once."""
        doomed = np.unique(leaves)
        covering, alive = self._covering(doomed)
        doomed, covering = doomed[alive], covering[alive]
        if not len(doomed):
            return self
        broken, first = np.unique(covering, return_index=True)
        new = _survivors(self.starts[broken], self.depths[broken], self.seeds[broken], first, doomed)
        cuts = [*np.searchsorted(new.starts, self.starts[broken]).tolist(), len(new)]
        rows = broken.tolist()
        return KeyTree(
            _spliced(self.starts, rows, new.starts, cuts),
            _spliced(self.depths, rows, new.depths, cuts),
            _spliced(self.seeds, rows, new.seeds, cuts),
        )

    def __len__(self) -> int:
        """How many living seeds."""
        return len(self.starts)

    @property
    def punctures(self) -> int:
        """How many leaves have been taken away."""
        return int(self._gaps().sum())

    def _gaps(self) -> npt.NDArray[np.uint64]:
        """Punctured leaves before each row, and after the last one: n + 1."""
        ends = self.starts + _SIZES[self.depths]  # modulo 2^64: the last one's may be 0
        zero = np.zeros(1, dtype=np.uint64)
        gaps: npt.NDArray[np.uint64] = np.concatenate([self.starts, zero]) - np.concatenate([zero, ends])
        return gaps

    def to_bytes(self) -> bytes:
        """The canonical form: equal trees, equal bytes.

        The number of nodes (8 bytes, big endian); a byte for each node from the first leaf to the last, its depth,
        or 255 for a punctured leaf; then the seeds of the living ones, 16 bytes each.
        """
        gaps = self._gaps().astype(np.intp)
        rows = np.arange(len(self)) + np.cumsum(gaps[:-1])
        marks = np.full(len(self) + gaps.sum(), _GAP, dtype=np.uint8)
        marks[rows] = self.depths
        return b"".join([len(marks).to_bytes(_COUNT_BYTES), marks.tobytes(), self.seeds.tobytes()])

    @classmethod
    def from_bytes(cls, data: bytes) -> "KeyTree":
        """Read `to_bytes`; raises KeyStateError for anything that it would not have written."""
        count = int.from_bytes(data[:_COUNT_BYTES])
        if count + _COUNT_BYTES > len(data):
            raise _malformed("it ends early")
        marks = np.frombuffer(data, dtype=np.uint8, count=count, offset=_COUNT_BYTES)
        living = marks != _GAP
        depths = marks[living]
        begin = _COUNT_BYTES + count
        if len(data) - begin != len(depths) * SEED_BYTES or not len(depths) or depths.max() > DEPTH:
            raise _malformed("its parts do not fit each other")
        ends = np.cumsum(_SIZES[marks], dtype=np.uint64)
        starts = ends - _SIZES[marks]
        _check_tiling(starts, ends, marks)
        seeds = np.frombuffer(data, dtype=np.uint8, offset=begin).reshape(-1, SEED_BYTES)
        return cls(starts[living], depths, seeds)


def _spliced(
    old: npt.NDArray[_Item], rows: list[int], new: npt.NDArray[_Item], cuts: list[int]
) -> npt.NDArray[_Item]:
    """`old` with `new[cuts[i]:cuts[i + 1]]` in the place of `rows[i]`; rows ascend."""
    parts: list[npt.NDArray[_Item]] = []
    begin = 0
    for at, row in enumerate(rows):
        parts += [old[begin:row], new[cuts[at] : cuts[at + 1]]]
        begin = row + 1
    return np.concatenate([*parts, old[begin:]])


def _survivors(starts: Leaves, depths: Depths, seeds: Seeds, first: Positions, doomed: Leaves) -> KeyTree:
    """Below nodes that each cover some of the sorted `doomed` (from `first[i]` to `first[i + 1]`): what lives on.

    A level at a time: a node that covers a doomed leaf gives way to its children; a child that covers none lives.
    """
    last = np.append(first[1:], len(doomed))
    by_level = [(starts[:0], depths[:0], seeds[:0])]
    entering: tuple[npt.NDArray[Any], ...] = (starts, seeds, first, last)
    here: tuple[npt.NDArray[Any], ...] = tuple(each[:0] for each in entering)
    for level in range(int(depths.min()), DEPTH):
        joining = depths == level
        start, seed, begin, end = (
            np.concatenate([old, new[joining]]) for old, new in zip(here, entering, strict=True)
        )
        middle = start + _SIZES[level + 1]
        split = np.searchsorted(doomed, middle)  # within begin and end, as the middle is within the node
        left, right = children(seed)
        left_lives, right_lives = split == begin, split == end
        lives = (
            np.concatenate([start[left_lives], middle[right_lives]]),
            np.concatenate([left[left_lives], right[right_lives]]),
        )
        by_level.append((lives[0], np.full(len(lives[0]), level + 1, dtype=np.uint8), lives[1]))
        here = (
            np.concatenate([start[~left_lives], middle[~right_lives]]),
            np.concatenate([left[~left_lives], right[~right_lives]]),
            np.concatenate([begin[~left_lives], split[~right_lives]]),
            np.concatenate([split[~left_lives], end[~right_lives]]),
        )
    all_starts, all_depths, all_seeds = (np.concatenate(part) for part in zip(*by_level, strict=True))
    order = np.argsort(all_starts)
    return KeyTree(all_starts[order], all_depths[order], all_seeds[order])


def _check_tiling(starts: Leaves, ends: Leaves, marks: npt.NDArray[np.uint8]) -> None:
    """That nodes cover each leaf once, stand where their depth can, and could not be one node higher."""
    sizes = _SIZES[marks]
    once = bool((starts[1:] > starts[:-1]).all()) and ends[-1] == 0
    aligned = not (starts & (sizes - np.uint64(1))).any()
    if not (once and aligned):
        raise _malformed("its nodes do not cover each leaf once")
    twins = (marks[1:] == marks[:-1]) & (marks[1:] != _GAP)
    if (twins & ((starts[1:] ^ starts[:-1]) == sizes[1:])).any():
        raise _malformed("two of its nodes stand for their parent")


def _malformed(why: str) -> KeyStateError:
    return KeyStateError(f"a key tree can't be read: {why}")
