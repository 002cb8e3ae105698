"""The tree that is built from a stream is that of lethe.evidence.merkle, and so are its proofs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lethe.audit.tree import Growth, Tree
from lethe.evidence import merkle

LEAVES = [merkle.leaf_hash(bytes([at])) for at in range(100)]


def tree_of(size: int) -> Tree:
    tree = Tree()
    for leaf in LEAVES[:size]:
        tree.add(leaf)
    return tree


@pytest.mark.parametrize("size", range(len(LEAVES) + 1))
def test_the_root_is_that_of_the_whole_list(size: int) -> None:
    assert tree_of(size).root() == merkle.root(LEAVES[:size])


@given(st.integers(0, 99), st.integers(0, 99))
def test_a_tree_goes_on_from_its_peaks(one: int, other: int) -> None:
    earlier, size = sorted((one, other))
    tree = Tree(earlier, tree_of(earlier).peaks)
    for leaf in LEAVES[earlier:size]:
        tree.add(leaf)
    assert tree.root() == merkle.root(LEAVES[:size])


def test_a_size_and_peaks_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="3 leaves has other than 1 peaks"):
        Tree(3, [LEAVES[0]])


@pytest.mark.parametrize("earlier", range(1, 71))
def test_growth_is_shown_as_the_rfc_says(earlier: int) -> None:
    growth, tree = Growth(tree_of(earlier)), tree_of(earlier)
    for size in range(earlier, 71):
        assert growth.proof() == merkle.consistency_proof(LEAVES[:size], earlier)
        assert merkle.is_consistent(earlier, size, merkle.root(LEAVES[:earlier]), tree.root(), growth.proof())
        growth.add(LEAVES[size])
        tree.add(LEAVES[size])
