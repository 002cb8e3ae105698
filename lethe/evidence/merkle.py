"""Trees of hashes, as in RFC 6962 s2.1: one root for a list, a short proof for each entry, and of growth alone.

A leaf is hashed with a zero byte before it and a node with a one, so that neither can be taken for the other.
"""

import hashlib
from collections.abc import Iterator, Sequence

HASH_BYTES = 32


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry)."""
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\1" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash of leaf hashes (32 bytes each), in their order; that of none is SHA-256 of nothing."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = list(leaves)
    while len(level) > 1:
        paired = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
    return level[0]


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The siblings from leaf to root (s2.1.1). Raises IndexError where there is no such leaf."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"no leaf {index} among {len(leaves)}")
    proof, level, at = list[bytes](), list(leaves), index
    while len(level) > 1:
        if (sibling := at ^ 1) < len(level):
            proof.append(level[sibling])
        paired = [node_hash(level[each], level[each + 1]) for each in range(0, len(level) - 1, 2)]
        level, at = paired + level[len(paired) * 2 :], at // 2
    return proof


def inclusion_proofs(leaves: Sequence[bytes]) -> Iterator[list[bytes]]:
    """`inclusion_proof` of every leaf in turn, with each node hashed once."""
    levels = [list(leaves)]
    while len(level := levels[-1]) > 1:
        paired = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        levels.append(paired + level[len(paired) * 2 :])
    for index in range(len(leaves)):
        places = ((level, index >> height ^ 1) for height, level in enumerate(levels[:-1]))
        yield [level[sibling] for level, sibling in places if sibling < len(level)]


def is_included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> bool:
    """Whether a leaf hash stands at `index` of a list of `size` with this root (RFC 9162 s2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, value = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if at % 2 or at == last:
            value = node_hash(sibling, value)
            while at % 2 == 0 and at:
                at, last = at // 2, last // 2
        else:
            value = node_hash(value, sibling)
        at, last = at // 2, last // 2
    return last == 0 and value == expected


def consistency_proof(leaves: Sequence[bytes], earlier: int) -> list[bytes]:
    """What shows that the first `earlier` leaves are those of an earlier tree (s2.1.2).

    Raises IndexError where the earlier tree has no leaf, or more than this one.
    """
    if not 0 < earlier <= len(leaves):
        raise IndexError(f"no earlier tree of {earlier} among {len(leaves)}")
    return _subproof(leaves, earlier, is_whole=True)


def _subproof(leaves: Sequence[bytes], earlier: int, *, is_whole: bool) -> list[bytes]:
    if earlier == len(leaves):
        return [] if is_whole else [root(leaves)]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    left, right = leaves[:split], leaves[split:]
    if earlier <= split:
        return [*_subproof(left, earlier, is_whole=is_whole), root(right)]
    return [*_subproof(right, earlier - split, is_whole=False), root(left)]


def is_consistent(
    earlier: int, size: int, earlier_root: bytes, later_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether a tree of `size` begins with the tree of `earlier` leaves (RFC 9162 s2.1.4.2)."""
    if not 0 < earlier <= size:
        return False
    if earlier == size:
        return not proof and earlier_root == later_root
    path = list(proof)
    if earlier & (earlier - 1) == 0:
        path.insert(0, earlier_root)
    if not path:
        return False
    at, last = earlier - 1, size - 1
    while at % 2:
        at, last = at // 2, last // 2
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if at % 2 or at == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while at % 2 == 0 and at:
                at, last = at // 2, last // 2
        else:
            new = node_hash(new, sibling)
        at, last = at // 2, last // 2
    return last == 0 and old == earlier_root and new == later_root
