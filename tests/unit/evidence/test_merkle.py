"""Trees of hashes against RFC 6962's own recursion, written out here as the RFC says it."""

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lethe.evidence import merkle

LEAVES = [merkle.leaf_hash(bytes([at])) for at in range(40)]
SIZES = st.integers(1, len(LEAVES))


def as_the_rfc_says(entries: Sequence[bytes]) -> bytes:
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    split = 1
    while split * 2 < len(entries):
        split *= 2
    left, right = as_the_rfc_says(entries[:split]), as_the_rfc_says(entries[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


@given(st.lists(st.binary(max_size=8), max_size=70))
def test_the_root_is_that_of_the_rfc(entries: list[bytes]) -> None:
    assert merkle.root([merkle.leaf_hash(entry) for entry in entries]) == as_the_rfc_says(entries)


# The entries and roots with which implementations of Certificate Transparency are tested.
PUBLISHED = [
    (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
    (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
    (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
    (7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
    (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
]
ENTRIES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]


@pytest.mark.parametrize(("size", "expected"), PUBLISHED)
def test_the_root_is_the_published_one(size: int, expected: str) -> None:
    leaves = [merkle.leaf_hash(bytes.fromhex(entry)) for entry in ENTRIES[:size]]
    assert merkle.root(leaves).hex() == expected


@given(SIZES, st.data())
def test_every_leaf_has_a_proof_that_fits_nothing_else(size: int, data: st.DataObject) -> None:
    leaves, index = LEAVES[:size], data.draw(st.integers(0, size - 1))
    proof, root = merkle.inclusion_proof(leaves, index), merkle.root(leaves)
    assert merkle.is_included(leaves[index], index, size, proof, root)
    assert not merkle.is_included(merkle.leaf_hash(b"another"), index, size, proof, root)
    assert not merkle.is_included(leaves[index], index, size, [*proof, LEAVES[0]], root)
    other = data.draw(st.integers(0, size - 1))
    if other != index:
        assert not merkle.is_included(leaves[index], other, size, proof, root)
    if proof:
        assert not merkle.is_included(leaves[index], index, size, proof[:-1], root)
        bent = bytes(32) if proof[0] != bytes(32) else bytes([1] * 32)
        assert not merkle.is_included(leaves[index], index, size, [bent, *proof[1:]], root)


@given(SIZES, st.data())
def test_growth_is_told_from_a_rewrite(size: int, data: st.DataObject) -> None:
    earlier = data.draw(st.integers(1, size))
    leaves = LEAVES[:size]
    before, after = merkle.root(leaves[:earlier]), merkle.root(leaves)
    proof = merkle.consistency_proof(leaves, earlier)
    assert merkle.is_consistent(earlier, size, before, after, proof)
    rewritten = [*leaves]
    rewritten[data.draw(st.integers(0, earlier - 1))] = merkle.leaf_hash(b"rewritten")
    theirs = merkle.consistency_proof(rewritten, earlier)
    assert not merkle.is_consistent(earlier, size, before, merkle.root(rewritten), theirs)
    assert not merkle.is_consistent(earlier, size, before, after, [*proof, LEAVES[0]])


def test_a_leaf_or_a_tree_that_is_not_there_has_no_proof() -> None:
    with pytest.raises(IndexError):
        merkle.inclusion_proof(LEAVES[:3], 3)
    for earlier in (0, 4):
        with pytest.raises(IndexError):
            merkle.consistency_proof(LEAVES[:3], earlier)


@given(size=st.integers(0, len(LEAVES)))
def test_all_proofs_at_once_are_those_of_each(size: int) -> None:
    leaves = LEAVES[:size]
    assert list(merkle.inclusion_proofs(leaves)) == [
        merkle.inclusion_proof(leaves, index) for index in range(size)
    ]
