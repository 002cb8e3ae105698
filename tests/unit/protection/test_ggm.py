"""The vectorised tree gives what the slow one gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lethe.protection import ggm
from tests.unit.protection import reference

SEEDS = st.binary(min_size=16, max_size=16)
LEAVES = st.integers(0, 2**64 - 1)


def rows(seeds: list[bytes]) -> ggm.Seeds:
    return np.frombuffer(b"".join(seeds), dtype=np.uint8).reshape(-1, ggm.SEED_BYTES)


def test_the_fixed_key_is_the_hash_that_the_documents_name() -> None:
    assert reference.FIXED_KEY == ggm.GENERATOR_KEY


@given(st.lists(SEEDS, max_size=5))
def test_children_are_those_of_the_slow_tree(seeds: list[bytes]) -> None:
    left, right = ggm.children(rows(seeds))
    assert left.tobytes() == b"".join(reference.child(seed, "0") for seed in seeds)
    assert right.tobytes() == b"".join(reference.child(seed, "1") for seed in seeds)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(SEEDS, st.integers(0, 64), LEAVES), max_size=6))
def test_leaf_seeds_from_any_depth_are_those_of_the_slow_tree(nodes: list[tuple[bytes, int, int]]) -> None:
    seeds, depths, leaves = zip(*nodes, strict=True) if nodes else ((), (), ())
    found = ggm.descend(
        rows(list(seeds)), np.array(depths, dtype=np.uint8), np.array(leaves, dtype=np.uint64)
    )
    expected = [reference.below(seed, reference.path_of(leaf)[depth:]) for seed, depth, leaf in nodes]
    assert [row.tobytes() for row in found] == expected


@pytest.mark.parametrize("count", [1, ggm._CHUNK, ggm._CHUNK + 1, 2 * ggm._CHUNK + 3])
def test_a_batch_of_any_size_gives_what_its_leaves_give_alone(count: int) -> None:
    random = np.random.default_rng(count)
    leaves = random.integers(0, 2**64, count, dtype=np.uint64)
    depths = random.integers(0, 65, count, dtype=np.uint8)
    seeds = random.integers(0, 256, (count, 16), dtype=np.uint8)
    found = ggm.descend(seeds, depths, leaves)
    for row in {0, count // 2, count - 1}:
        path = reference.path_of(int(leaves[row]))[depths[row] :]
        assert found[row].tobytes() == reference.below(seeds[row].tobytes(), path)


def test_descending_leaves_what_it_was_given_as_it_was() -> None:
    seeds = rows([bytes(16)])
    ggm.descend(seeds, np.zeros(1, dtype=np.uint8), np.ones(1, dtype=np.uint64))
    ggm.children(seeds)
    assert not seeds.any()
