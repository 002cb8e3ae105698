"""The slow, obvious form of lethe/protection, of which it imports nothing: one AES call a node, recursion, dicts."""

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

DEPTH = 64
FIXED_KEY = hashlib.sha256(b"lethe ggm generator 1").digest()[:16]


def h(x: bytes) -> bytes:
    """Matyas-Meyer-Oseas: AES(x) xor x under the fixed key."""
    block = Cipher(algorithms.AES(FIXED_KEY), modes.ECB()).encryptor().update(x)  # noqa: S305 - one block
    return bytes(a ^ b for a, b in zip(block, x, strict=True))


def child(seed: bytes, bit: str) -> bytes:
    """G(s) = H(s) || H(s xor 1): its left half, or its right half."""
    return h(seed) if bit == "0" else h(seed[:-1] + bytes([seed[-1] ^ 1]))


def path_of(leaf: int) -> str:
    """Its 64 bits, the highest first."""
    return format(leaf, "064b")


def below(seed: bytes, path: str) -> bytes:
    """The seed of the node that the path leads to from the seed's own."""
    return seed if not path else below(child(seed, path[0]), path[1:])


@dataclass
class Tree:
    """Living seeds by their paths from the root; the root's own path is empty."""

    seeds: dict[str, bytes]
    punctured: set[str] = field(default_factory=set)

    def covering(self, path: str) -> str | None:
        """The path of the living seed above a leaf."""
        above = [path[:length] for length in range(DEPTH + 1) if path[:length] in self.seeds]
        return above[0] if above else None

    def leaf_seed(self, leaf: int) -> bytes | None:
        path = path_of(leaf)
        above = self.covering(path)
        return None if above is None else below(self.seeds[above], path[len(above) :])

    def puncture(self, leaf: int) -> None:
        path = path_of(leaf)
        above = self.covering(path)
        if above is None:
            return
        seed = self.seeds.pop(above)
        for length in range(len(above), DEPTH):
            sibling = path[:length] + ("1" if path[length] == "0" else "0")
            self.seeds[sibling] = child(seed, sibling[-1])
            seed = child(seed, path[length])
        self.punctured.add(path)

    def rows(self) -> list[tuple[int, int, bytes]]:
        """First leaf, depth and seed of each living seed, ascending."""
        return sorted((int(path.ljust(DEPTH, "0"), 2), len(path), seed) for path, seed in self.seeds.items())

    def to_bytes(self) -> bytes:
        nodes = sorted([*self.seeds, *self.punctured])  # no path is the beginning of another
        marks = bytes(0xFF if path in self.punctured else len(path) for path in nodes)
        return (
            len(nodes).to_bytes(8, "big") + marks + b"".join(self.seeds[p] for p in nodes if p in self.seeds)
        )


def name(subject_id: str, generation: int) -> bytes:
    return bytes.fromhex(subject_id) + generation.to_bytes(4, "big")


def mac(key: bytes, label: str, subject_id: str, generation: int) -> bytes:
    return hmac.new(key, label.encode() + name(subject_id, generation), hashlib.sha256).digest()


def leaf(pepper: bytes, subject_id: str, generation: int) -> int:
    return int.from_bytes(mac(pepper, "lethe leaf", subject_id, generation)[:8], "big")


@dataclass(frozen=True)
class Keys:
    """What a subject's leaf seed gives."""

    key: bytes
    contribution_id: str
    audit_ref: str


def keys(leaf_seed: bytes, subject_id: str, generation: int) -> Keys:
    labels = ("lethe key", "lethe contribution", "lethe audit")
    key, contribution, audit = (mac(leaf_seed, label, subject_id, generation) for label in labels)
    return Keys(key, contribution.hex(), audit.hex())


@dataclass(frozen=True)
class Place:
    """Where a blob stands, and what its header says."""

    root: int
    generation: int
    register_version: str
    subject_id: str
    group: str

    def header(self) -> bytes:
        numbers = self.root.to_bytes(4, "big") + self.generation.to_bytes(4, "big")
        return b"\x01" + numbers + bytes.fromhex(self.register_version)

    def associated_data(self) -> bytes:
        return self.header() + bytes.fromhex(self.subject_id) + self.group.encode("ascii")


def plaintext(values: dict[str, Any]) -> bytes:
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=False).encode()
    while len(text) % 32:
        text += b" "
    return text


def blob(key: bytes, place: Place, values: dict[str, Any], nonce: bytes) -> bytes:
    sealed = AESGCM(key).encrypt(nonce, plaintext(values), place.associated_data())
    return place.header() + nonce + sealed
