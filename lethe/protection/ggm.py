"""The tree that subject keys come from: a puncturable pseudorandom function, computed for a whole batch at once.

Goldreich, Goldwasser, Micali, "How to construct random functions" (JACM 1986): a seed of 128 bits at the root, two
at its children, and so on to 2^64 leaves. Whoever holds a node's seed computes every leaf below it; without a seed
on its path a leaf can't be told from chance.

The generator of a node's two children is AES under a fixed, public key in Matyas-Meyer-Oseas mode: G(s) = H(s) ||
H(s xor 1) with H(x) = AES(x) xor x (Guo, Katz, Wang, Yu, "Efficient and secure multiparty computation from
fixed-key block ciphers", IEEE S&P 2020). A level is one call of AES for all seeds of a batch.
"""

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

DEPTH: Final = 64
SEED_BYTES: Final = 16

Seeds: TypeAlias = npt.NDArray[np.uint8]  # shape (n, 16)
Leaves: TypeAlias = npt.NDArray[np.uint64]  # shape (n,): the path, highest bit first
Depths: TypeAlias = npt.NDArray[np.uint8]  # shape (n,): 0 is the root, 64 a leaf

# Public, and the same everywhere: the first 16 bytes of SHA-256("lethe ggm generator 1").
GENERATOR_KEY: Final = bytes.fromhex("880b259247d2c7da2372d33f60685350")
_LAST_BYTE: Final = SEED_BYTES - 1
_CHUNK: Final = 16_384  # leaves at once: both buffers stay in the processor's cache


def _generator() -> CipherContext:
    """AES on whole blocks, each by itself: a call's input and output are any number of blocks."""
    return Cipher(algorithms.AES(GENERATOR_KEY), modes.ECB()).encryptor()  # noqa: S305 - a permutation, not a mode


def children(seeds: Seeds) -> tuple[Seeds, Seeds]:
    """Of each seed the left child's and the right child's, both of shape (n, 16)."""
    both = np.concatenate([seeds, seeds])
    both[len(seeds) :, _LAST_BYTE] ^= 1
    ciphertext = np.frombuffer(_generator().update(both.data), dtype=np.uint8)
    both ^= ciphertext.reshape(both.shape)
    return both[: len(seeds)], both[len(seeds) :]


def descend(seeds: Seeds, depths: Depths, leaves: Leaves) -> Seeds:
    """The seeds of `leaves`, shape (n, 16), each from a seed of its path: `seeds[i]` lies at `depths[i]`.

    About 0.5 µs a leaf from the root in batches of 4,000, 0.5 ms for one alone.
    """
    highest_first = np.argsort(depths, kind="stable")
    result = np.empty((len(leaves), SEED_BYTES), dtype=np.uint8)
    for begin in range(0, len(leaves), _CHUNK):
        chosen = highest_first[begin : begin + _CHUNK]
        result[chosen] = _descend(seeds[chosen], depths[chosen], leaves[chosen])
    return result


def _descend(seeds: Seeds, depths: Depths, leaves: Leaves) -> Seeds:
    """`descend` for depths in ascending order, so that those on their way at a level are the first so many."""
    count = len(leaves)
    steps = np.unpackbits(leaves.astype(">u8").view(np.uint8).reshape(count, 8), axis=1)
    step_at = np.ascontiguousarray(steps.T)  # (64, n): which way each goes at a level
    moving_at = np.searchsorted(depths, np.arange(DEPTH), side="right").tolist()
    here = np.empty(count * SEED_BYTES, dtype=np.uint8)
    here[:] = seeds.reshape(-1)
    ciphertext = np.empty((count + 1) * SEED_BYTES, dtype=np.uint8)  # the library asks for a block more
    last_bytes = here[_LAST_BYTE::SEED_BYTES]
    wide_here, wide_ciphertext = here.view(np.uint64), ciphertext.view(np.uint64)
    encrypt = _generator().update_into
    for level in range(int(depths[0]), DEPTH):
        moving = moving_at[level]
        last_bytes[:moving] ^= step_at[level, :moving]
        encrypt(here[: moving * SEED_BYTES].data, ciphertext.data)
        wide_here[: moving * 2] ^= wide_ciphertext[: moving * 2]
    return here.reshape(count, SEED_BYTES)
