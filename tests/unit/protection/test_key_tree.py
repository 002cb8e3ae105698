"""A tree with leaves taken away: what lives gives the same seeds, what is punctured gives none."""

import pickle
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lethe.errors import KeyStateError
from lethe.protection.ggm import Leaves
from lethe.protection.key_tree import KeyTree
from tests.unit.protection import reference

ROOT = bytes(range(16))
LAST = 2**64 - 1
# Close together, at both ends, across the middle, and anywhere: neighbours meet at every depth.
LEAF = st.one_of(
    st.integers(0, 9),
    st.integers(LAST - 9, LAST),
    st.integers(2**63 - 3, 2**63 + 3),
    st.integers(0, 63).map(lambda bit: 1 << bit),
    st.integers(0, LAST),
)
FEW = st.lists(LEAF, max_size=8)


def array(leaves: Iterable[int]) -> Leaves:
    return np.array(list(leaves), dtype=np.uint64)


def slow(leaves: Iterable[int]) -> reference.Tree:
    tree = reference.Tree({"": ROOT})
    for leaf in leaves:
        tree.puncture(leaf)
    return tree


def fast(*groups: Iterable[int]) -> KeyTree:
    tree = KeyTree.of_root(ROOT)
    for leaves in groups:
        tree = tree.puncture(array(leaves))
    return tree


def living(tree: KeyTree) -> list[tuple[int, int, bytes]]:
    rows = zip(tree.starts, tree.depths, tree.seeds, strict=True)
    return [(int(start), int(depth), seed.tobytes()) for start, depth, seed in rows]


@settings(max_examples=60, deadline=None)
@given(FEW, FEW)
def test_the_living_seeds_are_those_of_the_slow_tree(first: list[int], second: list[int]) -> None:
    assert living(fast(first, second)) == slow([*first, *second]).rows()


@settings(max_examples=60, deadline=None)
@given(FEW, FEW)
def test_each_leaf_gives_what_the_slow_tree_gives(doomed: list[int], others: list[int]) -> None:
    near = [(leaf + step) % 2**64 for leaf in doomed for step in (-1, 1)]
    asked = [*doomed, *others, *near]
    seeds, alive = fast(doomed).leaf_seeds(array(asked))
    tree = slow(doomed)
    expected = [tree.leaf_seed(leaf) for leaf in asked]
    assert [each.tobytes() if lives else None for each, lives in zip(seeds, alive, strict=True)] == expected
    assert not seeds[~alive].any()


@settings(max_examples=30, deadline=None)
@given(FEW, FEW)
def test_puncturing_again_changes_nothing_and_the_order_does_not_matter(
    first: list[int], second: list[int]
) -> None:
    both = fast(first, second)
    assert both == fast([*second, *first]) == fast(*([leaf] for leaf in [*second, *first, *second]))
    assert both.puncture(array([*first, *first, *second])) is both
    assert both.punctures == len({*first, *second})


@settings(max_examples=60, deadline=None)
@given(FEW)
def test_the_written_form_is_that_of_the_slow_tree_and_is_read_back(doomed: list[int]) -> None:
    tree = fast(doomed)
    assert tree.to_bytes() == slow(doomed).to_bytes()
    assert KeyTree.from_bytes(tree.to_bytes()) == tree
    assert KeyTree.from_bytes(tree.to_bytes()).to_bytes() == tree.to_bytes()


@settings(max_examples=100, deadline=None)
@given(FEW, st.data())
def test_a_changed_form_is_refused_or_is_the_form_of_another_tree(
    doomed: list[int], data: st.DataObject
) -> None:
    form = bytearray(fast(doomed).to_bytes())
    at = data.draw(st.integers(0, len(form) - 1))
    form[at] ^= data.draw(st.integers(1, 255))
    try:
        read = KeyTree.from_bytes(bytes(form))
    except KeyStateError:
        return
    assert read.to_bytes() == form


@pytest.mark.parametrize(
    ("form", "why"),
    [
        (b"", "ends early"),
        (bytes(8), "do not fit"),
        ((2).to_bytes(8, "big") + b"\x00", "ends early"),
        ((1).to_bytes(8, "big") + b"\x00" + bytes(15), "do not fit"),
        ((1).to_bytes(8, "big") + b"\x00" + bytes(17), "do not fit"),
        ((1).to_bytes(8, "big") + b"\x41" + bytes(16), "do not fit"),
        ((1).to_bytes(8, "big") + b"\x01" + bytes(16), "cover each leaf once"),
        ((3).to_bytes(8, "big") + b"\x01\x01\x01" + bytes(48), "cover each leaf once"),
        ((4).to_bytes(8, "big") + b"\x01\x01\x01\x01" + bytes(64), "cover each leaf once"),
        ((3).to_bytes(8, "big") + b"\x02\x01\x02" + bytes(48), "cover each leaf once"),
        ((2).to_bytes(8, "big") + b"\x01\x01" + bytes(32), "stand for their parent"),
        ((3).to_bytes(8, "big") + b"\x01\x02\x02" + bytes(48), "stand for their parent"),
    ],
)
def test_a_form_that_no_tree_has_is_refused(form: bytes, why: str) -> None:
    with pytest.raises(KeyStateError, match=why):
        KeyTree.from_bytes(form)


def test_a_large_puncture_is_the_same_in_one_step_as_in_many() -> None:
    random = np.random.default_rng(7)
    leaves = random.integers(0, 2**64, 3_000, dtype=np.uint64)
    whole = fast(leaves.tolist())
    assert whole == fast(*(part.tolist() for part in np.array_split(leaves, 7)))
    assert not whole.leaf_seeds(leaves)[1].any()
    others = random.integers(0, 2**64, 3_000, dtype=np.uint64)
    seeds, alive = whole.leaf_seeds(others)
    assert alive.all()
    assert np.array_equal(seeds, KeyTree.of_root(ROOT).leaf_seeds(others)[0])


def test_one_erasure_costs_about_a_kilobyte() -> None:
    assert len(fast([2**40 + 12345]).to_bytes()) == 8 + 65 + 64 * 16


def test_no_batch_at_all_is_a_batch() -> None:
    seeds, alive = fast([1]).leaf_seeds(array([]))
    assert seeds.shape == (0, 16)
    assert alive.shape == (0,)


def test_a_tree_is_neither_changed_nor_shown_nor_pickled() -> None:
    tree = fast([5])
    with pytest.raises(ValueError, match="read-only"):
        tree.seeds[0, 0] = 1
    assert repr(tree) == "KeyTree(64 seeds)"
    with pytest.raises(KeyStateError):
        pickle.dumps(tree)
    assert tree != fast([6])
    assert tree != "KeyTree(64 seeds)"
