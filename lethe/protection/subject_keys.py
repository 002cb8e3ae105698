"""Each subject's keys and references, derived from the key state; and their destruction.

Nothing is stored a subject. Its leaf in the tree is an HMAC of its subject_id and its generation (how often it was
erased before) under the pepper; the leaf's seed gives, under a label each, the subject key, the contribution's id and
the audit_ref (HMAC-SHA256, RFC 2104). docs/protection.md has it byte by byte, with test vectors.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NoReturn, TypeAlias

import numpy as np
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lethe.errors import KeyStateError, PuncturedError
from lethe.protection.ggm import SEED_BYTES, Leaves
from lethe.protection.key_state import KeyState
from lethe.protection.key_store import KeyStore

SUBJECT_BYTES: Final = 32
GENERATION_BYTES: Final = 4
NAME_BYTES: Final = SUBJECT_BYTES + GENERATION_BYTES

_LEAF: Final = b"lethe leaf"
_KEY: Final = b"lethe key"
_CONTRIBUTION: Final = b"lethe contribution"
_AUDIT: Final = b"lethe audit"

_BLOCK_BYTES: Final = 64  # of SHA-256
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))
_INNER_REST: Final = b"\x36" * (_BLOCK_BYTES - SEED_BYTES)
_OUTER_REST: Final = b"\x5c" * (_BLOCK_BYTES - SEED_BYTES)

Subject: TypeAlias = tuple[str, int]  # subject_id, generation


def _hmac(seed: bytes, message: bytes) -> bytes:
    """HMAC-SHA256 under a key of 16 bytes, as RFC 2104 writes it: 3 µs, where hmac.digest takes 4.5."""
    inner = hashlib.sha256(seed.translate(_INNER) + _INNER_REST + message).digest()
    return hashlib.sha256(seed.translate(_OUTER) + _OUTER_REST + inner).digest()


class Derived:
    """What one subject's leaf gives, each computed when it is asked for first. Not shown, not pickled."""

    __slots__ = ("_cipher", "_key", "_seed", "name", "root")

    def __init__(self, root: int, name: bytes, seed: bytes) -> None:
        self.root = root  # by its id
        self.name = name  # subject_id (32 bytes) and generation (4 bytes, big endian)
        self._seed = seed
        self._key: bytes | None = None
        self._cipher: AESGCM | None = None

    @property
    def key(self) -> bytes:
        """The subject key: 32 bytes."""
        if self._key is None:
            self._key = _hmac(self._seed, _KEY + self.name)
        return self._key

    @property
    def cipher(self) -> AESGCM:
        """AES-256-GCM under the subject key: one for all blobs of a row, since its set-up costs 3 µs."""
        if self._cipher is None:
            self._cipher = AESGCM(self.key)
        return self._cipher

    @property
    def contribution_id(self) -> str:
        """The `_id` of the subject's contribution: 64 hex digits."""
        return _hmac(self._seed, _CONTRIBUTION + self.name).hex()

    @property
    def audit_ref(self) -> str:
        """The subject's name in audit trail and certificates: 64 hex digits."""
        return _hmac(self._seed, _AUDIT + self.name).hex()

    @property
    def subject_id(self) -> str:
        """64 hex digits."""
        return self.name[:SUBJECT_BYTES].hex()

    @property
    def generation(self) -> int:
        """How often the subject was erased before."""
        return int.from_bytes(self.name[SUBJECT_BYTES:])

    def __reduce__(self) -> NoReturn:
        """Refused: pickled, it would stand in task descriptions, plans and spill files."""
        raise KeyStateError("a subject's keys are not pickled; each process derives them itself")


def names_of(subject_ids: Sequence[str], generations: Sequence[int]) -> list[bytes]:
    """Of each subject its subject_id (32 bytes) and generation (4 bytes, big endian).

    Raises ValueError for what is not 64 hex digits, or not as many generations; OverflowError for a generation that
    does not fit.
    """
    count = len(subject_ids)
    if count != len(generations):
        raise ValueError(f"{count} subjects, {len(generations)} generations")
    if any(len(each) != 2 * SUBJECT_BYTES for each in subject_ids):
        raise ValueError(f"a subject_id has {2 * SUBJECT_BYTES} hex digits")
    packed = np.empty((count, NAME_BYTES), dtype=np.uint8)
    digests = np.frombuffer(bytes.fromhex("".join(subject_ids)), dtype=np.uint8)
    packed[:, :SUBJECT_BYTES] = digests.reshape(count, SUBJECT_BYTES)
    numbers = np.array(generations, dtype=np.uint32).astype(">u4")
    packed[:, SUBJECT_BYTES:] = numbers.view(np.uint8).reshape(count, GENERATION_BYTES)
    names = packed.tobytes()
    return [names[at : at + NAME_BYTES] for at in range(0, count * NAME_BYTES, NAME_BYTES)]


class LeafNumbers:
    """Which leaf is whose: the first 64 bits of HMAC-SHA256(pepper, "lethe leaf" || name), big endian."""

    def __init__(self, pepper: bytes) -> None:
        self._begun = hmac.HMAC(pepper, hashes.SHA256())  # copied: half the cost of beginning anew
        self._begun.update(_LEAF)

    def of(self, names: Iterable[bytes]) -> Leaves:
        """The leaves of names as `names_of` gives them, shape (n,)."""
        digests: list[bytes] = []
        for name in names:
            mac = self._begun.copy()
            mac.update(name)
            digests.append(mac.finalize())
        words = np.frombuffer(b"".join(digests), dtype=">u8").reshape(-1, 4)
        return words[:, 0].astype(np.uint64)


class SubjectKeys:
    """Subject keys under one key state. It does not change: ask KeyStore.epoch whether there is a newer state."""

    def __init__(self, state: KeyState, pepper: bytes) -> None:
        self.state = state
        self._leaves = LeafNumbers(pepper)

    def derive(
        self, subject_ids: Sequence[str], generations: Sequence[int], root: int | None = None
    ) -> list[Derived | None]:
        """What each subject's leaf gives, under one root (None: that of new rows); None where it is punctured.

        About 3 µs a subject in batches of 4,000, and 3 µs more for each key or reference asked for.
        Raises KeyStateError for a root that the state does not have, and as `names_of` does.
        """
        chosen = self.state.current if root is None else root
        names = names_of(subject_ids, generations)
        seeds, alive = self.state.tree(chosen).leaf_seeds(self._leaves.of(names))
        flat = seeds.tobytes()
        return [
            Derived(chosen, name, flat[at : at + SEED_BYTES]) if living else None
            for at, name, living in zip(range(0, len(flat), SEED_BYTES), names, alive.tolist(), strict=True)
        ]

    def older_names(self, subject_ids: Sequence[str], generations: Sequence[int]) -> list[tuple[str, ...]]:
        """The names that older roots give each subject's contribution, while there are any; raises as `derive`."""
        older = [root for root in self.state.roots if root != self.state.current]
        if not older:
            return [()] * len(subject_ids)
        by_root = [self.derive(subject_ids, generations, root) for root in older]
        return [
            tuple(each.contribution_id for each in found if each is not None)
            for found in zip(*by_root, strict=True)
        ]

    def one(self, subject_id: str, generation: int, root: int | None = None) -> Derived:
        """`derive` for one subject; raises PuncturedError where it is punctured."""
        (derived,) = self.derive([subject_id], [generation], root)
        if derived is None:
            raise PuncturedError(
                "the subject's key has been destroyed by an erasure; nothing can be read with it"
            )
        return derived


def puncture(
    store: KeyStore,
    pepper: bytes,
    subjects: Iterable[Subject],
    before: Callable[[SubjectKeys], object] | None = None,
) -> KeyState:
    """Destroy the keys of all subjects, in every root, by one new epoch; returns the state in force then.

    From then on nobody derives them, from no copy. Where all are punctured already no epoch is made. `before` is called
    with the keys as they are at the last, while nobody else can change the state: what only they tell can be kept.
    Raises as KeyStore.change, `names_of` and `before` do.
    """
    listed = list(subjects)
    names = names_of([subject for subject, _ in listed], [generation for _, generation in listed])
    leaves = LeafNumbers(pepper).of(names)

    def change(state: KeyState) -> KeyState:
        if before is not None:
            before(SubjectKeys(state, pepper))
        return state.puncture(dict.fromkeys(state.roots, leaves))

    return store.change(change)
